// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"

	"kubernaut.ai/workflowexecution/test/cluster"
	"kubernaut.ai/workflowexecution/test/install"
)

const whatToTry = `
A real node with Tekton and the product is running. With the KUBECONFIG below, try:

  kubectl get pods --all-namespaces
  kubectl create deployment api --image=%[1]s/%[2]s -- sleep infinity
  tkn bundle push %[3]s/workflows/restart-deployment:v1 -f examples/restart-deployment/pipeline.yaml
  kubectl apply -f examples/restart-deployment/rbac.yaml
  kubectl create -f examples/restart-deployment/workflowexecution.yaml   # after naming the registry in it
  kubectl get wfe -w

The registry is %[3]s for programs of this computer and %[1]s for what runs in the cluster.
A kubectl is at %[4]s, a tkn at %[5]s; "make node-down" stops everything.

`

// ready installs the product and tells what can be done with it. The registry is the one that programs of this
// computer see.
func ready(root, registry string) cluster.OnReady {
	return func(ctx context.Context, c *cluster.Cluster) error {
		if err := install.Release(ctx, c, install.ReleaseFolder(install.Current.Version)); err != nil {
			return err
		}
		tkn, err := cluster.Tool(ctx, cluster.Options{Root: root}, "tkn")
		if err != nil {
			return err
		}
		fmt.Printf(whatToTry, c.Registry(), cluster.ShellImage, registry, c.Program("kubectl"), tkn)
		return nil
	}
}
