// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"knative.dev/pkg/apis"
)

// AllowsServiceAccount tells whether a workflow may run as the ServiceAccount of that name in the
// execution namespace. An empty list allows all of them, because that namespace is the boundary;
// the default ServiceAccount is always allowed.
func (c *WorkflowExecution) AllowsServiceAccount(name string) bool {
	return len(c.AllowedServiceAccounts) == 0 ||
		name == c.DefaultServiceAccount ||
		slices.Contains(c.AllowedServiceAccounts, name)
}

// Timeout of a workflow whose execution requested one, or requested none.
func (c *WorkflowExecution) Timeout(requested *metav1.Duration) (time.Duration, error) {
	switch {
	case requested == nil:
		return c.DefaultTimeout, nil
	case requested.Duration <= 0 || requested.Duration > c.MaxTimeout:
		return 0, fmt.Errorf("spec.executionConfig.timeout: %q is not valid: want more than 0s and %s", requested.Duration, c.timeoutLimit())
	}
	return requested.Duration, nil
}

// ValidateTimeout says that a timeout is longer than an execution may ask for; one that is too short is
// found without a configuration.
func (c *WorkflowExecution) ValidateTimeout(requested *metav1.Duration) *apis.FieldError {
	if requested == nil || requested.Duration <= c.MaxTimeout {
		return nil
	}
	return apis.ErrInvalidValue(requested.Duration, "spec.executionConfig.timeout", "want "+c.timeoutLimit())
}

func (c *WorkflowExecution) timeoutLimit() string {
	return fmt.Sprintf("at most the %q of %s in %s", c.MaxTimeout, maxTimeoutKey, WorkflowExecutionConfigName)
}
