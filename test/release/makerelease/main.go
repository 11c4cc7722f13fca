// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

// Command makerelease makes a release of the source in the working directory, as its environment says.
package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"kubernaut.ai/workflowexecution/test/release"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	root, err := os.Getwd()
	if err != nil {
		return err
	}
	o := release.Options{
		Root:       root,
		Dir:        filepath.Join(root, "_output", "release"),
		Version:    os.Getenv(release.EnvVersion),
		Repository: os.Getenv(release.EnvRepository),
		BaseImage:  os.Getenv(release.EnvBaseImage),
		Platforms:  strings.Split(cmp.Or(os.Getenv(release.EnvPlatforms), "linux/amd64,linux/arm64"), ","),
		AllowDirty: os.Getenv(release.EnvAllowDirty) == "true",
		Progress:   os.Stderr,
	}
	if err := release.Make(ctx, o); err != nil {
		return err
	}
	fmt.Println("the release is in", o.Dir)
	return nil
}
