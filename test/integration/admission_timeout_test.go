// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
)

// The webhook knows max-timeout as it is now. An execution that was admitted before is the controller's to
// refuse, and nothing is run of it.
func TestTimeoutOverTheMaximumIsRefused(t *testing.T) {
	namespace := newNamespace(t)
	create := func(timeout time.Duration) error {
		wfe := newExecution(namespace, "api", anyImage, withTimeout(timeout))
		_, err := world.Executions.KubernautV1alpha1().WorkflowExecutions(namespace).Create(t.Context(), wfe, metav1.CreateOptions{DryRun: dryRun})
		return err
	}
	must(t, create(24*time.Hour))
	expectRefusal(t, create(25*time.Hour), "validation.webhook.kubernaut.ai",
		"invalid value: 25h0m0s: spec.executionConfig.timeout", `want at most the "24h0m0s" of max-timeout in config-workflowexecution`)

	kill(t)
	t.Cleanup(func() {
		if !world.Replica.Running() {
			restart(t)
		}
	})
	admitted := submit(t, newExecution(namespace, "admitted", anyImage, withTimeout(2*time.Hour)))
	patchConfig(t, "max-timeout", "1h")
	must(t, poll(t, func(context.Context) (bool, error) { return create(2*time.Hour) != nil, nil }))
	expectRefusal(t, create(2*time.Hour), "spec.executionConfig.timeout", `want at most the "1h0m0s" of max-timeout in config-workflowexecution`)
	must(t, create(time.Hour))

	restart(t)
	failed := awaitPhase(t, admitted, v1alpha1.PhaseFailed)
	expect(t, "reason", v1alpha1.FailureConfigurationError, failed.Status.FailureDetails.Reason)
	expect(t, "executed", false, failed.Status.FailureDetails.WasExecutionFailure)
	expect(t, "number of runs", 0, len(runsOf(t, failed)))
}
