// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package workflowexecution

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/reconciler"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution"
	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
)

// reconcileFinished ends with an execution that is over.
func (r *Reconciler) reconcileFinished(ctx context.Context, s *state) (bool, reconciler.Event) {
	if !s.wfe.Status.IsTerminal() {
		s.wfe.Status.InitializeConditions()
		return false, nil
	}
	s.wfe.Status.MarkFinished()
	return true, r.liftCleared(ctx, s.wfe)
}

// liftCleared lifts the block of an execution that a person has cleared.
func (r *Reconciler) liftCleared(ctx context.Context, wfe *v1alpha1.WorkflowExecution) error {
	if !wfe.Status.IsUnblockDue() {
		return nil
	}
	clearance := wfe.Status.BlockClearance
	if _, err := r.locks.Lift(ctx, r.claimOf(wfe, wfe.Status.Annotations[workflowexecution.CanonicalTargetAnnotation]), true); err != nil {
		return err
	}
	wfe.Status.MarkUnblocked()
	controller.GetEventRecorder(ctx).Eventf(wfe, corev1.EventTypeNormal, eventBlockCleared,
		"%s cleared the block of workflow %s on target %s: %s", clearance.ClearedBy, wfe.Spec.WorkflowRef.WorkflowID,
		wfe.Spec.TargetResource, clearance.ClearReason)
	return nil
}

// liftDeleted lifts the block of an execution that is being deleted: nobody could clear it any more.
func (r *Reconciler) liftDeleted(ctx context.Context, wfe *v1alpha1.WorkflowExecution) error {
	if !wfe.Status.Blocks() {
		// A person may have cleared it, and the ledger not know yet.
		return r.liftCleared(ctx, wfe)
	}
	lifted, err := r.locks.Lift(ctx, r.claimOf(wfe, wfe.Status.Annotations[workflowexecution.CanonicalTargetAnnotation]), false)
	if err != nil || !lifted {
		return err
	}
	controller.GetEventRecorder(ctx).Eventf(wfe, corev1.EventTypeNormal, eventBlockCleared,
		"The block of workflow %s on target %s ends with the execution that was deleted",
		wfe.Spec.WorkflowRef.WorkflowID, wfe.Spec.TargetResource)
	return nil
}
