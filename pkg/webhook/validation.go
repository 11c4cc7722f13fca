// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"context"
	"encoding/json"

	admissionv1 "k8s.io/api/admission/v1"
	"knative.dev/pkg/apis"
	knativewebhook "knative.dev/pkg/webhook"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
)

// validation refuses executions that could not run, or whose spec is being changed.
type validation struct {
	knativewebhook.StatelessAdmissionImpl

	settings *settings
}

var _ knativewebhook.AdmissionController = (*validation)(nil)

// Path is where the API server asks.
func (*validation) Path() string { return "/validation" }

// Admit tells everything that is wrong at once.
func (v *validation) Admit(ctx context.Context, request *admissionv1.AdmissionRequest) *admissionv1.AdmissionResponse {
	var wfe, old v1alpha1.WorkflowExecution
	switch {
	case request.SubResource != "":
		return unexpected(request)
	case request.Operation == admissionv1.Create:
		ctx = apis.WithinCreate(ctx)
	case request.Operation == admissionv1.Update:
		if err := json.Unmarshal(request.OldObject.Raw, &old); err != nil {
			return knativewebhook.MakeErrorStatus("failed to decode the stored execution: %v", err)
		}
		ctx = apis.WithinUpdate(ctx, &old)
	default:
		return unexpected(request)
	}
	if err := json.Unmarshal(request.Object.Raw, &wfe); err != nil {
		return knativewebhook.MakeErrorStatus("failed to decode the execution: %v", err)
	}
	if err := wfe.Validate(ctx).Also(v.checkTimeout(ctx, &wfe.Spec)); err != nil {
		return knativewebhook.MakeErrorStatus("validation failed: %v", err)
	}
	return allowed()
}

// checkTimeout is for those that are created: what was allowed then is not judged again when the
// maximum is lowered. The controller judges once more, before anything runs.
func (v *validation) checkTimeout(ctx context.Context, spec *v1alpha1.WorkflowExecutionSpec) *apis.FieldError {
	if !apis.IsInCreate(ctx) || spec.ExecutionConfig == nil {
		return nil
	}
	return v.settings.current().ValidateTimeout(spec.ExecutionConfig.Timeout)
}
