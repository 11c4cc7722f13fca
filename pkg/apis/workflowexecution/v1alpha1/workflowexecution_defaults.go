// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"context"
	"slices"

	"knative.dev/pkg/apis"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution"
)

// SetDefaults puts the finalizer on a new execution, which saves the controller a write and a
// conflict. It leaves the spec alone: what an execution leaves open follows the configuration of
// the moment it starts.
func (w *WorkflowExecution) SetDefaults(ctx context.Context) {
	if !apis.IsInCreate(ctx) || slices.Contains(w.Finalizers, workflowexecution.FinalizerName) {
		return
	}
	w.Finalizers = append(w.Finalizers, workflowexecution.FinalizerName)
}
