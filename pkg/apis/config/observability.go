// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"knative.dev/pkg/configmap"
	"knative.dev/pkg/metrics"
)

const (
	reportingPeriodKey = "metrics.reporting-period-seconds"
	profilingKey       = "profiling.enable"

	maxReportingPeriod = 3600
)

// NewObservabilityFromConfigMap is Knative's constructor with errors that name the key and what is
// valid. It also refuses what Knative would only complain about when it sets up the metrics.
func NewObservabilityFromConfigMap(cm *corev1.ConfigMap) (*metrics.ObservabilityConfig, error) {
	var (
		seconds   int
		profiling bool
	)
	err := configmap.Parse(cm.Data,
		checkBackend,
		asInt(reportingPeriodKey, &seconds, 1, maxReportingPeriod),
		asBool(profilingKey, &profiling),
	)
	if err != nil {
		return nil, err
	}
	return metrics.NewObservabilityConfigFromConfigMap(cm)
}

func checkBackend(data map[string]string) error {
	known := []string{"prometheus", "opencensus", "none"}
	raw, ok := data[metrics.BackendDestinationKey]
	if !ok || slices.Contains(known, strings.ToLower(raw)) {
		return nil
	}
	return fmt.Errorf("%s: %q is not valid: want one of %s", metrics.BackendDestinationKey, raw, strings.Join(known, ", "))
}
