// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

// Package apierror says what an error of the API server means where its code alone does not.
package apierror

import (
	"errors"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// IsGone tells whether the API server said of an object that it does not exist. A 404 that says no more than that is
// another statement: its API is not served now, because its definition is being installed anew, say, and nobody knows what
// has become of the object.
func IsGone(err error) bool {
	answer := apierrors.APIStatus(nil)
	if !apierrors.IsNotFound(err) || !errors.As(err, &answer) {
		return false
	}
	details := answer.Status().Details
	if details == nil || details.Name == "" {
		return false
	}
	// The client itself fills in what it asked for where the answer was no Status.
	return !apierrors.HasStatusCause(err, metav1.CauseTypeUnexpectedServerResponse)
}

// IsNotServed tells whether the API server knows no such resource, now or ever, which says nothing about an object.
func IsNotServed(err error) bool {
	return apierrors.IsNotFound(err) && !IsGone(err)
}
