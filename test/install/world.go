// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package install

import (
	"context"
	"fmt"
	"os"

	tektonclientset "github.com/tektoncd/pipeline/pkg/client/clientset/versioned"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"kubernaut.ai/workflowexecution/pkg/client/clientset/versioned"
	"kubernaut.ai/workflowexecution/test/cluster"
)

// Alone runs a replica without leader election, so that its successor need not wait for a lease.
const Alone = "-disable-ha"

// World is a local cluster with the product installed and one replica at work.
type World struct {
	Root       string
	Cluster    *cluster.Cluster
	Controller *Controller
	// Replica is the one at work. Tests that kill it put its successor here.
	Replica *cluster.Process
	Webhook *Webhook
	// Admission is the webhook's process. Tests that end it put its successor here.
	Admission *cluster.Process

	Clients
}

// Clients have all rights.
type Clients struct {
	Executions versioned.Interface
	Tekton     tektonclientset.Interface
	Kube       kubernetes.Interface
}

// connectTo makes the clients.
func (c *Clients) connectTo(cfg *rest.Config) (err error) {
	if c.Executions, err = versioned.NewForConfig(cfg); err != nil {
		return err
	}
	if c.Tekton, err = tektonclientset.NewForConfig(cfg); err != nil {
		return err
	}
	c.Kube, err = kubernetes.NewForConfig(cfg)
	return err
}

// RunTests is the body of a TestMain whose tests share a world.
func RunTests(m interface{ Run() int }, root string, use func(*World)) (exitCode int) {
	w := &World{Root: root}
	tests := &preparedTests{tests: m}
	return cluster.RunTests(tests, Options(root, cluster.Options{Progress: os.Stderr}), func(c *cluster.Cluster) {
		w.Cluster = c
		tests.err = w.prepare(context.Background())
		use(w)
	})
}

// preparedTests run only if their world could be prepared.
type preparedTests struct {
	tests interface{ Run() int }
	err   error
}

// Run runs the tests, if there is a world for them.
func (p *preparedTests) Run() int {
	if p.err != nil {
		fmt.Fprintln(os.Stderr, p.err)
		return 1
	}
	return p.tests.Run()
}

func (w *World) prepare(ctx context.Context) (err error) {
	if err := w.connectTo(w.Cluster.Config()); err != nil {
		return err
	}
	if err := Config(ctx, w.Cluster, w.Root); err != nil {
		return err
	}
	if w.Webhook, err = NewWebhook(ctx, w.Cluster, w.Root); err != nil {
		return err
	}
	if w.Admission, err = w.Webhook.Start(ctx); err != nil {
		return err
	}
	if w.Controller, err = NewController(ctx, w.Cluster, w.Root); err != nil {
		return err
	}
	w.Replica, err = w.Controller.Start(ctx, Alone)
	return err
}
