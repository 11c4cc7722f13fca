// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

// Package install puts the product into a local cluster: what config/ holds, and the controller and
// the webhook from their real mains, under the ServiceAccounts and with the flags and environment
// that config/ gives them.
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

	configFolder = "config"
	crdFile      = "300-workflowexecution.yaml"
)

// Options for a cluster that the product is to be installed in: its CRD is there before the garbage
// collector first looks for kinds.
func Options(root string, o cluster.Options) cluster.Options {
	o.Root = root
	o.Manifests = append(o.Manifests, filepath.Join(root, configFolder, crdFile))
	return o
}

// Config applies config/ without the Deployments: on the local cluster our programs are processes.
// Nor does the API server ask the webhook, until it is started.
func Config(ctx context.Context, c *cluster.Cluster, root string) error {
	return c.ApplyWith(ctx, cluster.ApplyOptions{Change: onThisMachine}, manifests(root)...)
}

func onThisMachine(object *unstructured.Unstructured) bool {
	switch object.GetKind() {
	case "Deployment", "PodDisruptionBudget", "MutatingWebhookConfiguration", "ValidatingWebhookConfiguration":
		return false
	case "Service":
		if object.GetName() == webhookName {
			// The way from an API server to a process beside it.
			object.Object["spec"] = map[string]any{"type": "ExternalName", "externalName": "localhost"}
		}
	}
	return true
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
