// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package workflowexecution

import (
	"context"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	"knative.dev/pkg/reconciler"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/pkg/reconciler/pipelinerun"
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
	run, err := r.findAndRelabelRun(ctx, wfe, r.refOf(wfe))
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
	if event := r.locateRun(ctx, s); event != nil {
		return true, event
	}
	s.run, event = r.findAndRelabelRun(ctx, s.wfe, r.ref(s))
	return false, event
}

// finalizeUnstarted frees the target of a deleted execution of which nothing has started.
func (r *Reconciler) finalizeUnstarted(ctx context.Context, s *state) (bool, reconciler.Event) {
	isUnstarted := s.wfe.Status.PipelineRunRef == nil
	if s.run != nil && !s.wfe.Status.HasStarted() {
		var err error
		if isUnstarted, err = r.runs.IsUnstarted(ctx, s.run); err != nil {
			return true, err
		}
	}
	if !isUnstarted {
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
	return true, r.endFinalized(ctx, s)
}

// endFinalized ends a run. What there is to tell goes with the run, a finally task that never started for one: it is
// stored before the run is deleted.
func (r *Reconciler) endFinalized(ctx context.Context, s *state) reconciler.Event {
	settings := r.settings(ctx, s.wfe, s.run)
	progress, err := r.runs.End(ctx, pipelinerun.Ending{
		Ref: r.ref(s), Run: s.run, HasStarted: true, Reason: v1alpha1.FailureCancelled,
		Since: s.wfe.DeletionTimestamp.Time, Grace: settings.CancelGrace.Duration, KeepsEvidence: !s.wfe.Status.HasOutcome(),
	})
	switch {
	case err != nil:
		return err
	case (progress.Ended || progress.Overdue) && !s.wfe.Status.HasOutcome():
		if err := r.noteOutcome(ctx, s.wfe, s.run); err != nil {
			return err
		}
		return statusFirst(s.wfe)
	case progress.Overdue && progress.Warning != "":
		r.warn(ctx, s.wfe, progress.Warning, progress.Warning)
		s.wfe.Status.MarkWaitingForRelease(progress.Warning)
	}
	if event := r.afterProgress(progress); event != nil {
		return event
	}
	return statusFirst(s.wfe)
}

// finalizeOutcome has the outcome stored before anything is cleaned away.
func (r *Reconciler) finalizeOutcome(ctx context.Context, s *state) (bool, reconciler.Event) {
	if s.wfe.Status.HasOutcome() {
		return false, nil
	}
	if s.run == nil {
		switch isOver, err := r.recall(ctx, s); {
		case err != nil:
			return true, err
		case isOver:
			return true, statusFirst(s.wfe)
		}
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
