// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package images

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

// Ko makes images of Go programs and puts their digests in place of the ko:// references of manifests.
type Ko struct {
	// Program is the path of ko.
	Program string
	// Dir is the folder of the Go module whose programs the manifests name, and of its .ko.yaml.
	Dir string
	// Manifests are files and folders; a path that is not absolute starts at Dir. Folders are read with those below them
	// if Flags has -R.
	Manifests []string
	// Repository is where the images are pushed to, for example 127.0.0.1:5000/workflowexecution.
	Repository string
	// BaseImage is the image on which those of the programs are built. Empty means what .ko.yaml says.
	BaseImage string
	// Env is added to the environment of this process, for example VERSION=v1.0.0 or GOFLAGS=-tags=x.
	Env []string
	// Flags go to "ko resolve", for example --sbom=none or --base-import-paths.
	Flags []string
	// Log receives what ko says while it works; nil is nobody.
	Log io.Writer
}

// Resolve runs "ko resolve" and returns the manifests with references by digest. The error has the end of what ko said.
func (k Ko) Resolve(ctx context.Context) ([]byte, error) {
	// Side by side, two programs would compile the packages that they share twice.
	args := append([]string{"resolve", "--jobs=1"}, k.Flags...)
	for _, manifest := range k.Manifests {
		args = append(args, "--filename="+manifest)
	}
	cmd := exec.CommandContext(ctx, k.Program, args...)
	cmd.Dir = k.Dir
	cmd.Env = k.environment()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if k.Log != nil {
		cmd.Stderr = io.MultiWriter(&stderr, k.Log)
	}
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, fmt.Errorf("ko resolve in %s: %w\n%s", k.Dir, err, LastLines(stderr.String(), 20))
	}
	return stdout.Bytes(), nil
}

// environment is that of this process without a configuration of ko that is meant for something else.
func (k Ko) environment() []string {
	var env []string
	for _, entry := range os.Environ() {
		if !strings.HasPrefix(entry, "KO_") && !strings.HasPrefix(entry, "KOCACHE=") {
			env = append(env, entry)
		}
	}
	env = append(env, "GOWORK=off", "KO_DOCKER_REPO="+k.Repository)
	if k.BaseImage != "" {
		env = append(env, "KO_DEFAULTBASEIMAGE="+k.BaseImage)
	}
	return append(env, k.Env...)
}

// LastLines is the end of a text, where programs say what went wrong.
func LastLines(text string, n int) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
