// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package workflowexecution

import (
	"context"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	"knative.dev/pkg/reconciler"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
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
		if run, err = r.runs.Get(ctx, r.refOf(wfe)); err != nil {
			return err
		}
	}
	if run != nil {
		if err := r.runs.DeleteUnstarted(ctx, run); err != nil {
			return err
		}
	}
	return r.refuseRun(ctx, wfe, claim, refused)
}

// cancelRunning cancels the run so that its finally tasks run, and deletes it when the grace is over.
func (r *Reconciler) cancelRunning(ctx context.Context, wfe *v1alpha1.WorkflowExecution, run *tektonv1.PipelineRun) reconciler.Event {
	if err := r.observe(ctx, wfe, run); err != nil {
		return err
	}
	if err := r.track(wfe); err != nil {
		return err
	}
	cancels := run.Spec.Status == ""
	if cancels {
		if err := r.runs.Cancel(ctx, run, v1alpha1.FailureCancelled); err != nil {
			return err
		}
	}
	settings, err := r.settings(ctx, wfe, run)
	if err != nil {
		return err
	}
	if cancels {
		return r.after(settings.CancelGrace.Duration)
	}
	if remaining := r.runs.GraceRemaining(run, wfe.DeletionTimestamp.Time, settings); remaining > 0 {
		return r.after(remaining)
	}
	if !wfe.Status.HasOutcome() {
		// What there is to tell goes with the run, a finally task that never started for one.
		if err := r.noteOutcome(ctx, wfe, run); err != nil {
			return err
		}
		return statusFirst(wfe)
	}
	if err := r.runs.DeleteForeground(ctx, run); err != nil {
		return err
	}
	return statusFirst(wfe)
}

// finishCancelled stores the outcome, then cleans up, then frees the target and lets the execution go.
func (r *Reconciler) finishCancelled(
	ctx context.Context, wfe *v1alpha1.WorkflowExecution, claim targetlock.Claim, run *tektonv1.PipelineRun,
) reconciler.Event {
	if !wfe.Status.HasOutcome() {
		if err := r.noteLast(ctx, wfe, run); err != nil {
			return err
		}
		return statusFirst(wfe)
	}
	if run != nil {
		if err := r.runs.DeleteForeground(ctx, run); err != nil {
			return err
		}
	}
	if err := r.release(ctx, wfe, claim); err != nil {
		return err
	}
	return statusFirst(wfe)
}

// noteLast notes the outcome, and what there was to mirror of the run if it is still there.
func (r *Reconciler) noteLast(ctx context.Context, wfe *v1alpha1.WorkflowExecution, run *tektonv1.PipelineRun) error {
	if run != nil {
		if err := r.observe(ctx, wfe, run); err != nil {
			return err
		}
	}
	return r.noteOutcome(ctx, wfe, run)
}

// finalizeEnded lets an execution go that is over, with the block it put on its target.
func (r *Reconciler) finalizeEnded(ctx context.Context, wfe *v1alpha1.WorkflowExecution) reconciler.Event {
	if err := r.liftDeleted(ctx, wfe); err != nil {
		return err
	}
	if err := r.deleteRun(ctx, wfe); err != nil {
		return err
	}
	return r.letGo(ctx, wfe)
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
	return r.runs.DeleteForeground(ctx, run)
}
