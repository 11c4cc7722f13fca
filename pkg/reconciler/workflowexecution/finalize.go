// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package workflowexecution

import (
	"context"
	"fmt"
	"time"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"knative.dev/pkg/reconciler"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/pkg/reconciler/workflowexecution/resources"
	"kubernaut.ai/workflowexecution/pkg/targetlock"
)

const cancelledMessage = "The execution was deleted before its workflow started; nothing ran"

// cancelBeforeStart frees the target of a deleted execution of which nothing has started.
func (r *Reconciler) cancelBeforeStart(
	ctx context.Context, wfe *v1alpha1.WorkflowExecution, claim targetlock.Claim, run *tektonv1.PipelineRun,
) reconciler.Event {
	cancelled := &refusal{reason: v1alpha1.FailureCancelled, message: cancelledMessage}
	if err := r.abandon(ctx, wfe, claim, run, cancelled); err != nil {
		return err
	}
	return statusFirst(wfe)
}

// abandon ends an execution of which nothing has started. The lock is fenced first, so that no other
// replica starts the run behind our back.
func (r *Reconciler) abandon(
	ctx context.Context, wfe *v1alpha1.WorkflowExecution, claim targetlock.Claim, run *tektonv1.PipelineRun, refused *refusal,
) error {
	if err := r.locks.Fence(ctx, claim); err != nil {
		return err
	}
	if run == nil {
		var err error
		if run, err = r.liveRun(ctx, wfe); err != nil {
			return err
		}
	}
	if run != nil {
		if err := r.deleteUnstarted(ctx, run); err != nil {
			return err
		}
	}
	return r.refuseRun(ctx, wfe, claim, refused)
}

// deleteUnstarted deletes a run that is held back, if nothing has changed it. A failure means that it
// has changed, perhaps started: the next pass sees.
func (r *Reconciler) deleteUnstarted(ctx context.Context, run *tektonv1.PipelineRun) error {
	if !run.IsPending() {
		return fmt.Errorf("PipelineRun %s/%s was started meanwhile", run.Namespace, run.Name)
	}
	err := r.tekton.TektonV1().PipelineRuns(run.Namespace).Delete(ctx, run.Name, metav1.DeleteOptions{
		Preconditions: &metav1.Preconditions{UID: &run.UID, ResourceVersion: &run.ResourceVersion},
	})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("failed to delete PipelineRun %s/%s, which never started: %w", run.Namespace, run.Name, err)
	}
	return nil
}

// cancelRunning cancels the run so that its finally tasks run, and deletes it when the grace is over.
func (r *Reconciler) cancelRunning(ctx context.Context, wfe *v1alpha1.WorkflowExecution, run *tektonv1.PipelineRun) reconciler.Event {
	r.noteStart(wfe, run)
	if err := r.observe(wfe, run); err != nil {
		return err
	}
	if err := r.track(wfe); err != nil {
		return err
	}
	cancels := run.Spec.Status == ""
	if cancels {
		if err := r.cancelRun(ctx, run, v1alpha1.FailureCancelled); err != nil {
			return err
		}
	}
	settings, err := resources.SettingsOf(run)
	if err != nil {
		return err
	}
	if cancels {
		return r.after(settings.CancelGrace.Duration)
	}
	if remaining := r.graceRemaining(wfe.DeletionTimestamp.Time, run, settings); remaining > 0 {
		return r.after(remaining)
	}
	if err := r.deleteForeground(ctx, run); err != nil {
		return err
	}
	return statusFirst(wfe)
}

// graceRemaining counts from the deletion, or from the cancellation if that came later: the finally
// tasks get their time also when no controller was up to cancel the run at once.
func (r *Reconciler) graceRemaining(
	since time.Time, run *tektonv1.PipelineRun, settings resources.Settings,
) time.Duration {
	cancelled, err := time.Parse(time.RFC3339, run.Annotations[resources.CancelledAtAnnotation])
	if err == nil && cancelled.After(since) {
		since = cancelled
	}
	return since.Add(settings.CancelGrace.Duration).Sub(r.clock.Now())
}

// finishCancelled stores the outcome, then cleans up, then frees the target and lets the execution go.
func (r *Reconciler) finishCancelled(
	ctx context.Context, wfe *v1alpha1.WorkflowExecution, claim targetlock.Claim, run *tektonv1.PipelineRun,
) reconciler.Event {
	if !wfe.Status.HasOutcome() {
		if err := r.noteOutcome(ctx, wfe, run); err != nil {
			return err
		}
		return statusFirst(wfe)
	}
	if run != nil {
		if err := r.deleteForeground(ctx, run); err != nil {
			return err
		}
	}
	if err := r.release(ctx, wfe, claim); err != nil {
		return err
	}
	return statusFirst(wfe)
}

// deleteForeground deletes a run after its TaskRuns and pods: while it is there, something of it is.
func (r *Reconciler) deleteForeground(ctx context.Context, run *tektonv1.PipelineRun) error {
	if run.DeletionTimestamp != nil {
		return nil
	}
	err := r.tekton.TektonV1().PipelineRuns(run.Namespace).Delete(ctx, run.Name, metav1.DeleteOptions{
		PropagationPolicy: ptr.To(metav1.DeletePropagationForeground),
		Preconditions:     &metav1.Preconditions{UID: &run.UID},
	})
	if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
		return fmt.Errorf("failed to delete PipelineRun %s/%s: %w", run.Namespace, run.Name, err)
	}
	return nil
}

// deleteRun deletes what an execution that is over has left as history.
func (r *Reconciler) deleteRun(ctx context.Context, wfe *v1alpha1.WorkflowExecution) reconciler.Event {
	if wfe.Status.PipelineRunRef == nil {
		return nil
	}
	run, err := r.ownRun(ctx, wfe)
	if err != nil || run == nil {
		return err
	}
	return r.deleteForeground(ctx, run)
}
