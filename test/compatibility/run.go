// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"kubernaut.ai/workflowexecution/test/cluster"
)

const (
	tests = "./test/integration"
	// endPatience is for the tests to stop their cluster after a signal.
	endPatience = time.Minute
)

// testPair runs the tests against one pair. An error is one of this program; a pair that fails is a result.
func (o options) testPair(ctx context.Context, p pair, out io.Writer) (result, error) {
	path := filepath.Join(o.logs, p.logFile())
	log, err := os.Create(path)
	if err != nil {
		return result{}, err
	}
	defer log.Close()
	_, _ = fmt.Fprintf(out, "testing with Kubernetes %s and Tekton %s; log: %s\n", p.kubernetes, p.tekton, path)

	events := newEvents(log, out)
	command := o.command(ctx, p)
	command.Stdout, command.Stderr = events, log
	started := time.Now()
	runErr := command.Run()
	r := events.result()
	r.pair, r.took, r.ok = p, time.Since(started), runErr == nil
	_, _ = fmt.Fprintf(out, "%d passed, %d failed, %d skipped in %s\n", r.passed, r.failed, r.skipped, r.took.Round(time.Second))
	return r, nil
}

func (o options) command(ctx context.Context, p pair) *exec.Cmd {
	command := exec.CommandContext(ctx, "go", "test", "-json", "-count=1", "-timeout="+o.timeout.String(),
		"-run="+o.run, "-skip="+o.skip, tests)
	command.Env = append(os.Environ(), cluster.EnvKubernetes+"="+p.kubernetes, cluster.EnvTekton+"="+p.tekton)
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) }
	command.WaitDelay = endPatience
	return command
}
