// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package version

import (
	"os/exec"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func settings(pairs ...string) []debug.BuildSetting {
	var all []debug.BuildSetting
	for i := 0; i < len(pairs); i += 2 {
		all = append(all, debug.BuildSetting{Key: pairs[i], Value: pairs[i+1]})
	}
	return all
}

func TestInfo(t *testing.T) {
	noted := debug.BuildInfo{
		GoVersion: "go1.99", Main: debug.Module{Version: "v0.9.0"}, Settings: settings("vcs", "git", "vcs.revision", "abc", "vcs.modified", "false"),
	}
	changed := noted
	changed.Settings = settings("vcs.revision", "abc", "vcs.modified", "true")
	for name, tc := range map[string]struct {
		version, commit string
		build           debug.BuildInfo
		want            Info
	}{
		"by the linker":      {"v1.2.3", "def", noted, Info{"v1.2.3", "def", "go1.99"}},
		"the commit only":    {"", "def", noted, Info{"v0.9.0", "def", "go1.99"}},
		"by the go command":  {"", "", noted, Info{"v0.9.0", "abc", "go1.99"}},
		"from changed files": {"", "", changed, Info{"v0.9.0", "abc-dirty", "go1.99"}},
		"changed, linked":    {"v1.2.3", "def", changed, Info{"v1.2.3", "def", "go1.99"}},
		"of no release":      {"", "", debug.BuildInfo{Main: debug.Module{Version: "(devel)"}, GoVersion: "go1.99"}, Info{"devel", "unknown", "go1.99"}},
		"without a checkout": {"", "", debug.BuildInfo{Settings: settings("vcs.modified", "true")}, Info{"unknown", "unknown", runtime.Version()}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, from(tc.version, tc.commit, &tc.build)); diff != "" {
				t.Error("(-want, +got):", diff)
			}
		})
	}
}

func TestForms(t *testing.T) {
	platform := runtime.GOOS + "/" + runtime.GOARCH
	info := Info{Version: "v1.2.3", Commit: "def", GoVersion: "go1.99"}
	if got, want := info.String(), "v1.2.3 (commit def, go1.99 "+platform+")"; got != want {
		t.Errorf("String() = %q, want %q", got, want)
	}
	if got, want := info.UserAgent("webhook"), "webhook/v1.2.3 ("+platform+") commit/def"; got != want {
		t.Errorf("UserAgent() = %q, want %q", got, want)
	}
}

// The linker says nothing about a name that does not exist.
func TestNamesForTheLinker(t *testing.T) {
	const name = "kubernaut.ai/workflowexecution/pkg/version."
	output, err := exec.CommandContext(t.Context(), "go", "run",
		"-ldflags=-X "+name+"version=v9.8.7 -X "+name+"commit=0123abc", "./testdata/print").CombinedOutput()
	if err != nil || !strings.HasPrefix(string(output), "v9.8.7 (commit 0123abc, "+runtime.Version()) {
		t.Errorf("%v: %s", err, output)
	}
}
