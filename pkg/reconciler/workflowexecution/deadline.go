// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package workflowexecution

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/reconciler"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution"
	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/pkg/reconciler/pipelinerun"
	"kubernaut.ai/workflowexecution/pkg/reconciler/pipelinerun/resources"
)

// reconcileDeadline cancels the run when its time is up, so that its finally tasks run: Tekton's own
// timeouts skip them. The deadline is the one thing that no watch announces. Nothing comes before the cancellation.
func (r *Reconciler) reconcileDeadline(ctx context.Context, s *state) (bool, reconciler.Event) {
	if s.run.IsDone() {
		return false, nil
	}
	settings := r.settings(ctx, s.wfe, s.run)
	deadline := s.wfe.Status.StartTime.Add(settings.Timeout.Duration)
	if remaining := deadline.Sub(r.clock.Now()); remaining > 0 && !resources.IsCancelled(s.run) {
		return true, r.after(remaining)
	}
	if !resources.IsCancelled(s.run) {
		defer r.noteWaiting(ctx, s.wfe)()
	}
	return r.endInTime(ctx, s, pipelinerun.Ending{
		Ref: r.ref(s), Run: s.run, HasStarted: true, Reason: v1alpha1.FailureDeadlineExceeded,
		Since: r.cancelledSince(s), Grace: settings.FinallyTimeout.Duration, KeepsEvidence: true,
	})
}

// cancelledSince is from when the finally tasks of a cancelled run have their time. One that a person has cancelled does not
// say it: for that counts when it was first seen, which is noted.
func (r *Reconciler) cancelledSince(s *state) time.Time {
	if since := resources.CancelledAt(s.run); !since.IsZero() || !resources.IsCancelled(s.run) {
		return since
	}
	noted, err := time.Parse(time.RFC3339, s.wfe.Status.Annotations[workflowexecution.CancelledAtAnnotation])
	if err != nil {
		noted = r.clock.Now()
		annotate(s.wfe, workflowexecution.CancelledAtAnnotation, noted.UTC().Format(time.RFC3339))
	}
	return noted
}

// endInTime ends a run that goes on as its own. One that does not end in its time is left to a person, except where Tekton has
// made nothing of it: that was deleted, and its outcome is known.
func (r *Reconciler) endInTime(ctx context.Context, s *state, ending pipelinerun.Ending) (bool, reconciler.Event) {
	progress, err := r.runs.End(ctx, ending)
	if progress.Ended || err != nil {
		return !progress.Ended, err
	}
	if progress.Overdue {
		r.warn(ctx, s.wfe, progress.Warning, progress.Warning)
		s.wfe.Status.MarkNotEnding(progress.Warning)
	}
	return true, r.afterProgress(progress)
}

// warn tells once that a person has to decide: before the condition says the same.
func (r *Reconciler) warn(ctx context.Context, wfe *v1alpha1.WorkflowExecution, warning, message string) {
	if warning != "" && wfe.Status.GetCondition(v1alpha1.ConditionPipelineRunSucceeded).GetMessage() != message {
		controller.GetEventRecorder(ctx).Event(wfe, corev1.EventTypeWarning, eventTargetStaysLocked, message)
	}
}

func (r *Reconciler) afterProgress(progress pipelinerun.Progress) reconciler.Event {
	if progress.Next > 0 {
		return r.after(progress.Next)
	}
	return nil
}
