// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package resources

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution"
	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
)

func TestCancelReasonIsOneOfOurs(t *testing.T) {
	for written, want := range map[string]v1alpha1.FailureReason{
		"":                 "",
		"Cancelled":        v1alpha1.FailureCancelled,
		"DeadlineExceeded": v1alpha1.FailureDeadlineExceeded,
		"TaskFailed":       "",
		"whatever":         "",
	} {
		run := &metav1.ObjectMeta{Annotations: map[string]string{workflowexecution.CancelReasonAnnotation: written}}
		if got := CancelReasonOf(run); got != want {
			t.Errorf("CancelReasonOf(%q) = %q, want %q", written, got, want)
		}
	}
}
