// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// RunTests is the body of a TestMain whose tests share a cluster: it starts the cluster, hands it over, runs the
// tests and stops it. The state folder stays when a test failed. A signal ends the cluster with the tests.
func RunTests(m interface{ Run() int }, o Options, use func(*Cluster)) (exitCode int) {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	c, err := Start(ctx, o)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	use(c)

	result := make(chan int, 1)
	go func() { result <- m.Run() }()
	select {
	case exitCode = <-result:
	case <-ctx.Done():
		fmt.Fprintln(os.Stderr, "interrupted")
		exitCode = 130
	}
	if exitCode != 0 && ctx.Err() == nil {
		c.KeepState()
	}
	if err := c.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, "stopping the local cluster:", err)
		return max(exitCode, 1)
	}
	return exitCode
}
