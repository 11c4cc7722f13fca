// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package workflowexecution

import (
	"context"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/logging"
	"knative.dev/pkg/reconciler"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/pkg/reconciler/pipelinerun"
	"kubernaut.ai/workflowexecution/pkg/reconciler/pipelinerun/resources"
	"kubernaut.ai/workflowexecution/pkg/reconciler/retry"
)

// reconcileOthersStart looks at a run that was started while no start is noted. It may have been ours, before a crash. If
// it was somebody else's it counts all the same, as long as the target is ours; otherwise the run is ended.
func (r *Reconciler) reconcileOthersStart(ctx context.Context, s *state) (bool, reconciler.Event) {
	if s.wfe.Status.HasStarted() || s.run.IsDone() || s.run.Spec.Status == tektonv1.PipelineRunSpecStatusCancelled {
		return false, nil
	}
	if err := r.ensureFresh(ctx, s.wfe, hasStarted); err != nil {
		return true, err
	}
	mayRun, err := r.locks.MayStart(ctx, s.claim)
	if err != nil {
		return true, err
	}
	isOthers, err := r.isOthers(ctx, s)
	isHarmless := mayRun || resources.IsCancelled(s.run)
	if err != nil || isHarmless && !isOthers {
		return err != nil, err
	}
	return r.endUnlocked(ctx, s, "The run was started by somebody else while the target was not locked for it")
}

// reconcileSetBack looks at a run that was started and is pending: somebody has set it back. What it has running goes on,
// so it is no run that has not started. It is started again if the target is still ours, or else ended.
func (r *Reconciler) reconcileSetBack(ctx context.Context, s *state) (bool, reconciler.Event) {
	// The run comes first: mostly it is only the cache that has not heard of the start.
	live, err := r.runs.Get(ctx, r.ref(s))
	if err != nil {
		return true, err
	}
	if live == nil || !live.IsPending() {
		return true, errCacheLags
	}
	s.run = live
	if err := r.ensureFresh(ctx, s.wfe, isUnwantedAgain(s.run)); err != nil {
		return true, err
	}
	mayRun, err := r.locks.MayStart(ctx, s.claim)
	if err != nil {
		return true, err
	}
	work, err := r.otherWork(ctx, s)
	if err != nil {
		return true, err
	}
	if !mayRun || work.Any() {
		return r.endUnlocked(ctx, s, "The run was set back to pending by somebody, and the target is not locked for it any more")
	}
	if !s.wfe.Status.HasStarted() {
		r.markStarted(s.wfe, s.run)
	}
	logging.FromContext(ctx).Warnw("Starts a run again that somebody has set back to pending", "pipelineRun", s.run.Name)
	if _, _, err := r.runs.Start(ctx, s.run); err != nil {
		logging.FromContext(ctx).Warnw("The run that was set back cannot be started again", "error", err)
		return r.tryAgainSoon(ctx, s)
	}
	return false, nil
}

// tryAgainSoon keeps the deadline of a run that could not be started again, and asks for another look before that.
func (r *Reconciler) tryAgainSoon(ctx context.Context, s *state) (bool, reconciler.Event) {
	done, event := r.reconcileDeadline(ctx, s)
	if isLater, delay := controller.IsRequeueKey(event); isLater {
		event = r.after(min(delay, retry.MaxDelay))
	}
	return done, event
}

// noteOthersRun ends and notes a run that was started before it was noted, so that the execution cannot say that nothing ran.
func (r *Reconciler) noteOthersRun(ctx context.Context, s *state, run *tektonv1.PipelineRun) error {
	if err := r.ensureFresh(ctx, s.wfe, hasRunOrOutcome); err != nil {
		return err
	}
	logging.FromContext(ctx).Warnw("Somebody has started the run before it was noted", "pipelineRun", run.Name)
	noteLock(s.wfe, s.claim)
	return r.noteRun(ctx, s, run)
}

// endUnlocked cancels a run that runs without its lock, and lets the run go on as one that was cancelled.
func (r *Reconciler) endUnlocked(ctx context.Context, s *state, why string) (bool, reconciler.Event) {
	logging.FromContext(ctx).Warnw(why, "pipelineRun", s.run.Name)
	isOthers, err := r.isOthers(ctx, s)
	if err != nil {
		return true, err
	}
	progress, err := r.runs.End(ctx, pipelinerun.Ending{
		Ref: r.ref(s), Run: s.run, HasStarted: true, Reason: v1alpha1.FailureCancelled, SkipsFinally: isOthers, KeepsEvidence: true,
		Grace: pipelinerun.GraceOf(s.run),
	})
	if err != nil {
		return true, err
	}
	return true, r.afterProgress(progress)
}

// isOthers tells whether another execution has the target, or runs on it.
func (r *Reconciler) isOthers(ctx context.Context, s *state) (bool, error) {
	lock, err := r.locks.Look(ctx, s.claim.Target)
	if err != nil || lock.Holder != nil && lock.Holder.Holder != s.claim.Holder {
		return true, err
	}
	work, err := r.otherWork(ctx, s)
	return work.Any(), err
}
