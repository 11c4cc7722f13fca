// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package workflowexecution

import (
	"cmp"
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"knative.dev/pkg/reconciler"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution"
	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/pkg/targetlock"
)

// reconcileLock takes the target, or ends the execution because it may not have it. Skip, do not queue:
// whoever submitted the execution knows best whether it is still wanted later.
func (r *Reconciler) reconcileLock(ctx context.Context, s *state) (bool, reconciler.Event) {
	if s.wfe.Status.GetCondition(v1alpha1.ConditionLockAcquired).IsTrue() {
		return false, r.locateRun(ctx, s)
	}
	if err := r.ensureFresh(ctx, s.wfe, hasLockOrOutcome); err != nil {
		return true, err
	}
	decision, err := r.decideAndTake(ctx, s)
	if err != nil {
		return true, err
	}
	if decision.Verdict != targetlock.Held {
		return true, r.skip(ctx, s, decision)
	}
	noteLock(s.wfe, s.claim)
	return false, nil
}

// lookAtLock reads the lock of the execution. As long as no reference to a run is stored, the run is where the Lease says, if
// it is anywhere: the execution namespace may have been configured anew since the lock was taken.
func (r *Reconciler) lookAtLock(ctx context.Context, s *state) (*targetlock.Lock, error) {
	lock, err := r.locks.Look(ctx, s.claim.Target)
	if err == nil && s.wfe.Status.PipelineRunRef == nil && lock.Holder != nil && lock.Holder.Holder == s.claim.Holder {
		s.claim.RunNamespace = cmp.Or(lock.Holder.RunNamespace, s.claim.RunNamespace)
	}
	return lock, err
}

// locateRun finds out where the run is of which no reference is stored.
func (r *Reconciler) locateRun(ctx context.Context, s *state) error {
	if s.wfe.Status.PipelineRunRef != nil {
		return nil
	}
	_, err := r.lookAtLock(ctx, s)
	return err
}

// noteLock keeps with the lock which target it is of.
func noteLock(wfe *v1alpha1.WorkflowExecution, claim targetlock.Claim) {
	annotate(wfe, workflowexecution.CanonicalTargetAnnotation, claim.Target)
	wfe.Status.MarkLockAcquired()
}

// annotate the status.
func annotate(wfe *v1alpha1.WorkflowExecution, key, value string) {
	if wfe.Status.Annotations == nil {
		wfe.Status.Annotations = map[string]string{}
	}
	wfe.Status.Annotations[key] = value
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
