// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package workflowexecution

import (
	"context"
	"fmt"
	"time"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/pkg/reconciler/workflowexecution/resources"
	"kubernaut.ai/workflowexecution/pkg/reconciler/workflowexecution/resources/names"
	"kubernaut.ai/workflowexecution/pkg/targetlock"
)

// takeOver claims a target again whose holder is dead, once nothing of that holder's run can work any
// more. Until then, and as long as the holder lives, the decision stays as it was.
func (r *Reconciler) takeOver(
	ctx context.Context, claim targetlock.Claim, decision targetlock.Decision,
) (targetlock.Decision, error) {
	holder := decision.Conflict.Holder
	if dead, err := r.isDead(ctx, holder); !dead || err != nil {
		return decision, err
	}
	theirs := targetlock.Claim{Target: claim.Target, Holder: holder, RunNamespace: decision.Conflict.RunNamespace}
	if err := r.locks.Fence(ctx, theirs); err != nil {
		return decision, err
	}
	if ended, err := r.endRunOf(ctx, theirs); !ended || err != nil {
		return decision, err
	}
	if err := r.locks.Release(ctx, theirs); err != nil {
		return decision, err
	}
	return r.locks.Acquire(ctx, claim)
}

// isDead tells whether an execution will never free its target itself: it is over, or it is gone,
// which takes somebody who removed its finalizer. Neither ever changes again.
func (r *Reconciler) isDead(ctx context.Context, holder targetlock.Holder) (bool, error) {
	live, err := r.executions.KubernautV1alpha1().WorkflowExecutions(holder.Namespace).Get(ctx, holder.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("failed to read the execution %s/%s, which holds the target: %w", holder.Namespace, holder.Name, err)
	}
	return live.UID != holder.UID || live.Status.IsTerminal(), nil
}

// endRunOf ends what a dead holder left, in the way in which its own deletion would have, and tells
// whether nothing is left.
func (r *Reconciler) endRunOf(ctx context.Context, claim targetlock.Claim) (bool, error) {
	late := lateExecution(claim)
	run, err := r.liveRun(ctx, late)
	if err != nil {
		return false, err
	}
	if run != nil {
		late.Status.PipelineRunRef.UID = run.UID
	}
	switch {
	case run == nil || run.IsDone():
	case run.IsPending():
		if err := r.deleteUnstarted(ctx, run); err != nil {
			return false, err
		}
	default:
		return false, r.endWorking(ctx, run)
	}
	left, err := r.remains(ctx, late, nil)
	if err != nil {
		return false, err
	}
	if left.any() {
		return false, r.deletePods(ctx, left)
	}
	return true, nil
}

// lateExecution stands for an execution that may be gone, as far as its Lease remembers it.
func lateExecution(claim targetlock.Claim) *v1alpha1.WorkflowExecution {
	late := &v1alpha1.WorkflowExecution{ObjectMeta: metav1.ObjectMeta{
		Namespace: claim.Holder.Namespace, Name: claim.Holder.Name, UID: claim.Holder.UID,
	}}
	late.Status.PipelineRunRef = &v1alpha1.PipelineRunRef{Namespace: claim.RunNamespace, Name: names.PipelineRun(late)}
	return late
}

// endWorking cancels a run, and deletes it once its finally tasks have had their time.
func (r *Reconciler) endWorking(ctx context.Context, run *tektonv1.PipelineRun) error {
	if run.Spec.Status == "" {
		return r.cancelRun(ctx, run, v1alpha1.FailureCancelled)
	}
	settings, err := resources.SettingsOf(run)
	if err != nil {
		return err
	}
	if r.graceRemaining(time.Time{}, run, settings) > 0 {
		return nil
	}
	return r.deleteForeground(ctx, run)
}
