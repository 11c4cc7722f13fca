// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package workflowexecution

import (
	"context"
	"os"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	kubeclient "knative.dev/pkg/client/injection/kube/client"
	"knative.dev/pkg/logging"
	"knative.dev/pkg/system"

	"kubernaut.ai/workflowexecution/pkg/apis/config"
	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/pkg/audit"
	auditlog "kubernaut.ai/workflowexecution/pkg/audit/log"
	"kubernaut.ai/workflowexecution/pkg/audit/sinks"
	listers "kubernaut.ai/workflowexecution/pkg/client/listers/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/pkg/observability"
)

// answerDelay is how long an answer of the sink waits for another change that is written with it, in
// one status.
const answerDelay = time.Second

// recorderOf makes a recorder that has no sink yet.
func recorderOf(ctx context.Context) *audit.Recorder {
	metrics, err := observability.NewAudit()
	if err != nil {
		logging.FromContext(ctx).Warnw("The audit trail is not measured", "error", err)
	}
	return audit.NewRecorder(audit.Options{
		Log: auditlog.New(os.Stdout), Metrics: metrics, Clock: clock.RealClock{},
		Logger: logging.FromContext(ctx).Named("audit"),
	})
}

// useSink gives the recorder another sink when config-audit has changed.
func useSink(ctx context.Context, recorder *audit.Recorder) func(string, any) {
	options := sinks.Options{
		Log: recorder.Log, Secrets: kubeclient.Get(ctx).CoreV1().Secrets(system.Namespace()),
		Clock: recorder.Clock, Logger: recorder.Logger,
	}
	var used config.Audit
	return func(name string, value any) {
		c, ok := value.(*config.Audit)
		if name != config.AuditConfigName || !ok || *c == used {
			return
		}
		used = *c
		recorder.Use(sinks.New(c, options))
		recorder.Logger.Infow("Audit events have a sink", "sink", used.Sink)
	}
}

// stored reads the cache, which is never ahead of the API server.
func stored(executions listers.WorkflowExecutionLister) func(types.NamespacedName) *v1alpha1.WorkflowExecution {
	return func(key types.NamespacedName) *v1alpha1.WorkflowExecution {
		wfe, err := executions.WorkflowExecutions(key.Namespace).Get(key.Name)
		if err != nil {
			return nil
		}
		return wfe
	}
}

// wake brings an execution a reconcile that can note an answer. Each answer has its own: of two for one key the
// delaying queue keeps the earlier, which would be too early for the later answer, and nothing else might
// come for it.
func wake(clock clock.WithDelayedExecution, enqueue func(types.NamespacedName)) func(types.NamespacedName) {
	return func(execution types.NamespacedName) {
		clock.AfterFunc(answerDelay, func() { enqueue(execution) })
	}
}
