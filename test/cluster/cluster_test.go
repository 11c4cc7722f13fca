// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"testing"
)

// envSupervise makes the test program the supervisor of a detached cluster, with its state in the given folder.
const envSupervise = "WORKFLOWEXECUTION_TEST_SUPERVISE"

// shared is the cluster that all tests use which do not disturb it.
var shared *Cluster

func TestMain(m *testing.M) {
	if state := os.Getenv(envSupervise); state != "" {
		os.Exit(supervise(state))
	}
	os.Exit(RunTests(m, Options{Progress: os.Stderr}, func(c *Cluster) { shared = c }))
}

func supervise(state string) int {
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer cancel()
	if err := (Detached{State: state}).Supervise(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}
