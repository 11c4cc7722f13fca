// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package workflowexecution

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/pkg/targetlock"
)

// acquireLock takes the target, or skips the execution because another one has it. Skip, do not
// queue: whoever submitted the execution knows best whether it is still wanted later.
func (r *Reconciler) acquireLock(
	ctx context.Context, wfe *v1alpha1.WorkflowExecution, claim targetlock.Claim,
) (bool, error) {
	if wfe.Status.GetCondition(v1alpha1.ConditionLockAcquired).IsTrue() {
		return true, nil
	}
	if err := r.isNew(ctx, wfe); err != nil {
		return false, err
	}
	decision, err := r.locks.Acquire(ctx, claim)
	if err != nil {
		return false, err
	}
	if decision.Conflict != nil {
		if decision, err = r.takeOver(ctx, claim, decision); err != nil {
			return false, err
		}
	}
	if decision.Conflict != nil {
		r.skipBusy(wfe, claim, *decision.Conflict)
		return false, nil
	}
	if wfe.Status.Annotations == nil {
		wfe.Status.Annotations = map[string]string{}
	}
	wfe.Status.Annotations[canonicalTargetAnnotation] = claim.Target
	wfe.Status.MarkLockAcquired()
	return true, nil
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

func (r *Reconciler) skipBusy(wfe *v1alpha1.WorkflowExecution, claim targetlock.Claim, by targetlock.Conflict) {
	now := r.clock.Now()
	wfe.Status.MarkSkipped(v1alpha1.SkipDetails{
		Reason: v1alpha1.SkipResourceBusy,
		Message: fmt.Sprintf("Target %s is held by %s/%s (workflow %s) since %s; create a new execution once that one has ended",
			claim.Target, by.Holder.Namespace, by.Holder.Name, by.WorkflowID, by.Since.UTC().Format("2006-01-02T15:04:05Z")),
		SkippedAt: metav1.NewTime(now),
		ConflictingWorkflow: &v1alpha1.ConflictingWorkflow{
			Namespace:      by.Holder.Namespace,
			Name:           by.Holder.Name,
			WorkflowID:     by.WorkflowID,
			TargetResource: claim.Target,
			StartedAt:      metav1.NewTime(by.Since),
		},
	})
}
