// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tektoncd/pipeline/pkg/apis/pipeline/pod"
	corev1 "k8s.io/api/core/v1"
)

func TestEmptyConfigMapIsTheDefaults(t *testing.T) {
	want := &WorkflowExecution{
		PipelineName:           "workflow",
		DefaultServiceAccount:  "kubernaut-workflow-runner",
		DefaultTimeout:         30 * time.Minute,
		MaxTimeout:             24 * time.Hour,
		FinallyTimeout:         5 * time.Minute,
		CancelGrace:            time.Minute,
		PendingDeadline:        5 * time.Minute,
		CooldownPeriod:         5 * time.Minute,
		BackoffBase:            time.Minute,
		BackoffMax:             10 * time.Minute,
		MaxConsecutiveFailures: 5,
		LogTailLines:           50,
	}
	got, err := NewWorkflowExecutionFromConfigMap(&corev1.ConfigMap{})
	if err != nil {
		t.Fatal("NewWorkflowExecutionFromConfigMap() =", err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error("(-want, +got):", diff)
	}
}

func TestEveryKeyIsRead(t *testing.T) {
	want := &WorkflowExecution{
		PipelineName:           "main",
		DefaultServiceAccount:  "careful",
		AllowedServiceAccounts: []string{"runner-a", "runner.b"},
		AllowedBundles:         []string{"ghcr.io/kubernaut/workflows/*", "localhost:5000"},
		DefaultTimeout:         time.Minute,
		MaxTimeout:             time.Hour,
		FinallyTimeout:         2 * time.Minute,
		CancelGrace:            30 * time.Second,
		PendingDeadline:        3 * time.Minute,
		CooldownPeriod:         4 * time.Minute,
		BackoffBase:            6 * time.Second,
		BackoffMax:             7 * time.Second,
		MaxConsecutiveFailures: 8,
		LogTailLines:           0,
		PodTemplate:            &pod.PodTemplate{PriorityClassName: new("high")},
	}
	data := map[string]string{
		"_example":                 "max-timeout: never",
		"pipeline-name":            "main",
		"default-service-account":  "careful",
		"allowed-service-accounts": "runner-a, runner.b",
		"allowed-bundles":          "ghcr.io/kubernaut/workflows/*,\n localhost:5000,",
		"default-timeout":          "60s",
		"max-timeout":              "1h",
		"finally-timeout":          "2m",
		"cancel-grace":             "30s",
		"pending-deadline":         "3m",
		"cooldown-period":          "4m",
		"backoff-base":             "6s",
		"backoff-max":              "7s",
		"max-consecutive-failures": "8",
		"log-tail-lines":           "0",
		"pod-template":             "priorityClassName: high",
	}
	got, err := NewWorkflowExecutionFromMap(data)
	if err != nil {
		t.Fatal("NewWorkflowExecutionFromMap() =", err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error("(-want, +got):", diff)
	}
	for key := range got.parsers() {
		if _, ok := data[key]; !ok {
			t.Errorf("this test does not set %q", key)
		}
	}
}

func TestErrorNamesKeyValueAndWhatIsValid(t *testing.T) {
	const durations = "want a duration such as 90s, 5m or 1h30m, from 1s to 8760h0m0s"
	tests := []struct {
		key, value string
		valid      string
	}{
		{"default-timeout", "", durations},
		{"default-timeout", "30", durations},
		{"default-timeout", "25h", `want at most the "24h0m0s" of max-timeout`},
		{"max-timeout", "8761h", durations},
		{"finally-timeout", "0s", durations},
		{"cancel-grace", "-1m", durations},
		{"pending-deadline", "soon", durations},
		{"cooldown-period", "1ms", durations},
		{"backoff-base", "11m", `want at most the "10m0s" of backoff-max`},
		{"backoff-max", "9999999999h", durations},
		{"max-consecutive-failures", "0", "want a whole number from 1 to 1000"},
		{"max-consecutive-failures", "many", "want a whole number from 1 to 1000"},
		{"log-tail-lines", "-1", "want a whole number from 0 to 1000"},
		{"log-tail-lines", "1001", "want a whole number from 0 to 1000"},
		{"pipeline-name", "", "want the name of a Kubernetes object"},
		{"default-service-account", "Runner", "want the name of a Kubernetes object"},
		{"allowed-service-accounts", "*", "want the name of a Kubernetes object"},
		{"allowed-bundles", "*", "want a registry host"},
		{"allowed-bundles", "ghcr.io*/kubernaut", "the host only as its first label"},
		{"allowed-bundles", "kubernaut/workflows", "want a registry host"},
		{"allowed-bundles", "https://ghcr.io/kubernaut", "want a registry host"},
		{"allowed-bundles", "ghcr.io/kubernaut:v1", "without tag or digest"},
		{"allowed-bundles", "ghcr.io/a/../b", "is not a path element"},
		{"allowed-bundles", "ghcr.io/[a-z]", "is not a path element"},
		{"coolddown-period", "5m", "want one of allowed-bundles, allowed-service-accounts, backoff-base"},
	}
	for _, tc := range tests {
		t.Run(tc.key+"="+tc.value, func(t *testing.T) {
			_, err := NewWorkflowExecutionFromMap(map[string]string{tc.key: tc.value})
			if err == nil {
				t.Fatal("NewWorkflowExecutionFromMap() succeeded")
			}
			for _, part := range []string{tc.key + ": ", tc.valid, errorValue(tc.key, tc.value)} {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q lacks %q", err, part)
				}
			}
		})
	}
}

// errorValue is how a value reads in an error: durations that were understood appear in full.
func errorValue(key, value string) string {
	if d, err := time.ParseDuration(value); err == nil && (key == "default-timeout" && d > time.Hour || key == "backoff-base") {
		return d.String()
	}
	return value
}

func TestExampleIsTheDefaults(t *testing.T) {
	example := exampleOf(t, WorkflowExecutionConfigName)
	got, err := NewWorkflowExecutionFromMap(example)
	if err != nil {
		t.Fatal("NewWorkflowExecutionFromMap() =", err)
	}
	if diff := cmp.Diff(DefaultWorkflowExecution(), got); diff != "" {
		t.Error("(-want, +got):", diff)
	}
	for key := range got.parsers() {
		if _, ok := example[key]; !ok {
			t.Errorf("the example does not show %q", key)
		}
	}
}

func FuzzNewWorkflowExecutionFromMap(f *testing.F) {
	f.Add("default-timeout", "30m")
	f.Add("allowed-bundles", "ghcr.io/kubernaut/workflows/*")
	f.Add("log-tail-lines", "1e3")
	f.Add("pod-template", "tolerations: [{operator: Exists}]")
	f.Fuzz(func(t *testing.T, key, value string) {
		c, err := NewWorkflowExecutionFromMap(map[string]string{key: value})
		if err != nil {
			return
		}
		if c.DefaultTimeout > c.MaxTimeout || c.BackoffBase > c.BackoffMax || c.CooldownPeriod <= 0 {
			t.Errorf("%s=%q was accepted as %+v", key, value, c)
		}
	})
}
