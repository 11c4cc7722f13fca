// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

// Package version says which build of the product a program is.
package version

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
)

const unknown = "unknown"

// The linker sets them: -X kubernaut.ai/workflowexecution/pkg/version.version=v1.2.3. What it leaves
// empty is taken from what the go command has noted in the program.
var (
	version string
	commit  string
)

// Info is what a build is known by.
type Info struct {
	// Version is the release, such as v1.2.3.
	Version string
	// Commit is the revision of the source; "-dirty" follows it if files differed from that.
	Commit string
	// GoVersion is the release of the compiler.
	GoVersion string
}

// Get tells what this program was built from; what nobody has noted is "unknown".
func Get() Info {
	build, ok := debug.ReadBuildInfo()
	if !ok {
		build = &debug.BuildInfo{}
	}
	return from(version, commit, build)
}

// from prefers what the linker has set.
func from(version, commit string, build *debug.BuildInfo) Info {
	return Info{
		// The parentheses of Go's "(devel)" would be a comment in a User-Agent.
		Version:   cmp.Or(version, strings.Trim(build.Main.Version, "()"), unknown),
		Commit:    cmp.Or(commit, revision(build), unknown),
		GoVersion: cmp.Or(build.GoVersion, runtime.Version()),
	}
}

func revision(build *debug.BuildInfo) string {
	settings := map[string]string{}
	for _, s := range build.Settings {
		settings[s.Key] = s.Value
	}
	if settings["vcs.revision"] != "" && settings["vcs.modified"] == "true" {
		return settings["vcs.revision"] + "-dirty"
	}
	return settings["vcs.revision"]
}

// String is one line for people.
func (i Info) String() string {
	return fmt.Sprintf("%s (commit %s, %s %s/%s)", i.Version, i.Commit, i.GoVersion, runtime.GOOS, runtime.GOARCH)
}

// UserAgent is how a program of that build introduces itself to the API server: its audit log tells
// from it which release did what.
func (i Info) UserAgent(program string) string {
	return fmt.Sprintf("%s/%s (%s/%s) commit/%s", program, i.Version, runtime.GOOS, runtime.GOARCH, i.Commit)
}
