// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package workflowexecution

import (
	"context"

	"knative.dev/pkg/reconciler"

	"kubernaut.ai/workflowexecution/pkg/targetlock"
)

// reconcileGone ends an execution whose run is gone, by what is known of the run.
func (r *Reconciler) reconcileGone(ctx context.Context, s *state) (bool, reconciler.Event) {
	if isOver, err := r.recall(ctx, s); isOver || err != nil {
		return true, err
	}
	if err := r.noteLast(ctx, s.wfe, s.run); err != nil {
		return true, err
	}
	return r.reconcileOutcome(ctx, s)
}

// recall finds out how a run ended that is gone. If the ledger says that the execution has had its run, a reconcile before a
// crash has freed the target, and the execution is over. Otherwise the run is what a watch saw of it last, if it had ended.
func (r *Reconciler) recall(ctx context.Context, s *state) (isOver bool, err error) {
	if err := r.ensureFresh(ctx, s.wfe, hasOutcome); err != nil {
		return false, err
	}
	lock, err := r.locks.Look(ctx, s.claim.Target)
	if err != nil {
		return false, err
	}
	decision := targetlock.Decide(lock, s.claim, targetlock.Facts{}, r.clock.Now())
	if decision.Verdict == targetlock.Spent {
		r.markAsRemembered(s, decision.Entry)
		return true, nil
	}
	s.run = r.deletedRuns.Of(r.ref(s).UID)
	return false, nil
}
