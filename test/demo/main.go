// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

// Command demo shows the product at work on a local cluster: "demo run" takes one WorkflowExecution
// to Completed and one to Failed before the user's eyes; "demo up" leaves a cluster with the product
// running, "demo down" stops it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"kubernaut.ai/workflowexecution/test/cluster"
	"kubernaut.ai/workflowexecution/test/install"
)

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	cancel()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	root, err := os.Getwd()
	if err != nil {
		return err
	}
	options := install.Options(root, cluster.Options{Progress: os.Stdout})
	if len(args) == 1 && args[0] == "run" {
		return show(ctx, root, options)
	}
	command := cluster.Command{Name: "demo", Options: options, Out: os.Stdout, OnReady: func(ctx context.Context, c *cluster.Cluster) error {
		if err := prepare(ctx, c, root); err != nil {
			return err
		}
		return tellWhatToTry(c, root)
	}}
	return command.Run(ctx, args)
}

const whatToTry = `
With the KUBECONFIG below, try:

  kubectl apply -f %s
  kubectl get wfe -w
  kubectl get events --field-selector involvedObject.kind=WorkflowExecution
  kubectl get leases -n kubernaut-system -l kubernaut.ai/lock=target

A kubectl is at %s; "make down" stops the cluster.

`

// tellWhatToTry leaves the examples with the registry of this cluster beside its state.
func tellWhatToTry(c *cluster.Cluster, root string) error {
	folder := filepath.Join(c.Dir(), "examples")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	for _, s := range scenes {
		data, err := s.manifest(c.Registry(), root)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(folder, s.name+".yaml"), data, 0o600); err != nil {
			return err
		}
	}
	fmt.Printf(whatToTry, folder, c.Program("kubectl"))
	return nil
}

// show is the demonstration: the cluster lives as long as it lasts.
func show(ctx context.Context, root string, options cluster.Options) (err error) {
	c, err := cluster.Start(ctx, options)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil && ctx.Err() == nil {
			c.KeepState()
		}
		err = errors.Join(err, c.Stop())
	}()
	if err := prepare(ctx, c, root); err != nil {
		return err
	}
	for _, s := range scenes {
		if err := s.play(ctx, c, root); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return nil
}

// prepare installs the product, starts the webhook and the controller and prepares the examples.
func prepare(ctx context.Context, c *cluster.Cluster, root string) error {
	if err := install.Config(ctx, c, root); err != nil {
		return err
	}
	webhook, err := install.NewWebhook(ctx, c, root)
	if err != nil {
		return err
	}
	admission, err := webhook.Start(ctx)
	if err != nil {
		return err
	}
	c.Printf("the webhook is ready, as its shipped ServiceAccount (log: %s)", admission.Log())
	controller, err := install.NewController(ctx, c, root)
	if err != nil {
		return err
	}
	process, err := controller.Start(ctx)
	if err != nil {
		return err
	}
	c.Printf("the controller is ready, as its shipped ServiceAccount (log: %s)", process.Log())
	for _, s := range scenes {
		if err := s.prepare(ctx, c, root); err != nil {
			return err
		}
	}
	return nil
}
