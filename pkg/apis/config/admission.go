// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"maps"

	"knative.dev/pkg/configmap"
)

// Names of the ConfigMaps that Knative's own parts read. Logging and observability are followed while
// a program runs, leader election is read when it starts.
const (
	LoggingConfigName        = "config-logging"
	ObservabilityConfigName  = "config-observability"
	LeaderElectionConfigName = "config-leader-election"
)

// AdmissionConstructors are those of every ConfigMap of the system namespace, by its name: the ones
// that the programs themselves use, so that what is admitted is what they understand.
func AdmissionConstructors() configmap.Constructors {
	all := configmap.Constructors{
		LoggingConfigName:        NewLoggingFromConfigMap,
		ObservabilityConfigName:  NewObservabilityFromConfigMap,
		LeaderElectionConfigName: NewLeaderElectionFromConfigMap,
	}
	maps.Copy(all, Constructors())
	return all
}
