// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"testing"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/test/install"
)

// testRollingRestart restarts both programs while executions are created.
func testRollingRestart(t *testing.T) {
	namespace := newNamespace(t)
	bundle := pushGated(t, "restart", 0)
	holders := []*v1alpha1.WorkflowExecution{
		submitRunning(t, execution(namespace, "restart-1", bundle)),
		submitRunning(t, execution(namespace, "restart-2", bundle)),
	}
	before := map[string]bool{}
	for _, p := range programs {
		for _, pod := range podsOf(t, p) {
			before[pod.Name] = true
		}
	}

	creations := startFlood(t, holders...)
	for _, p := range programs {
		kubectl(t, "rollout", "restart", "-n", install.SystemNamespace, "deployment/"+p.deployment)
	}
	awaitRollout(t)
	creations.expectSkipped(t, 50)

	for _, p := range programs {
		for _, pod := range podsOf(t, p) {
			if before[pod.Name] {
				t.Errorf("%s was not restarted", pod.Name)
			}
		}
	}
	for _, holder := range holders {
		open(t, holder)
		expectEnd(t, holder, v1alpha1.PhaseCompleted)
		expectOneRun(t, holder)
	}
}
