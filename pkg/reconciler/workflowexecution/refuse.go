// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package workflowexecution

import (
	"context"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"kubernaut.ai/workflowexecution/pkg/apis/config"
	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
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
		return r.giveUp(ctx, wfe, claim, refused)
	}
	// Tekton's webhook tells what it refuses, and that may be the value of a parameter.
	message := withoutSecrets(wfe, "Failed to create the PipelineRun: "+err.Error())
	if isRefusal(err) {
		return r.giveUp(ctx, wfe, claim, &refusal{reason: refusalReason(err), message: message})
	}
	if r.pendingTooLong(ctx, wfe) {
		return r.giveUp(ctx, wfe, claim, &refusal{reason: v1alpha1.FailureUnknown, message: message})
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
	released, err := r.locks.Release(ctx, claim, r.refusedOutcome(wfe, refused), policy(ctx))
	if err != nil {
		return err
	}
	at := r.clock.Now()
	if released.Entry != nil {
		// As it was refused before a crash.
		at = released.Entry.CompletedAt
	}
	refuse(wfe, refused, at)
	noteRelease(wfe, released)
	return nil
}

// refusedOutcome is what is to be remembered of an execution that could not be started. One that never
// had its target, or that somebody cancelled, says nothing about the next one.
func (r *Reconciler) refusedOutcome(wfe *v1alpha1.WorkflowExecution, refused *refusal) *targetlock.Outcome {
	locked := wfe.Status.GetCondition(v1alpha1.ConditionLockAcquired).IsTrue()
	if !locked || refused.reason == v1alpha1.FailureCancelled {
		return nil
	}
	return &targetlock.Outcome{
		Phase: v1alpha1.PhaseFailed, Reason: refused.reason, Message: refused.message, CompletedAt: r.clock.Now(),
	}
}

func (r *Reconciler) pendingTooLong(ctx context.Context, wfe *v1alpha1.WorkflowExecution) bool {
	since := wfe.Status.GetCondition(v1alpha1.ConditionLockAcquired).LastTransitionTime.Inner
	deadline := config.FromContextOrDefaults(ctx).WorkflowExecution.PendingDeadline
	return !since.IsZero() && r.clock.Since(since.Time) > deadline
}

// giveUp ends an execution that gets no run. It looks twice whether there is one after all: an earlier
// creation may have gone through although its answer was lost, and a quota that our own run fills
// refuses before it finds that the run exists. The fence between the looks keeps a run from being
// started that another replica creates after the second one.
func (r *Reconciler) giveUp(
	ctx context.Context, wfe *v1alpha1.WorkflowExecution, claim targetlock.Claim, refused *refusal,
) error {
	if found, err := r.findRun(ctx, wfe); found || err != nil {
		return err
	}
	if err := r.locks.Fence(ctx, claim); err != nil {
		return err
	}
	if found, err := r.findRun(ctx, wfe); found || err != nil {
		return err
	}
	return r.refuseRun(ctx, wfe, claim, refused)
}

// findRun notes the run of the execution if the API server has one.
func (r *Reconciler) findRun(ctx context.Context, wfe *v1alpha1.WorkflowExecution) (bool, error) {
	if err := r.hasNoReference(ctx, wfe); err != nil {
		return false, err
	}
	run, err := r.runs.Get(ctx, r.refOf(wfe))
	if err != nil || run == nil {
		return false, err
	}
	wfe.Status.MarkPipelineRunCreated(v1alpha1.PipelineRunRef{Namespace: run.Namespace, Name: run.Name, UID: run.UID})
	return true, nil
}
