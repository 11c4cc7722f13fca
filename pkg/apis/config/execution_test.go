// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestAllowsServiceAccount(t *testing.T) {
	tests := []struct {
		name    string
		allowed []string
		account string
		want    bool
	}{
		{"no list", nil, "anyone", true},
		{"listed", []string{"a", "b"}, "b", true},
		{"not listed", []string{"a", "b"}, "c", false},
		{"the default is allowed unlisted", []string{"a"}, "kubernaut-workflow-runner", true},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			c := DefaultWorkflowExecution()
			c.AllowedServiceAccounts = tc.allowed
			if got := c.AllowsServiceAccount(tc.account); got != tc.want {
				t.Errorf("AllowsServiceAccount(%q) = %t, want %t", tc.account, got, tc.want)
			}
		})
	}
}

func TestTimeout(t *testing.T) {
	tests := []struct {
		name      string
		requested *metav1.Duration
		want      time.Duration
		wantErr   string
	}{
		{"none", nil, 30 * time.Minute, ""},
		{"shorter", &metav1.Duration{Duration: time.Minute}, time.Minute, ""},
		{"the maximum", &metav1.Duration{Duration: 24 * time.Hour}, 24 * time.Hour, ""},
		{
			"above the maximum",
			&metav1.Duration{Duration: 25 * time.Hour},
			0,
			`"25h0m0s" is not valid: want more than 0s and at most the "24h0m0s" of max-timeout`,
		},
		{"zero", &metav1.Duration{}, 0, "more than 0s"},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			got, err := DefaultWorkflowExecution().Timeout(tc.requested)
			if got != tc.want {
				t.Errorf("Timeout() = %s, want %s", got, tc.want)
			}
			checkTimeoutError(t, err, tc.wantErr)
		})
	}
}

func checkTimeoutError(t *testing.T, err error, want string) {
	t.Helper()
	switch {
	case want == "" && err != nil:
		t.Error("Timeout() =", err)
	case want != "" && err == nil:
		t.Error("Timeout() succeeded, want an error with", want)
	case want != "" && (!strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "spec.executionConfig.timeout: ")):
		t.Errorf("Timeout() = %q, want the field and %q", err, want)
	}
}
