// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package workflowexecution

import (
	"context"
	"errors"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"knative.dev/pkg/logging"

	"kubernaut.ai/workflowexecution/pkg/apis/config"
	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/pkg/reconciler/pipelinerun"
	"kubernaut.ai/workflowexecution/pkg/reconciler/takeover"
	"kubernaut.ai/workflowexecution/pkg/targetlock"
)

// decideAndTake answers a claim by what the API server has, and takes the target if it is free.
func (r *Reconciler) decideAndTake(ctx context.Context, s *state) (decision targetlock.Decision, err error) {
	err = targetlock.RetryChanged(func() (err error) {
		decision, err = r.decideAndTakeOnce(ctx, s)
		return err
	})
	return decision, err
}

func (r *Reconciler) decideAndTakeOnce(ctx context.Context, s *state) (targetlock.Decision, error) {
	lock, err := r.lookAtLock(ctx, s)
	if err != nil {
		return targetlock.Decision{}, err
	}
	claim := s.claim
	facts, err := r.gatherFacts(ctx, lock, s)
	if err != nil {
		return targetlock.Decision{}, err
	}
	decision := targetlock.Decide(lock, claim, facts, r.clock.Now())
	switch {
	case decision.Verdict == targetlock.Free:
		return targetlock.Decision{Verdict: targetlock.Held}, r.locks.Take(ctx, lock, claim)
	case decision.Verdict == targetlock.Busy && decision.Conflict == lock.Holder:
		return decision, r.takeOver(ctx, claim, *decision.Conflict)
	}
	return decision, nil
}

// gatherFacts looks at what the decision on a claim rests on beside the lock. Where another execution holds that, there is
// nothing more to know.
func (r *Reconciler) gatherFacts(ctx context.Context, lock *targetlock.Lock, s *state) (targetlock.Facts, error) {
	if lock.Holder != nil && lock.Holder.Holder != s.claim.Holder {
		return targetlock.Facts{}, nil
	}
	var facts targetlock.Facts
	if entry := lock.Ledger[s.claim.WorkflowID]; entry.Blocks != "" && lock.Holder == nil {
		var err error
		if facts, err = r.factsOfBlock(ctx, entry.Execution); err != nil {
			return facts, err
		}
	}
	work, err := r.otherWork(ctx, s)
	facts.Running = work.Conflict()
	return facts, err
}

// otherWork is what runs on the target, or may begin to, beside the execution's own run, whatever the Lease says.
func (r *Reconciler) otherWork(ctx context.Context, s *state) (pipelinerun.Work, error) {
	hash, own := v1alpha1.TargetHash(s.claim.Target), r.ref(s)
	work, err := r.runs.Work(ctx, hash, own)
	return work.Startable().Where(func(object metav1.Object) bool {
		isPart, _ := r.index.IsPartOf(pipelinerun.UIDOfRun(object), own.UID, hash)
		return own.UID == "" || !isPart
	}), err
}

// takeOver frees the target of a dead holder if it can, which changes the lock.
func (r *Reconciler) takeOver(ctx context.Context, claim targetlock.Claim, conflict targetlock.Conflict) error {
	// Its Lease was found by the name of this target, whatever somebody has made of its annotation.
	conflict.Target = claim.Target
	progress, err := r.takeover.Free(ctx, conflict, policy(ctx))
	switch {
	case errors.Is(err, pipelinerun.ErrUnreachable):
		// The target is busy as long as nobody may look; the reconciler of Leases tells about it.
		logging.FromContext(ctx).Warnw("What a dead holder left cannot be ended", "holder", conflict.Identity, "error", err)
		return nil
	case progress.Ended && err == nil:
		return targetlock.ErrChanged
	}
	return err
}

// factsOfBlock looks whether an execution that blocks its workflow still does.
func (r *Reconciler) factsOfBlock(ctx context.Context, blocker targetlock.Holder) (targetlock.Facts, error) {
	live, err := takeover.FindHolder(ctx, r.executions, blocker)
	switch {
	case err != nil:
		return targetlock.Facts{}, fmt.Errorf("failed to read the execution %s, which blocks the workflow: %w", nameOf(blocker), err)
	case live != nil && live.Status.BlockClearance != nil:
		return targetlock.Facts{Cleared: blocker}, nil
	case live == nil || live.DeletionTimestamp != nil:
		return targetlock.Facts{Gone: blocker}, nil
	}
	return targetlock.Facts{}, nil
}

func policy(ctx context.Context) targetlock.Policy {
	return targetlock.PolicyOf(config.FromContextOrDefaults(ctx).WorkflowExecution)
}
