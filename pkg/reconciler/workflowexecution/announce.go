// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package workflowexecution

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	"knative.dev/pkg/apis"
	"knative.dev/pkg/controller"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
)

// Reasons of the events of an execution.
const (
	eventLockAcquired       = "LockAcquired"
	eventLockReleased       = "LockReleased"
	eventTargetStaysLocked  = "TargetStaysLocked"
	eventBlockCleared       = "BlockCleared"
	eventPipelineRunCreated = "PipelineRunCreated"
	eventWorkflowStarted    = "WorkflowStarted"
	eventWorkflowCompleted  = "WorkflowCompleted"
	eventWorkflowFailed     = "WorkflowFailed"
	eventWorkflowSkipped    = "WorkflowSkipped"
)

// announce records one event for each transition that this reconcile made.
func announce(ctx context.Context, wfe *v1alpha1.WorkflowExecution, before *v1alpha1.WorkflowExecutionStatus) {
	events, after := controller.GetEventRecorder(ctx), &wfe.Status
	normal := func(reason, format string, args ...any) {
		events.Eventf(wfe, corev1.EventTypeNormal, reason, format, args...)
	}
	target := wfe.Spec.TargetResource
	if becameTrue(v1alpha1.ConditionLockAcquired, before, after) {
		normal(eventLockAcquired, "Locked target %s", target)
	}
	if ref := after.PipelineRunRef; ref != nil && before.PipelineRunRef == nil {
		normal(eventPipelineRunCreated, "Created PipelineRun %s/%s", ref.Namespace, ref.Name)
	}
	if after.HasStarted() && !before.HasStarted() {
		normal(eventWorkflowStarted, "Started workflow %s", wfe.Spec.WorkflowRef.WorkflowID)
	}
	if !after.IsTerminal() || before.IsTerminal() {
		return
	}
	if after.GetCondition(v1alpha1.ConditionLockAcquired).IsTrue() {
		normal(eventLockReleased, "Freed target %s", target)
	}
	switch after.Phase {
	case v1alpha1.PhaseCompleted:
		normal(eventWorkflowCompleted, "Workflow %s completed on %s", wfe.Spec.WorkflowRef.WorkflowID, target)
	case v1alpha1.PhaseSkipped:
		normal(eventWorkflowSkipped, "%s: %s", after.SkipDetails.Reason, after.SkipDetails.Message)
	default:
		events.Eventf(wfe, corev1.EventTypeWarning, eventWorkflowFailed, "%s: %s",
			after.FailureDetails.Reason, after.FailureDetails.Message)
	}
}

func becameTrue(condition apis.ConditionType, before, after *v1alpha1.WorkflowExecutionStatus) bool {
	return after.GetCondition(condition).IsTrue() && !before.GetCondition(condition).IsTrue()
}
