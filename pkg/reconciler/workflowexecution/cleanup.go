// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package workflowexecution

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/reconciler"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/pkg/reconciler/pipelinerun"
)

// unwatchedInterval bounds the wait for what is not watched: TaskRuns and CustomRuns that outlive
// their run, which Tekton ends within moments, and pods that lack our label.
const unwatchedInterval = 2 * time.Second

// cleanUp deletes what is left of an ended run: a pod that waits for ever for a ConfigMap must not hold
// the target for ever. A pod on a node that does not answer does: it may run on.
func (r *Reconciler) cleanUp(ctx context.Context, wfe *v1alpha1.WorkflowExecution, left pipelinerun.Leftovers) reconciler.Event {
	unresponsive, next := left.Unresponsive(r.clock.Now())
	message := "The run has ended; its target stays locked until these have ended too: " +
		v1alpha1.Cut(left.String(), v1alpha1.MaxText/2)
	if unresponsive != "" {
		message += ". Nothing is heard of " + v1alpha1.Cut(unresponsive, v1alpha1.MaxText/4) +
			": make sure that nothing works there any more, then delete it by force"
		r.warnOfUnresponsive(ctx, wfe, message)
	}
	wfe.Status.MarkWaitingForRelease(message)
	if err := r.runs.DeleteLeftovers(ctx, left); err != nil {
		return err
	}
	switch {
	case left.HasUnwatched():
		return r.after(unwatchedInterval)
	case next > 0:
		return r.after(next)
	}
	return nil
}

// warnOfUnresponsive tells once that a person has to decide.
func (r *Reconciler) warnOfUnresponsive(ctx context.Context, wfe *v1alpha1.WorkflowExecution, message string) {
	if wfe.Status.GetCondition(v1alpha1.ConditionPipelineRunSucceeded).GetMessage() != message {
		controller.GetEventRecorder(ctx).Event(wfe, corev1.EventTypeWarning, eventTargetStaysLocked, message)
	}
}
