// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"net"
	"testing"
	"time"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
)

const (
	// enoughToStart is a timeout for a step that is to work when it strikes, on a machine that is slow.
	enoughToStart = time.Minute
	// enoughToWait is one for a step that is never started.
	enoughToWait = 20 * time.Second
)

// failuresByTimeout are of workflows whose time is up, whatever they do then.
func failuresByTimeout() []failure {
	return []failure{
		{
			name:   "timeout of a step that ignores TERM",
			tasks:  oneTask(script("trap '' TERM\nwhile true; do sleep 1; done")),
			change: within(enoughToStart),
			want:   because(v1alpha1.FailureDeadlineExceeded).ran().in("repair", 0).somewhere().saying("within its timeout", "task repair (1 of 1) was at work"),
		},
		{
			name:   "timeout of the execution",
			tasks:  oneTask(script(working)),
			change: within(enoughToStart),
			want:   because(v1alpha1.FailureDeadlineExceeded).ran().in("repair", 0).somewhere().saying("within its timeout", "task repair (1 of 1) was at work"),
		},
		{
			name:  "timeout of a task",
			tasks: "tasks: [" + task("repair", script(working), "timeout: "+enoughToStart.String()) + "]",
			want:  because(v1alpha1.FailureDeadlineExceeded).ran().in("repair", 0).somewhere().saying("failed to finish within", enoughToStart.String()),
		},
		{
			// It accepts a connection and says nothing: Tekton waits a minute.
			name:   "silent registry",
			bundle: silentRegistry,
			want:   because(v1alpha1.FailureConfigurationError).saying("resolution took longer than global timeout"),
		},
		{
			name:  "timeout of a step",
			tasks: oneTask(script(working, "timeout: 3s")),
			want:  because(v1alpha1.FailureDeadlineExceeded).ran().in("repair", 0).at("main", 1).saying("within its own timeout"),
		},
		{
			// Kubernetes tells in events only what a volume lacks.
			name: "volume of a Secret",
			tasks: `tasks: [{name: repair, taskSpec: {steps: [{name: main, ` + script("true", "volumeMounts: [{name: key, mountPath: /key}]") + `}],
  volumes: [{name: key, secret: {secretName: no-such-secret}}]}}]`,
			change: within(enoughToWait),
			want:   because(v1alpha1.FailureDeadlineExceeded).in("repair", 0).somewhere().saying("Task repair had not been started", "PodInitializing"),
		},
		{
			name:   "room on the node",
			tasks:  oneTask(script("true", "computeResources: {requests: {cpu: 5000}, limits: {cpu: 5000}}")),
			change: within(enoughToWait),
			want:   because(v1alpha1.FailureResourceExhausted).in("repair", 0).somewhere().saying("Insufficient cpu"),
		},
		{
			name:    "quota",
			tasks:   oneTask(script("true", "computeResources: {requests: {example.com/widget: 1}, limits: {example.com/widget: 1}}")),
			prepare: forbidWidgets,
			change:  within(enoughToWait),
			want:    because(v1alpha1.FailureResourceExhausted).in("repair", 0).saying("exceeded quota", "example.com/widget"),
		},
	}
}

func silentRegistry(t *testing.T) string {
	host, _, err := net.SplitHostPort(w.Cluster.Registry())
	must(t, err)
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", net.JoinHostPort(host, "0"))
	must(t, err)
	t.Cleanup(func() { must(t, listener.Close()) })
	return listener.Addr().String() + "/workflows/silent:v1"
}
