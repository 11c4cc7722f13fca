// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

// Package integration proves the product on a real API server and a real Tekton, with the controller
// run from its real main under the ServiceAccount that is shipped.
package integration

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	tektonclientset "github.com/tektoncd/pipeline/pkg/client/clientset/versioned"
	"k8s.io/client-go/kubernetes"

	"kubernaut.ai/workflowexecution/pkg/client/clientset/versioned"
	"kubernaut.ai/workflowexecution/test/cluster"
	"kubernaut.ai/workflowexecution/test/install"
)

// world is what all tests share: they read it only. The controller is replaced by tests that are not
// parallel, and so run while no other does.
var world struct {
	root       string
	cluster    *cluster.Cluster
	controller *install.Controller
	replica    *cluster.Process

	executions versioned.Interface
	tekton     tektonclientset.Interface
	kube       kubernetes.Interface
}

// alone runs a replica without leader election, so that its successor need not wait for a lease.
const alone = "-disable-ha"

func TestMain(m *testing.M) {
	root, err := filepath.Abs("../..")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	world.root = root
	prepared := preparedTests{m: m}
	os.Exit(cluster.RunTests(&prepared, install.Options(root, cluster.Options{Progress: os.Stderr}), func(c *cluster.Cluster) {
		world.cluster = c
		prepared.err = prepare(context.Background())
	}))
}

// preparedTests run only if the world could be prepared.
type preparedTests struct {
	m   *testing.M
	err error
}

func (p *preparedTests) Run() int {
	if p.err != nil {
		fmt.Fprintln(os.Stderr, p.err)
		return 1
	}
	return p.m.Run()
}

func prepare(ctx context.Context) (err error) {
	cfg := world.cluster.Config()
	if world.executions, err = versioned.NewForConfig(cfg); err != nil {
		return err
	}
	if world.tekton, err = tektonclientset.NewForConfig(cfg); err != nil {
		return err
	}
	if world.kube, err = kubernetes.NewForConfig(cfg); err != nil {
		return err
	}
	if err := install.Config(ctx, world.cluster, world.root); err != nil {
		return err
	}
	if world.controller, err = install.NewController(ctx, world.cluster, world.root); err != nil {
		return err
	}
	world.replica, err = world.controller.Start(ctx, alone)
	return err
}
