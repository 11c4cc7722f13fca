// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package workflowexecution

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution"
	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/pkg/targetlock"
)

// acquireLock takes the target, or ends the execution because it may not have it. Skip, do not queue:
// whoever submitted the execution knows best whether it is still wanted later.
func (r *Reconciler) acquireLock(
	ctx context.Context, wfe *v1alpha1.WorkflowExecution, claim targetlock.Claim,
) (bool, error) {
	if wfe.Status.GetCondition(v1alpha1.ConditionLockAcquired).IsTrue() {
		return true, nil
	}
	if err := r.isNew(ctx, wfe); err != nil {
		return false, err
	}
	decision, err := r.decide(ctx, claim)
	if err != nil {
		return false, err
	}
	if decision.Verdict != targetlock.Held {
		r.turnAway(wfe, claim, decision)
		return false, nil
	}
	noteLock(wfe, claim)
	return true, nil
}

// noteLock keeps with the lock which target it is of.
func noteLock(wfe *v1alpha1.WorkflowExecution, claim targetlock.Claim) {
	if wfe.Status.Annotations == nil {
		wfe.Status.Annotations = map[string]string{}
	}
	wfe.Status.Annotations[workflowexecution.CanonicalTargetAnnotation] = claim.Target
	wfe.Status.MarkLockAcquired()
}

// isNew makes sure at the API server that the execution has no lock and no outcome yet. With an old
// copy, one that is over would take the target again, and nobody would ever free it.
func (r *Reconciler) isNew(ctx context.Context, wfe *v1alpha1.WorkflowExecution) error {
	live, err := r.liveExecution(ctx, wfe)
	if err != nil {
		return err
	}
	if live.UID != wfe.UID || live.DeletionTimestamp != nil || live.Status.HasOutcome() ||
		live.Status.GetCondition(v1alpha1.ConditionLockAcquired).IsTrue() {
		return errCacheLags
	}
	return nil
}

// turnAway ends an execution that may not have its target, in the way that the decision asks for.
func (r *Reconciler) turnAway(wfe *v1alpha1.WorkflowExecution, claim targetlock.Claim, decision targetlock.Decision) {
	switch decision.Verdict {
	case targetlock.Spent:
		r.finishSpent(wfe, claim, decision.Entry)
	case targetlock.Unreadable:
		refuse(wfe, &refusal{reason: v1alpha1.FailureConfigurationError, message: unreadable(claim, decision.Err)}, r.clock.Now())
	case targetlock.Full:
		refuse(wfe, &refusal{reason: v1alpha1.FailureResourceExhausted, message: full(claim)}, r.clock.Now())
	default:
		wfe.Status.MarkSkipped(r.skipDetails(claim, decision))
	}
}

// finishSpent gives an execution the end that the ledger remembers of it: a pass before a crash freed
// its target and did not get to note that.
func (r *Reconciler) finishSpent(wfe *v1alpha1.WorkflowExecution, claim targetlock.Claim, entry targetlock.Entry) {
	noteLock(wfe, claim)
	if entry.Ran {
		wfe.Status.MarkPipelineRunLost()
	}
	completed := metav1.NewTime(entry.CompletedAt)
	var details *v1alpha1.FailureDetails
	if entry.Outcome == v1alpha1.PhaseFailed {
		details = new(withSummary(wfe, v1alpha1.FailureDetails{
			Reason: entry.Reason, Message: entry.Message, FailedAt: completed, WasExecutionFailure: entry.Ran,
		}))
	}
	wfe.Status.MarkReleasing(completed, details)
	noteRelease(wfe, targetlock.Released{At: entry.ReleasedAt, Entry: &entry})
	wfe.Status.MarkReleased()
}

// noteRelease takes over when the target was freed, and what the ledger says of the execution, as far as
// either is known.
func noteRelease(wfe *v1alpha1.WorkflowExecution, released targetlock.Released) {
	if !released.At.IsZero() {
		wfe.Status.MarkTargetFreed(metav1.NewTime(released.At))
	}
	entry := released.Entry
	if entry == nil {
		return
	}
	var nextAllowed *metav1.Time
	if blocks := entry.Blocks != ""; !blocks && !entry.NextAllowed.IsZero() {
		nextAllowed = new(metav1.NewTime(entry.NextAllowed))
	}
	wfe.Status.MarkConsequences(entry.ConsecutiveFailures, nextAllowed, entry.Blocks != "")
}
