// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package workflowexecution

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubernaut.ai/workflowexecution/pkg/apis/config"
	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/pkg/reconciler/pipelinerun/resources"
)

// createRun creates the run of the execution, pending, and notes its reference.
func (r *Reconciler) createRun(ctx context.Context, s *state) error {
	if err := r.readmit(ctx, s); err != nil {
		return r.failCreation(ctx, s, err)
	}
	run, err := resources.MakePipelineRun(s.wfe, s.claim.Target, r.runNamespace, config.FromContextOrDefaults(ctx).WorkflowExecution)
	if err != nil {
		return r.failCreation(ctx, s, misconfigured("%s", err.Error()))
	}
	created, err := r.tekton.TektonV1().PipelineRuns(run.Namespace).Create(ctx, run, metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		created, err = r.adoptRun(ctx, s.wfe, run)
	}
	if err != nil {
		return r.failCreation(ctx, s, err)
	}
	noteRun(s.wfe, created)
	return nil
}

func noteRun(wfe *v1alpha1.WorkflowExecution, run *tektonv1.PipelineRun) {
	wfe.Status.MarkPipelineRunCreated(v1alpha1.PipelineRunRef{Namespace: run.Namespace, Name: run.Name, UID: run.UID})
}

// adoptRun finds the run that an earlier reconcile created and could not note, or whose note this reconcile
// has not seen yet. One that this execution did not create is never taken.
func (r *Reconciler) adoptRun(
	ctx context.Context, wfe *v1alpha1.WorkflowExecution, want *tektonv1.PipelineRun,
) (*tektonv1.PipelineRun, error) {
	run, err := r.tekton.TektonV1().PipelineRuns(want.Namespace).Get(ctx, want.Name, metav1.GetOptions{})
	if err != nil {
		// Wrapped, so that it is no refusal of the creation: a run that has vanished is created anew.
		return nil, fmt.Errorf("failed to read PipelineRun %s/%s: %w", want.Namespace, want.Name, err)
	}
	if !resources.BelongsTo(run, wfe.UID) {
		return nil, misconfigured("PipelineRun %s/%s exists and was not created by this execution; it was left alone",
			want.Namespace, want.Name)
	}
	return run, r.ensureFresh(ctx, wfe, hasRunOrOutcome)
}

// failCreation ends the execution if its run was refused, and has it tried again otherwise, while the
// target stays locked, up to the pending deadline.
func (r *Reconciler) failCreation(ctx context.Context, s *state, err error) error {
	if errors.Is(err, errCacheLags) {
		return err
	}
	if cause := (*failureCause)(nil); errors.As(err, &cause) {
		return r.fail(ctx, s, cause)
	}
	// Tekton's webhook tells what it refuses, and that may be the value of a parameter.
	message := withoutSecrets(s.wfe, "Failed to create the PipelineRun: "+err.Error())
	if isRefusal(err) {
		return r.fail(ctx, s, &failureCause{reason: refusalReason(err), message: message})
	}
	if r.isPendingTooLong(ctx, s.wfe) {
		return r.fail(ctx, s, &failureCause{reason: v1alpha1.FailureUnknown, message: message})
	}
	s.wfe.Status.MarkPipelineRunRetrying(message)
	return fmt.Errorf("failed to create PipelineRun: %w", err)
}

// isRefusal tells whether the API server, or a webhook, will never accept the object. Throttling,
// time-outs and conflicts are not refusals.
func isRefusal(err error) bool {
	status, ok := err.(apierrors.APIStatus)
	if !ok || apierrors.IsTooManyRequests(err) || apierrors.IsTimeout(err) || apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err) {
		return false
	}
	code := status.Status().Code
	return code >= http.StatusBadRequest && code < http.StatusInternalServerError &&
		code != http.StatusUnauthorized && code != http.StatusRequestTimeout
}

func refusalReason(err error) v1alpha1.FailureReason {
	if apierrors.IsForbidden(err) {
		return v1alpha1.FailureForbidden
	}
	return v1alpha1.FailureConfigurationError
}

func (r *Reconciler) isPendingTooLong(ctx context.Context, wfe *v1alpha1.WorkflowExecution) bool {
	since := wfe.Status.GetCondition(v1alpha1.ConditionLockAcquired).LastTransitionTime.Inner
	deadline := config.FromContextOrDefaults(ctx).WorkflowExecution.PendingDeadline
	return !since.IsZero() && r.clock.Since(since.Time) > deadline
}

// noteRunIfFound notes the run of the execution if the API server has one.
func (r *Reconciler) noteRunIfFound(ctx context.Context, wfe *v1alpha1.WorkflowExecution) (bool, error) {
	if err := r.ensureFresh(ctx, wfe, hasRunOrOutcome); err != nil {
		return false, err
	}
	run, err := r.runs.Get(ctx, r.refOf(wfe))
	if err != nil || run == nil {
		return false, err
	}
	noteRun(wfe, run)
	return true, nil
}
