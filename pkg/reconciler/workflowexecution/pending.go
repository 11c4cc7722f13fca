// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package workflowexecution

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"kubernaut.ai/workflowexecution/pkg/apierror"
	"kubernaut.ai/workflowexecution/pkg/apis/config"
	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
)

// failCreation ends the execution if its run was refused for good, and has it tried again otherwise, while the
// target stays locked, up to the pending deadline.
func (r *Reconciler) failCreation(ctx context.Context, s *state, err error) error {
	if errors.Is(err, errCacheLags) {
		return err
	}
	if cause := (*failureCause)(nil); errors.As(err, &cause) {
		return r.fail(ctx, s, cause)
	}
	if isQuota(err) {
		// One that our own run fills refuses before it finds that the run exists.
		if found, err := r.noteRunIfFound(ctx, s); found || errors.Is(err, errCacheLags) {
			return err
		}
	}
	// Tekton's webhook tells what it refuses, and that may be the value of a parameter.
	message := withoutSecrets(s.wfe, "Failed to create the PipelineRun: "+err.Error())
	switch {
	case isRefusal(err):
		return r.fail(ctx, s, &failureCause{reason: v1alpha1.FailureConfigurationError, message: message})
	case r.isPendingTooLong(ctx, s.wfe):
		return r.fail(ctx, s, tooLong(ctx, err, message))
	}
	s.wfe.Status.MarkPipelineRunRetrying(message)
	return fmt.Errorf("failed to create PipelineRun: %w", err)
}

// failStart has a start tried again that was refused, with whatever code, up to the pending deadline: a target must not
// stay locked for ever by what cannot be started. The run is deleted only if it was not started after all.
func (r *Reconciler) failStart(ctx context.Context, s *state, err error) error {
	message := withoutSecrets(s.wfe, err.Error())
	if r.isPendingTooLong(ctx, s.wfe) {
		return r.abandonUnstarted(ctx, s, tooLong(ctx, err, message))
	}
	s.wfe.Status.MarkStartRetrying(message)
	return err
}

// isRefusal tells whether the API server, or a webhook, says of the object itself that it will never accept it. All else
// may pass: an API server that has just started forbids what it will allow, a quota is freed, Tekton's API is installed anew.
func isRefusal(err error) bool {
	answer, ok := err.(apierrors.APIStatus)
	if !ok {
		return false
	}
	switch answer.Status().Code {
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity:
		return true
	}
	return false
}

// isQuota goes by the words of Kubernetes' admission of quotas: nothing else tells its 403 from others.
func isQuota(err error) bool {
	return apierrors.IsForbidden(err) && strings.Contains(err.Error(), " is forbidden: exceeded quota: ")
}

// tooLong is why an execution ends whose run could not be created or started up to the pending deadline.
func tooLong(ctx context.Context, err error, message string) *failureCause {
	reason, hint := v1alpha1.FailureUnknown, ""
	switch {
	case isQuota(err):
		reason = v1alpha1.FailureResourceExhausted
	case apierrors.IsForbidden(err), apierrors.IsUnauthorized(err):
		reason = v1alpha1.FailureForbidden
	case apierror.IsNotServed(err):
		reason, hint = v1alpha1.FailureConfigurationError, "; is Tekton installed, and does it serve tekton.dev/v1?"
	case apierror.IsGone(err), apierrors.IsInvalid(err), apierrors.IsBadRequest(err):
		reason = v1alpha1.FailureConfigurationError
	}
	return &failureCause{reason: reason, message: fmt.Sprintf("%s%s. It was tried for %s (pending-deadline)",
		strings.TrimSuffix(message, "."), hint, pendingDeadline(ctx))}
}

func (r *Reconciler) isPendingTooLong(ctx context.Context, wfe *v1alpha1.WorkflowExecution) bool {
	since := wfe.Status.GetCondition(v1alpha1.ConditionLockAcquired).LastTransitionTime.Inner
	return !since.IsZero() && r.clock.Since(since.Time) > pendingDeadline(ctx)
}

func pendingDeadline(ctx context.Context) time.Duration {
	return config.FromContextOrDefaults(ctx).WorkflowExecution.PendingDeadline
}

// noteRunIfFound notes the run of the execution if the API server has one. Where it does not let us look there may be one.
// Nobody starts that without the lock, and the reconciler of Leases deletes it.
func (r *Reconciler) noteRunIfFound(ctx context.Context, s *state) (bool, error) {
	if err := r.ensureFresh(ctx, s.wfe, hasRunOrOutcome); err != nil {
		return false, err
	}
	run, err := r.runs.Get(ctx, r.ref(s))
	if apierrors.IsForbidden(err) || apierror.IsNotServed(err) {
		return false, nil
	}
	if err != nil || run == nil {
		return false, err
	}
	return true, r.noteRun(ctx, s, run)
}
