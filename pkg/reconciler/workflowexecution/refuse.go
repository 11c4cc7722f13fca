// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package workflowexecution

import (
	"context"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubernaut.ai/workflowexecution/pkg/apis/config"
	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/pkg/reconciler/workflowexecution/resources"
	"kubernaut.ai/workflowexecution/pkg/reconciler/workflowexecution/resources/names"
	"kubernaut.ai/workflowexecution/pkg/targetlock"
)

// creationFailed ends the execution if its run was refused, and tries again otherwise, while the
// target stays locked, up to the pending deadline.
func (r *Reconciler) creationFailed(
	ctx context.Context, wfe *v1alpha1.WorkflowExecution, claim targetlock.Claim, err error,
) error {
	if errors.Is(err, errCacheLags) {
		return err
	}
	if refused := (*refusal)(nil); errors.As(err, &refused) {
		return r.refuseRun(ctx, wfe, claim, refused)
	}
	message := "Failed to create the PipelineRun: " + err.Error()
	if isRefusal(err) {
		return r.refuseRun(ctx, wfe, claim, &refusal{reason: refusalReason(err), message: message})
	}
	if r.pendingTooLong(ctx, wfe) {
		return r.giveUp(ctx, wfe, claim, message)
	}
	wfe.Status.MarkPipelineRunRetrying(message)
	return fmt.Errorf("failed to create PipelineRun: %w", err)
}

func refusalReason(err error) v1alpha1.FailureReason {
	if apierrors.IsForbidden(err) {
		return v1alpha1.FailureForbidden
	}
	return v1alpha1.FailureConfigurationError
}

// refuseRun frees the target before the terminal phase: nothing was created that could touch it.
func (r *Reconciler) refuseRun(
	ctx context.Context, wfe *v1alpha1.WorkflowExecution, claim targetlock.Claim, refused *refusal,
) error {
	if err := r.locks.Release(ctx, claim); err != nil {
		return err
	}
	r.refuse(wfe, refused.reason, refused.message)
	return nil
}

func (r *Reconciler) pendingTooLong(ctx context.Context, wfe *v1alpha1.WorkflowExecution) bool {
	since := wfe.Status.GetCondition(v1alpha1.ConditionLockAcquired).LastTransitionTime.Inner
	deadline := config.FromContextOrDefaults(ctx).WorkflowExecution.PendingDeadline
	return !since.IsZero() && r.clock.Since(since.Time) > deadline
}

// giveUp looks once more, because a creation that timed out may have happened all the same.
func (r *Reconciler) giveUp(
	ctx context.Context, wfe *v1alpha1.WorkflowExecution, claim targetlock.Claim, message string,
) error {
	run, err := r.tekton.TektonV1().PipelineRuns(r.runNamespace).Get(ctx, names.PipelineRun(wfe), metav1.GetOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("failed to find out whether the PipelineRun exists: %w", err)
	}
	if err == nil && resources.BelongsTo(run, wfe.UID) {
		wfe.Status.MarkPipelineRunCreated(v1alpha1.PipelineRunRef{Namespace: run.Namespace, Name: run.Name, UID: run.UID})
		return nil
	}
	if err := r.locks.Fence(ctx, claim); err != nil {
		return err
	}
	return r.refuseRun(ctx, wfe, claim, &refusal{reason: v1alpha1.FailureUnknown, message: message})
}
