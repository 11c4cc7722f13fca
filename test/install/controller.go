// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package install

import (
	"context"

	"kubernaut.ai/workflowexecution/test/cluster"
)

var shippedController = shipped{
	name:           "workflow-execution",
	packagePath:    "./cmd/workflowexecution",
	deploymentFile: "500-deployment.yaml",
	serviceAccount: "workflowexecution-controller",
}

// Controller is the controller as config/ ships it, as a program that can be started again and again.
type Controller struct {
	*program
}

// NewController builds the controller and gets it the identity of its ServiceAccount.
func NewController(ctx context.Context, c *cluster.Cluster, root string) (*Controller, error) {
	c.Printf("building the controller")
	program, err := shippedController.build(ctx, c, root)
	if err != nil {
		return nil, err
	}
	return &Controller{program}, nil
}

// Start starts a replica and returns when it is ready. Further flags come after the shipped ones.
func (c *Controller) Start(ctx context.Context, flags ...string) (*cluster.Process, error) {
	process, probes, err := c.Launch(flags...)
	if err != nil {
		return nil, err
	}
	return process, AwaitReady(ctx, process, probes)
}

// Launch starts a replica and returns at once, with the address of its probes.
func (c *Controller) Launch(flags ...string) (*cluster.Process, string, error) {
	return c.launch(flags...)
}
