// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package workflowexecution

import (
	"context"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	"knative.dev/pkg/reconciler"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
)

const cancelledMessage = "The execution was deleted before its workflow started; nothing ran"

// finalizeFinished ends with an execution that is over, and with the block it put on its target.
func (r *Reconciler) finalizeFinished(ctx context.Context, s *state) (bool, reconciler.Event) {
	if !s.wfe.Status.IsTerminal() {
		s.wfe.Status.InitializeConditions()
		return false, nil
	}
	if err := r.liftDeleted(ctx, s.wfe); err != nil {
		return true, err
	}
	if err := r.deleteHistory(ctx, s.wfe); err != nil {
		return true, err
	}
	return true, r.awaitAudit(ctx, s.wfe)
}

// deleteHistory deletes the run that an execution that is over has left.
func (r *Reconciler) deleteHistory(ctx context.Context, wfe *v1alpha1.WorkflowExecution) reconciler.Event {
	if wfe.Status.PipelineRunRef == nil {
		return nil
	}
	run, err := r.findAndRelabelRun(ctx, wfe)
	if err != nil || run == nil {
		return err
	}
	return r.runs.DeleteForeground(ctx, run)
}

func (r *Reconciler) finalizeClaim(ctx context.Context, s *state) (bool, reconciler.Event) {
	done, event := r.reconcileClaim(ctx, s)
	if done && event == nil {
		event = statusFirst(s.wfe)
	}
	return done, event
}

func (r *Reconciler) finalizeRun(ctx context.Context, s *state) (_ bool, event reconciler.Event) {
	s.run, event = r.findAndRelabelRun(ctx, s.wfe)
	return false, event
}

// finalizeUnstarted frees the target of a deleted execution of which nothing has started.
func (r *Reconciler) finalizeUnstarted(ctx context.Context, s *state) (bool, reconciler.Event) {
	isUncreated := s.run == nil && s.wfe.Status.PipelineRunRef == nil
	isPending := s.run != nil && s.run.IsPending() && !s.wfe.Status.HasStarted()
	if !isUncreated && !isPending {
		return false, nil
	}
	cause := &failureCause{reason: v1alpha1.FailureCancelled, message: cancelledMessage}
	if err := r.abandonUnstarted(ctx, s, cause); err != nil {
		return true, err
	}
	return true, statusFirst(s.wfe)
}

// finalizeRunning cancels the run so that its finally tasks run, and deletes it when the grace is over.
func (r *Reconciler) finalizeRunning(ctx context.Context, s *state) (bool, reconciler.Event) {
	if s.run == nil || s.run.IsDone() {
		return false, nil
	}
	if err := r.mirror(ctx, s.wfe, s.run); err != nil {
		return true, err
	}
	if err := r.track(s.wfe); err != nil {
		return true, err
	}
	return true, r.cancelOrDelete(ctx, s)
}

func (r *Reconciler) cancelOrDelete(ctx context.Context, s *state) reconciler.Event {
	cancels := s.run.Spec.Status == ""
	if cancels {
		if err := r.runs.Cancel(ctx, s.run, v1alpha1.FailureCancelled); err != nil {
			return err
		}
	}
	settings, err := r.settings(ctx, s.wfe, s.run)
	if err != nil {
		return err
	}
	if cancels {
		return r.after(settings.CancelGrace.Duration)
	}
	if remaining := r.runs.GraceRemaining(s.run, s.wfe.DeletionTimestamp.Time, settings); remaining > 0 {
		return r.after(remaining)
	}
	if !s.wfe.Status.HasOutcome() {
		// What there is to tell goes with the run, a finally task that never started for one.
		if err := r.noteOutcome(ctx, s.wfe, s.run); err != nil {
			return err
		}
		return statusFirst(s.wfe)
	}
	if err := r.runs.DeleteForeground(ctx, s.run); err != nil {
		return err
	}
	return statusFirst(s.wfe)
}

// finalizeOutcome has the outcome stored before anything is cleaned away.
func (r *Reconciler) finalizeOutcome(ctx context.Context, s *state) (bool, reconciler.Event) {
	if s.wfe.Status.HasOutcome() {
		return false, nil
	}
	if err := r.noteLast(ctx, s.wfe, s.run); err != nil {
		return true, err
	}
	return true, statusFirst(s.wfe)
}

// noteLast notes the outcome, and what there was to mirror of the run if it is still there.
func (r *Reconciler) noteLast(ctx context.Context, wfe *v1alpha1.WorkflowExecution, run *tektonv1.PipelineRun) error {
	if run != nil {
		if err := r.mirror(ctx, wfe, run); err != nil {
			return err
		}
	}
	return r.noteOutcome(ctx, wfe, run)
}

// finalizeRelease cleans up and frees the target, after which the execution is over.
func (r *Reconciler) finalizeRelease(ctx context.Context, s *state) (bool, reconciler.Event) {
	if s.run != nil {
		if err := r.runs.DeleteForeground(ctx, s.run); err != nil {
			return true, err
		}
	}
	if err := r.cleanUpAndRelease(ctx, s); err != nil {
		return true, err
	}
	return true, statusFirst(s.wfe)
}
