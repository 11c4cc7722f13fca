// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package testing

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
)

// NextIn lets its workflow run again on its target that long from Now.
func NextIn(d time.Duration) ExecutionOption {
	return Failing(0, d)
}

// Failing could not be started, for the n-th time in a row; its workflow may run again that long from Now.
func Failing(n int32, d time.Duration) ExecutionOption {
	return func(wfe *v1alpha1.WorkflowExecution) {
		next := metav1.NewTime(Now().Add(d))
		wfe.Status.MarkConsequences(n, &next, false)
	}
}

// Blocking keeps its workflow from its target until a person has looked, after n failures in a row to
// start it.
func Blocking(n int32) ExecutionOption {
	return func(wfe *v1alpha1.WorkflowExecution) { wfe.Status.MarkConsequences(n, nil, true) }
}

// Cleared was looked at by a person, that long ago.
func Cleared(ago time.Duration) ExecutionOption {
	return func(wfe *v1alpha1.WorkflowExecution) {
		wfe.Status.BlockClearance = &v1alpha1.BlockClearance{
			ClearedAt: Ago(ago), ClearedBy: "alice", ClearReason: "rolled back by hand", ClearMethod: v1alpha1.ClearMethodStatusPatch,
		}
	}
}

// Unblocked has been cleared, and the ledger of its target knows.
func Unblocked(wfe *v1alpha1.WorkflowExecution) {
	wfe.Status.MarkUnblocked()
}

// SkippedWith was kept from its target for these reasons.
func SkippedWith(details v1alpha1.SkipDetails) ExecutionOption {
	return func(wfe *v1alpha1.WorkflowExecution) {
		Observed(wfe)
		wfe.Status.MarkSkipped(details)
	}
}

// WithWorkflow is an execution of another workflow.
func WithWorkflow(id string) ExecutionOption {
	return WithSpec(func(spec *v1alpha1.WorkflowExecutionSpec) { spec.WorkflowRef.WorkflowID = id })
}
