// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"knative.dev/pkg/leaderelection"
	"knative.dev/pkg/logging"
	"knative.dev/pkg/metrics"
)

func TestEveryConfigMapHasAConstructor(t *testing.T) {
	want := []string{"config-audit", "config-leader-election", "config-logging", "config-observability", "config-workflowexecution"}
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(AdmissionConstructors()))); diff != "" {
		t.Error("(-want, +got):", diff)
	}
}

// construct does what the webhook does with a constructor.
func construct(name string, data map[string]string) error {
	constructor := reflect.ValueOf(AdmissionConstructors()[name])
	err, _ := reflect.TypeAssert[error](constructor.Call([]reflect.Value{reflect.ValueOf(&corev1.ConfigMap{Data: data})})[1])
	return err
}

func TestInvalidConfigMapsAreRefused(t *testing.T) {
	const durations = "want a duration such as 90s, 5m or 1h30m, from 1s to 8760h0m0s"
	tests := []struct{ name, key, value, want string }{
		{"config-workflowexecution", "default-timeout", "30", durations},
		{"config-audit", "sink", "syslog", "want one of log, datastorage, postgres"},
		{"config-logging", "loglevel.workflowexecution", "loud", "want debug, info, warn, error, dpanic, panic or fatal"},
		{"config-logging", "zap-logger-config", "{level: info}", "want the configuration of a zap logger as JSON"},
		{"config-logging", "zap-logger-config", `{"level": "loud"}`, "unrecognized level"},
		{"config-logging", "zap-logger-config", `{"encoding": "xml"}`, `encoding "xml" is not valid: want json or console`},
		{"config-observability", "metrics.backend-destination", "stdout", "want one of prometheus, opencensus, none"},
		{"config-observability", "metrics.reporting-period-seconds", "5s", "want a whole number from 1 to 3600"},
		{"config-observability", "metrics.reporting-period-seconds", "0", "want a whole number from 1 to 3600"},
		{"config-observability", "profiling.enable", "yes", "want true or false"},
		{"config-leader-election", "lease-duration", "15", durations},
		{"config-leader-election", "renew-deadline", "soon", durations},
		{"config-leader-election", "retry-period", "0s", durations},
		{"config-leader-election", "buckets", "11", "want a whole number from 1 to 10"},
		{"config-leader-election", "renew-deadline", "1m0s", `want less than the "1m0s" of lease-duration`},
		{"config-leader-election", "retry-period", "35s", `want less than five sixths of the "40s" of renew-deadline`},
	}
	for _, tc := range tests {
		t.Run(tc.name+"/"+tc.key+"="+tc.value, func(t *testing.T) {
			err := construct(tc.name, map[string]string{tc.key: tc.value})
			if err == nil {
				t.Fatal("it was accepted")
			}
			if !strings.HasPrefix(err.Error(), tc.key+": ") || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%q lacks %q or %q", err, tc.key, tc.want)
			}
			if !strings.Contains(tc.want, "encoding") && !strings.Contains(strings.ReplaceAll(err.Error(), "\\", ""), tc.value) {
				t.Errorf("%q does not name the value %q", err, tc.value)
			}
		})
	}
}

func TestKnativesConstructorsDecide(t *testing.T) {
	// What ours let through Knative's own still have to accept, and the values are theirs.
	cm := &corev1.ConfigMap{Data: map[string]string{
		"loglevel.workflowexecution": "debug", "lease-duration": "15s", "renew-deadline": "10s", "retry-period": "2s", "buckets": "3",
		"profiling.enable": "true", "metrics.backend-destination": "none", "metrics.reporting-period-seconds": "7",
	}}
	wantLogging, err := logging.NewConfigFromConfigMap(cm)
	check(t, cm, wantLogging, err, NewLoggingFromConfigMap)
	wantObservability, err := metrics.NewObservabilityConfigFromConfigMap(cm)
	check(t, cm, wantObservability, err, NewObservabilityFromConfigMap)
	wantElection, err := leaderelection.NewConfigFromConfigMap(cm)
	check(t, cm, wantElection, err, NewLeaderElectionFromConfigMap)

	for name, key := range map[string]string{
		"config-observability":   "logging.enable-request-log",
		"config-leader-election": "leaseDuration",
	} {
		if err := construct(name, map[string]string{key: "perhaps"}); err == nil || !strings.Contains(err.Error(), "perhaps") {
			t.Errorf("%s: %s: perhaps gave %v", name, key, err)
		}
	}
}

func check[T any](t *testing.T, cm *corev1.ConfigMap, want T, wantErr error, construct func(*corev1.ConfigMap) (T, error)) {
	t.Helper()
	if wantErr != nil {
		t.Fatal("Knative refuses it:", wantErr)
	}
	got, err := construct(cm)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want, +got): %s", err, diff)
	}
}
