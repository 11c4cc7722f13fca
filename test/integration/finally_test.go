// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"strings"
	"testing"
	"time"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/test/cluster"
)

// stranding cordons a node, as it were, and asks for more than any node has in order to uncordon it.
func stranding(t *testing.T) (image string) {
	t.Helper()
	image, _ = workflow{
		tasks: []string{"cordon", "drain"}, finally: []string{"uncordon", "report"},
		simulate: map[string]string{cluster.ForTask(cluster.AnnotationStepDuration, "drain"): "5m"},
		change: func(spec *tektonv1.PipelineSpec) {
			spec.Finally[0].TaskSpec.Steps[0].ComputeResources.Requests = corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("100k")}
		},
	}.push(t, bundle(t))
	return image
}

// expectStranded wants the finally task that never started to be named, and told from the one that ran.
func expectStranded(t *testing.T, status *v1alpha1.WorkflowExecutionStatus, reason v1alpha1.FailureReason, how string) {
	t.Helper()
	failure := status.FailureDetails
	expect(t, "reason", reason, failure.Reason)
	expect(t, "task", "drain", failure.FailedTaskName)
	expect(t, "progress", "2/4", status.PipelineRunStatus.Progress)
	for _, text := range []struct{ where, is, want string }{
		{"message", failure.Message, how + "; its finally tasks were allowed to run, but task uncordon (3 of 4) never started: it waited for Unschedulable ("},
		{"message", failure.Message, ". Step main of task drain (2 of 4) was at work"},
		{"summary", failure.NaturalLanguageSummary, "Its finally task uncordon never started, so what it puts right is still to be done."},
	} {
		if !strings.Contains(text.is, text.want) {
			t.Errorf("The %s does not say %q: %s", text.where, text.want, text.is)
		}
	}
	if strings.Contains(failure.Message, "report") {
		t.Errorf("The message names the finally task that ran: %s", failure.Message)
	}
}

func TestFinallyTaskThatNeverStarts(t *testing.T) {
	patchConfig(t, "cancel-grace", "6s")
	configure(t, "finally-timeout", "6s")
	t.Run("after the deadline", func(t *testing.T) {
		t.Parallel()
		wfe := submit(t, newExecution(newNamespace(t), "api", stranding(t), withTimeout(8*time.Second)))
		failed := awaitPhase(t, wfe, v1alpha1.PhaseFailed)
		expectStranded(t, &failed.Status, v1alpha1.FailureDeadlineExceeded, "The workflow did not end within its timeout and was cancelled")
	})
	t.Run("after a deletion", func(t *testing.T) {
		t.Parallel()
		wfe := awaitPhase(t, submit(t, newExecution(newNamespace(t), "api", stranding(t))), v1alpha1.PhaseRunning)
		awaitGone(t, "a run that does not drain", func(context.Context) (bool, error) {
			return !strings.HasSuffix(runningPod(t, wfe), "-drain-pod"), nil
		})
		deleteExecution(t, wfe)
		ended := awaitExecution(t, wfe, "its outcome", func(wfe *v1alpha1.WorkflowExecution) bool { return wfe.Status.HasOutcome() })
		expectStranded(t, &ended.Status, v1alpha1.FailureCancelled, "The execution was deleted while its workflow ran, which was cancelled")
		awaitNoExecution(t, wfe)
	})
}
