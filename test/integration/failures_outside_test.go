// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"fmt"
	"testing"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/test/cluster"
	"kubernaut.ai/workflowexecution/test/install"
)

// Nothing is wrong with the workflow: somebody, or the node, takes it away while its first step works.
func TestFailureFromOutside(t *testing.T) {
	t.Parallel()
	endless := workflow{simulate: map[string]string{cluster.AnnotationStepDuration: "5m"}}
	runFailures(t, []failingCase{
		{
			name:     "evicted by the kubelet",
			workflow: workflow{simulate: map[string]string{cluster.AnnotationEvictTask: "prepare"}},
			want:     because(v1alpha1.FailureEvicted).ran().in("prepare", 0).at("main", 255).saying("ephemeral"),
		},
		{
			name:      "evicted by somebody",
			workflow:  endless,
			meanwhile: evictPod,
			want:      because(v1alpha1.FailureEvicted).ran().in("prepare", 0).at("main", 255),
		},
		{
			name:      "pod deleted",
			workflow:  endless,
			meanwhile: deletePod,
			want:      because(v1alpha1.FailureCancelled, v1alpha1.FailureUnknown).ran().in("prepare", 0).at("main", 255),
		},
		{
			name:      "cancelled",
			workflow:  endless,
			meanwhile: setRunStatus(tektonv1.PipelineRunSpecStatusCancelled),
			want:      because(v1alpha1.FailureCancelled).ran().in("prepare", 0).somewhere(),
		},
		{
			name:      "cancelled with finally",
			workflow:  workflow{finally: []string{"report"}, simulate: map[string]string{cluster.ForTask(cluster.AnnotationStepDuration, "prepare"): "5m"}},
			meanwhile: setRunStatus(tektonv1.PipelineRunSpecStatusCancelledRunFinally),
			want:      because(v1alpha1.FailureCancelled).ran().in("prepare", 0).somewhere(),
		},
		{
			// The task that works is let end, and has not failed.
			name:      "stopped",
			workflow:  workflow{finally: []string{"report"}, simulate: map[string]string{cluster.ForTask(cluster.AnnotationStepDuration, "prepare"): "3s"}},
			meanwhile: setRunStatus(tektonv1.PipelineRunSpecStatusStoppedRunFinally),
			want:      because(v1alpha1.FailureCancelled).ran(),
		},
		{
			name:      "run deleted",
			workflow:  endless,
			meanwhile: deleteRun,
			want:      because(v1alpha1.FailurePipelineRunDeleted).ran().somewhere(),
		},
	})
}

func evictPod(t *testing.T, wfe *v1alpha1.WorkflowExecution) {
	t.Helper()
	must(t, world.Kube.PolicyV1().Evictions(install.ExecutionNamespace).Evict(t.Context(), &policyv1.Eviction{
		ObjectMeta: metav1.ObjectMeta{Namespace: install.ExecutionNamespace, Name: workingPod(t, wfe)},
	}))
}

func deletePod(t *testing.T, wfe *v1alpha1.WorkflowExecution) {
	t.Helper()
	must(t, world.Kube.CoreV1().Pods(install.ExecutionNamespace).Delete(t.Context(), workingPod(t, wfe), metav1.DeleteOptions{}))
}

func deleteRun(t *testing.T, wfe *v1alpha1.WorkflowExecution) {
	t.Helper()
	awaitStep(t, wfe)
	must(t, world.Tekton.TektonV1().PipelineRuns(install.ExecutionNamespace).Delete(t.Context(), runOf(t, wfe).Name, metav1.DeleteOptions{}))
}

// setRunStatus asks Tekton to end a run, as its command line does.
func setRunStatus(status tektonv1.PipelineRunSpecStatus) func(*testing.T, *v1alpha1.WorkflowExecution) {
	return func(t *testing.T, wfe *v1alpha1.WorkflowExecution) {
		t.Helper()
		awaitStep(t, wfe)
		patch := fmt.Appendf(nil, `{"spec":{"status":%q}}`, status)
		_, err := world.Tekton.TektonV1().PipelineRuns(install.ExecutionNamespace).Patch(t.Context(), runOf(t, wfe).Name,
			types.MergePatchType, patch, metav1.PatchOptions{})
		must(t, err)
	}
}

func workingPod(t *testing.T, wfe *v1alpha1.WorkflowExecution) string {
	t.Helper()
	awaitStep(t, wfe)
	return runningPod(t, wfe)
}
