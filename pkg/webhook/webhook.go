// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

// Package webhook decides which WorkflowExecutions, clearances and ConfigMaps are admitted
// (docs/design.md, "Admission"). Server and certificates are Knative's; what is called,
// and when, is written in the shipped webhook configurations, of which only the CA is filled in here.
package webhook

import (
	"context"
	"fmt"

	admissionv1 "k8s.io/api/admission/v1"
	"k8s.io/utils/clock"
	"knative.dev/pkg/apis/duck"
	"knative.dev/pkg/configmap"
	knativewebhook "knative.dev/pkg/webhook"

	"kubernaut.ai/workflowexecution/pkg/apis/config"
)

// Names of what is shipped for the webhook.
const (
	// ServiceName is the Service through which the API server calls.
	ServiceName = "workflowexecution-webhook"
	// SecretName is the Secret that keeps the certificates.
	SecretName = "workflowexecution-webhook-certificates"
	// ConfigurationName is that of the mutating and of the validating webhook configuration.
	ConfigurationName = "webhook.kubernaut.ai"
)

// Admissions are all that the webhook answers to, each with its path.
func Admissions(ctx context.Context, watcher configmap.DefaultingWatcher) []any {
	return []any{
		&defaulting{},
		&clearance{clock: clock.RealClock{}},
		&validation{settings: followSettings(ctx, watcher)},
		newConfigMaps(config.AdmissionConstructors()),
	}
}

// allowed admits the request as it is.
func allowed() *admissionv1.AdmissionResponse {
	return &admissionv1.AdmissionResponse{Allowed: true}
}

// allowedWith admits the request with what turns before into after.
func allowedWith(before, after any) *admissionv1.AdmissionResponse {
	patch, err := duck.CreateBytePatch(before, after)
	if err != nil {
		return knativewebhook.MakeErrorStatus("failed to create the patch: %v", err)
	}
	patchType := admissionv1.PatchTypeJSONPatch
	return &admissionv1.AdmissionResponse{Allowed: true, Patch: patch, PatchType: &patchType}
}

// unexpected refuses what the shipped configurations do not send: whoever changed them has to see that.
func unexpected(request *admissionv1.AdmissionRequest) *admissionv1.AdmissionResponse {
	resource := request.Resource.Resource
	if request.SubResource != "" {
		resource = fmt.Sprintf("%s/%s", resource, request.SubResource)
	}
	return knativewebhook.MakeErrorStatus("%s of %s is nothing that this webhook decides on: see the rules of %s",
		request.Operation, resource, ConfigurationName)
}
