// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"knative.dev/pkg/configmap"
	"knative.dev/pkg/leaderelection"
)

const (
	leaseDurationKey = "lease-duration"
	renewDeadlineKey = "renew-deadline"
	retryPeriodKey   = "retry-period"
	bucketsKey       = "buckets"
)

// NewLeaderElectionFromConfigMap is Knative's constructor with errors that name the key and what is
// valid. It also refuses times with which no elector could start.
func NewLeaderElectionFromConfigMap(cm *corev1.ConfigMap) (*leaderelection.Config, error) {
	var lease, deadline, retry time.Duration
	var buckets int
	err := configmap.Parse(cm.Data,
		asDuration(leaseDurationKey, &lease),
		asDuration(renewDeadlineKey, &deadline),
		asDuration(retryPeriodKey, &retry),
		asInt(bucketsKey, &buckets, 1, int(leaderelection.MaxBuckets)),
	)
	if err != nil {
		return nil, err
	}
	config, err := leaderelection.NewConfigFromConfigMap(cm)
	if err != nil {
		return nil, err
	}
	return config, checkElection(config)
}

// checkElection knows the rules of client-go's elector, which adds up to a fifth to each retry period.
func checkElection(c *leaderelection.Config) error {
	if c.RenewDeadline >= c.LeaseDuration {
		return fmt.Errorf("%s: %q is not valid: want less than the %q of %s",
			renewDeadlineKey, c.RenewDeadline, c.LeaseDuration, leaseDurationKey)
	}
	if c.RetryPeriod+c.RetryPeriod/5 >= c.RenewDeadline {
		return fmt.Errorf("%s: %q is not valid: want less than five sixths of the %q of %s",
			retryPeriodKey, c.RetryPeriod, c.RenewDeadline, renewDeadlineKey)
	}
	return nil
}
