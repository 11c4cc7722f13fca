// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package sinks

import (
	"os"

	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"

	"kubernaut.ai/workflowexecution/pkg/apis/config"
	"kubernaut.ai/workflowexecution/pkg/audit"
	"kubernaut.ai/workflowexecution/pkg/audit/log"
)

// NewRecorder makes a recorder that falls back to the program's standard output. It has no sink yet: follow, which is to be
// called with each ConfigMap that is accepted, gives it the one that config-audit asks for. The Secrets are those of the
// system namespace.
func NewRecorder(o audit.Options, secrets corev1client.SecretInterface) (recorder *audit.Recorder, follow func(name string, value any)) {
	o.Log = log.New(os.Stdout)
	recorder = audit.NewRecorder(o)
	var used config.Audit
	return recorder, func(name string, value any) {
		c, ok := value.(*config.Audit)
		if name != config.AuditConfigName || !ok || *c == used {
			return
		}
		used = *c
		recorder.Use(New(c, Options{Log: o.Log, Secrets: secrets, Clock: o.Clock, Logger: o.Logger}))
		o.Logger.Infow("Audit events have a sink", "sink", used.Sink)
	}
}
