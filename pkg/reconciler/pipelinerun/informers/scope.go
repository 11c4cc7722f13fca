// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

// Package informers watches the PipelineRuns of our executions and their pods, and nothing else.
//
// Knative's injected informers list whole clusters. These are limited by namespace and label in the
// requests themselves, so that foreign PipelineRuns cost no memory and need no rights.
package informers

import (
	"context"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution"
)

type namespaceKey struct{}

// WithNamespace names the execution namespace. It has to be called before injection is set up.
func WithNamespace(ctx context.Context, namespace string) context.Context {
	return context.WithValue(ctx, namespaceKey{}, namespace)
}

// Namespace is the execution namespace.
func Namespace(ctx context.Context) string {
	namespace, _ := ctx.Value(namespaceKey{}).(string)
	if namespace == "" {
		// An empty one would mean every namespace of the cluster.
		panic("no execution namespace in the context")
	}
	return namespace
}

// DropManagedFields keeps out of a cache what nobody reads there.
func DropManagedFields(object any) (any, error) {
	if accessor, err := meta.Accessor(object); err == nil {
		accessor.SetManagedFields(nil)
	}
	return object, nil
}

func onlyOurs(options *metav1.ListOptions) {
	options.LabelSelector = workflowexecution.ExecutionUIDLabel
}
