// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

// Command node runs a cluster with one real node and the product installed, on a machine of its own.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"strconv"
	"syscall"

	"kubernaut.ai/workflowexecution/test/cluster"
	"kubernaut.ai/workflowexecution/test/install"
	"kubernaut.ai/workflowexecution/test/machine"
)

// envOutside tells the program inside, by the addresses that lead there from outside, what to tell the user.
const envOutside = "WORKFLOWEXECUTION_OUTSIDE"

func main() {
	machine.Init()
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code, err := run(ctx, os.Args[1:])
	cancel()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "node:", err)
		code = 1
	}
	os.Exit(code)
}

func run(ctx context.Context, args []string) (exitCode int, err error) {
	root, err := os.Getwd()
	if err != nil {
		return 0, err
	}
	options := cluster.Options{Root: root, Nodes: 1, Progress: os.Stdout}
	if machine.Inside() {
		options.Dir = machine.Folder()
	}
	command := cluster.Command{Name: "node", Folder: "node", Options: options, Out: os.Stdout}
	switch {
	case machine.Inside():
		if command.Outside, err = outside(); err != nil {
			return 0, err
		}
		command.OnReady = ready(root, command.Outside.Registry.Addr().String())
	case len(args) > 0 && args[len(args)-1] == cluster.Supervise:
		return supervise(ctx, options)
	case len(args) > 0 && args[len(args)-1] == "up":
		// Here a user sees what takes minutes, and what is missing.
		if _, err := cluster.BuildNodes(ctx, options); err != nil {
			return 0, err
		}
	}
	return 0, command.Run(ctx, args)
}

// supervise runs the supervisor on a machine of its own. Two ports of this computer lead there.
func supervise(ctx context.Context, options cluster.Options) (exitCode int, err error) {
	var files []*os.File
	for range 2 {
		listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
		if err != nil {
			return 0, err
		}
		tcp, ok := listener.(*net.TCPListener)
		if !ok {
			return 0, fmt.Errorf("a listener on %s is a %T", listener.Addr(), listener)
		}
		file, err := tcp.File()
		if err != nil {
			return 0, err
		}
		files = append(files, file)
	}
	return install.EnterMachine(ctx, options, machine.Options{
		Files: files,
		Env:   []string{fmt.Sprintf("%s=%d", envOutside, os.Getpid())},
	})
}

// outside is how this machine is reached from the computer that it runs on.
func outside() (*cluster.Outside, error) {
	pid, err := strconv.Atoi(os.Getenv(envOutside))
	if err != nil {
		return nil, err
	}
	api, err := net.FileListener(machine.File(0))
	if err != nil {
		return nil, err
	}
	registry, err := net.FileListener(machine.File(1))
	return &cluster.Outside{PID: pid, API: api, Registry: registry}, err
}
