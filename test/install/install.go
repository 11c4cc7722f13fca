// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

// Package install puts the product into a local cluster: what config/ holds, and the controller from
// its real main, under the ServiceAccount and with the flags and environment that config/ gives it.
package install

import (
	"context"
	"path/filepath"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/kubernetes"

	"kubernaut.ai/workflowexecution/test/cluster"
)

const (
	// SystemNamespace is where config/ puts the controller.
	SystemNamespace = "kubernaut-system"
	// ExecutionNamespace is where config/ lets workflows run.
	ExecutionNamespace = "kubernaut-workflows"

	configFolder   = "config"
	crdFile        = "300-workflowexecution.yaml"
	deploymentFile = "500-deployment.yaml"
	serviceAccount = "workflowexecution-controller"
)

// Options for a cluster that the product is to be installed in: its CRD is there before the garbage
// collector first looks for kinds.
func Options(root string, o cluster.Options) cluster.Options {
	o.Root = root
	o.Manifests = append(o.Manifests, filepath.Join(root, configFolder, crdFile))
	return o
}

// Config applies config/ without the Deployment: on the local cluster the controller is a process.
func Config(ctx context.Context, c *cluster.Cluster, root string) error {
	notDeployed := func(object *unstructured.Unstructured) bool {
		return object.GetKind() != "Deployment" && object.GetKind() != "PodDisruptionBudget"
	}
	return c.ApplyWith(ctx, cluster.ApplyOptions{Change: notDeployed}, manifests(root)...)
}

// Kubernetes is a client of the cluster with all rights.
func Kubernetes(c *cluster.Cluster) (kubernetes.Interface, error) {
	return kubernetes.NewForConfig(c.Config())
}

func manifests(root string) []string {
	files, err := filepath.Glob(filepath.Join(root, configFolder, "*.yaml"))
	if err != nil {
		panic(err) // the pattern is constant
	}
	return files
}
