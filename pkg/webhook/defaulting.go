// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"context"
	"encoding/json"

	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"knative.dev/pkg/apis"
	knativewebhook "knative.dev/pkg/webhook"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
)

// defaulting fills in what a new execution leaves open. Knative's own would be called on updates as
// well, where a default would change a spec that never changes.
type defaulting struct {
	knativewebhook.StatelessAdmissionImpl
}

var _ knativewebhook.AdmissionController = (*defaulting)(nil)

// Path is where the API server asks.
func (*defaulting) Path() string { return "/defaulting" }

// metadataOnly is all that defaults touch. What is wrong with the spec the CRD's schema says better
// than an error of decoding would.
type metadataOnly struct {
	Metadata metav1.ObjectMeta `json:"metadata"`
}

// Admit adds the defaults.
func (*defaulting) Admit(ctx context.Context, request *admissionv1.AdmissionRequest) *admissionv1.AdmissionResponse {
	if request.Operation != admissionv1.Create || request.SubResource != "" {
		return unexpected(request)
	}
	var before metadataOnly
	if err := json.Unmarshal(request.Object.Raw, &before); err != nil {
		return knativewebhook.MakeErrorStatus("failed to decode the metadata: %v", err)
	}
	wfe := &v1alpha1.WorkflowExecution{ObjectMeta: *before.Metadata.DeepCopy()}
	wfe.SetDefaults(apis.WithinCreate(ctx))
	return allowedWith(before, metadataOnly{wfe.ObjectMeta})
}
