// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"context"
	"encoding/json"
	"fmt"

	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	knativewebhook "knative.dev/pkg/webhook"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
)

// clearance answers requests to lift a block with the identity that the API server authenticated.
type clearance struct {
	knativewebhook.StatelessAdmissionImpl

	clock clock.PassiveClock
}

var _ knativewebhook.AdmissionController = (*clearance)(nil)

// Path is where the API server asks.
func (*clearance) Path() string { return "/clearance" }

// statusOnly is all that a write to the status can change.
type statusOnly struct {
	Status v1alpha1.WorkflowExecutionStatus `json:"status"`
}

// Admit replaces a request by the clearance, or refuses it.
func (c *clearance) Admit(_ context.Context, request *admissionv1.AdmissionRequest) *admissionv1.AdmissionResponse {
	if request.Operation != admissionv1.Update || request.SubResource != "status" {
		return unexpected(request)
	}
	old, written, err := statuses(request)
	if err != nil {
		return knativewebhook.MakeErrorStatus("%v", err)
	}
	answered := statusOnly{*written.Status.DeepCopy()}
	// Rounded, so that reading it back gives what was written.
	now := metav1.NewTime(c.clock.Now()).Rfc3339Copy()
	if err := answered.Status.AnswerClearanceRequest(&old.Status, request.UserInfo.Username, now); err != nil {
		return knativewebhook.MakeErrorStatus("clearance refused: %v", err.ViaField("status"))
	}
	return allowedWith(written, answered)
}

func statuses(request *admissionv1.AdmissionRequest) (old, written statusOnly, err error) {
	if err = json.Unmarshal(request.OldObject.Raw, &old); err != nil {
		return old, written, fmt.Errorf("failed to decode the stored status: %w", err)
	}
	if err = json.Unmarshal(request.Object.Raw, &written); err != nil {
		return old, written, fmt.Errorf("failed to decode the status: %w", err)
	}
	return old, written, nil
}
