// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package workflowexecution

import (
	"context"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"knative.dev/pkg/reconciler"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/pkg/targetlock"
)

// reconcileStart starts a pending run, after it was made sure at the API server that the target is still
// ours and the execution still wanted: this replica may have been held up since it took the lock.
func (r *Reconciler) reconcileStart(ctx context.Context, s *state) (bool, reconciler.Event) {
	if !s.run.IsPending() {
		return r.reconcileOthersStart(ctx, s)
	}
	isUnstarted, err := r.runs.IsUnstarted(ctx, s.run)
	if err != nil {
		return true, err
	}
	if s.wfe.Status.HasStarted() || !isUnstarted {
		return r.reconcileSetBack(ctx, s)
	}
	// The execution comes first: with an old copy of one that is over, the lock would be taken again.
	if err := r.ensureFresh(ctx, s.wfe, isUnwanted(s.run)); err != nil {
		return true, err
	}
	mayStart, err := r.locks.MayStart(ctx, s.claim)
	if err != nil {
		return true, err
	}
	if !mayStart {
		return true, r.retakeOrEnd(ctx, s)
	}
	// And the Lease need not be the one that was taken first: whoever has lost it to somebody who deleted it by
	// hand is seen here, or sees us.
	work, err := r.otherWork(ctx, s)
	if err != nil {
		return true, err
	}
	if work.Any() {
		return true, r.skip(ctx, s, targetlock.DecideHeld(targetlock.Facts{Running: work.Conflict()}))
	}
	return true, r.start(ctx, s)
}

// isUnwanted tells of what is stored of an execution whether its run must not be started.
func isUnwanted(run *tektonv1.PipelineRun) func(*v1alpha1.WorkflowExecution) bool {
	return func(live *v1alpha1.WorkflowExecution) bool {
		return isUnwantedAgain(run)(live) || live.Status.HasStarted()
	}
}

// isUnwantedAgain tells it of a run that was started before.
func isUnwantedAgain(run *tektonv1.PipelineRun) func(*v1alpha1.WorkflowExecution) bool {
	return func(live *v1alpha1.WorkflowExecution) bool {
		ref := live.Status.PipelineRunRef
		return live.DeletionTimestamp != nil || live.Status.HasOutcome() || ref == nil || ref.UID != run.UID
	}
}

func (r *Reconciler) start(ctx context.Context, s *state) error {
	run, isOurs, err := r.runs.Start(ctx, s.run)
	switch {
	case err != nil:
		return r.failStart(ctx, s, err)
	case run == nil:
		return nil
	case !isOurs:
		s.run = run
		if done, event := r.reconcileOthersStart(ctx, s); done || event != nil {
			return event
		}
	}
	r.markStarted(s.wfe, run)
	return nil
}

// noteStart notes the start of a run that a reconcile before a crash has started. It makes sure at the API
// server that no start is noted there: the run's event may have come before that of the execution.
func (r *Reconciler) noteStart(ctx context.Context, wfe *v1alpha1.WorkflowExecution, run *tektonv1.PipelineRun) error {
	if wfe.Status.HasStarted() {
		return nil
	}
	if err := r.ensureFresh(ctx, wfe, hasStarted); err != nil {
		return err
	}
	r.markStarted(wfe, run)
	return nil
}

// markStarted prefers the time that Tekton has noted. Deadlines count from it.
func (r *Reconciler) markStarted(wfe *v1alpha1.WorkflowExecution, run *tektonv1.PipelineRun) {
	locked := wfe.Status.GetCondition(v1alpha1.ConditionLockAcquired).LastTransitionTime.Inner
	wfe.Status.MarkStarted(r.timeOf(run.Status.StartTime, &locked))
}

// timeOf is what Tekton has noted of something that came after something else. Its clock may be another: what cannot be true
// is as early, or as late, as it can be.
func (r *Reconciler) timeOf(noted, earliest *metav1.Time) metav1.Time {
	now := metav1.NewTime(r.clock.Now())
	switch {
	case noted == nil || now.Before(noted):
		return now
	case noted.Before(earliest):
		return *earliest
	}
	return *noted
}

// retakeOrEnd takes a lost lock again if it is free: somebody deleted the Lease by hand. If another
// execution has the target by now, the run that never started is deleted and the execution skipped.
func (r *Reconciler) retakeOrEnd(ctx context.Context, s *state) reconciler.Event {
	decision, err := r.decideAndTake(ctx, s)
	if err != nil {
		return err
	}
	if decision.Verdict != targetlock.Held {
		return r.skip(ctx, s, decision)
	}
	mayStart, err := r.locks.MayStart(ctx, s.claim)
	if err != nil {
		return err
	}
	if mayStart {
		return r.after(0)
	}
	return r.abandonUnstarted(ctx, s, &failureCause{
		reason:  v1alpha1.FailureCancelled,
		message: "The lock was fenced before the workflow started; nothing ran",
	})
}
