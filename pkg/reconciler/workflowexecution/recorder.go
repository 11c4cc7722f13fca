// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package workflowexecution

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	kubeclient "knative.dev/pkg/client/injection/kube/client"
	"knative.dev/pkg/logging"
	"knative.dev/pkg/system"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/pkg/audit"
	"kubernaut.ai/workflowexecution/pkg/audit/sinks"
	listers "kubernaut.ai/workflowexecution/pkg/client/listers/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/pkg/observability"
)

// acknowledgementDelay is how long an acknowledgement of the sink waits for another change that is written with it, in
// one status.
const acknowledgementDelay = time.Second

// newRecorder makes the recorder of the events of executions that are in the cache. It follows the sink that is configured.
func newRecorder(
	ctx context.Context, executions listers.WorkflowExecutionLister, enqueue func(types.NamespacedName),
) (recorder *audit.Recorder, follow func(name string, value any)) {
	metrics, err := observability.NewAudit()
	if err != nil {
		logging.FromContext(ctx).Warnw("The audit trail is not measured", "error", err)
	}
	return sinks.NewRecorder(audit.Options{
		Stored: stored(executions), Acknowledged: wake(clock.RealClock{}, enqueue),
		Metrics: metrics, Clock: clock.RealClock{}, Logger: logging.FromContext(ctx).Named("audit"),
	}, kubeclient.Get(ctx).CoreV1().Secrets(system.Namespace()))
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

// wake brings an execution a reconcile that can note an acknowledgement. Each has its own: of two for one key the
// delaying queue keeps the earlier, which would be too early for the later acknowledgement, and nothing else might
// come for it.
func wake(clock clock.WithDelayedExecution, enqueue func(types.NamespacedName)) func(types.NamespacedName) {
	return func(execution types.NamespacedName) {
		clock.AfterFunc(acknowledgementDelay, func() { enqueue(execution) })
	}
}
