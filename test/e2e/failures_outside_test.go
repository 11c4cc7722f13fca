// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"fmt"
	"testing"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/test/install"
)

// twice is a step that works until it is put an end to, and fails with secondTime when it is executed once more.
const (
	twice      = "kubectl get configmap $(context.taskRun.name) && exit 4\n" + working
	secondTime = 4
)

// failuresFromOutside are of workflows that are as they should be: somebody, or the node, takes them away at work.
func failuresFromOutside() []failure {
	return []failure{
		{
			// The kubelet may forget the container before anybody has seen how it ended.
			name: "evicted by the kubelet",
			tasks: oneTask(script("dd if=/dev/zero of=/tmp/much bs=1M count=60\nexec sleep 600",
				"computeResources: {limits: {ephemeral-storage: 10Mi}}")),
			want: because(v1alpha1.FailureEvicted).ran().in("repair", 0).somewhere().saying("ephemeral local storage usage exceeds"),
		},
		{
			// Tekton makes the TaskRun again, which takes over the pod of its predecessor if it finds that in time.
			name:  "TaskRun deleted",
			tasks: oneTask(script(twice)),
			again: true,
			meanwhile: func(t *testing.T, run, _ string) {
				must(t, w.Tekton.TektonV1().TaskRuns(install.ExecutionNamespace).Delete(t.Context(), run+"-repair", metav1.DeleteOptions{}))
			},
			want: because(v1alpha1.FailureCancelled, v1alpha1.FailureUnknown).ran().in("repair", 0).at("main", 137, 255),
		},
		{
			name:  "evicted by somebody",
			tasks: oneTask(script(twice)),
			again: true,
			meanwhile: func(t *testing.T, _, pod string) {
				must(t, w.Kube.PolicyV1().Evictions(install.ExecutionNamespace).Evict(t.Context(), &policyv1.Eviction{
					ObjectMeta: metav1.ObjectMeta{Namespace: install.ExecutionNamespace, Name: pod},
				}))
			},
			want: because(v1alpha1.FailureEvicted).ran().in("repair", 0).at("main", 137, 255).saying("its pod was evicted"),
		},
		{
			name:  "pod deleted",
			tasks: oneTask(script(twice)),
			again: true,
			meanwhile: func(t *testing.T, _, pod string) {
				must(t, w.Kube.CoreV1().Pods(install.ExecutionNamespace).Delete(t.Context(), pod, metav1.DeleteOptions{}))
			},
			want: because(v1alpha1.FailureCancelled, v1alpha1.FailureUnknown).ran().in("repair", 0).at("main", 137, 255).saying("pod"),
		},
		{
			name:      "cancelled",
			tasks:     oneTask(script(working)),
			meanwhile: endRun(tektonv1.PipelineRunSpecStatusCancelled),
			want:      because(v1alpha1.FailureCancelled).ran().in("repair", 0).somewhere().saying("was cancelled", "task repair (1 of 1) was at work"),
		},
		{
			name:      "cancelled with finally",
			tasks:     oneTask(script(working)) + "\nfinally: [" + task("report", script("true")) + "]",
			meanwhile: endRun(tektonv1.PipelineRunSpecStatusCancelledRunFinally),
			want:      because(v1alpha1.FailureCancelled).ran().in("repair", 0).somewhere().saying("was cancelled", "task repair (1 of 2) was at work"),
		},
		{
			// The task that works is let end, and has not failed.
			name:      "stopped",
			tasks:     oneTask(script("echo working\nuntil kubectl get configmap $(context.taskRun.name); do sleep 1; done")),
			meanwhile: stopRun,
			want:      because(v1alpha1.FailureCancelled).ran().saying("was cancelled"),
		},
		{
			name:  "PipelineRun deleted",
			tasks: oneTask(script(working)),
			meanwhile: func(t *testing.T, run, _ string) {
				must(t, w.Tekton.TektonV1().PipelineRuns(install.ExecutionNamespace).Delete(t.Context(), run, metav1.DeleteOptions{}))
			},
			want: because(v1alpha1.FailurePipelineRunDeleted).ran().somewhere().saying("PipelineRun was deleted"),
		},
	}
}

// endRun asks Tekton to end a run, as its command line does.
func endRun(status tektonv1.PipelineRunSpecStatus) func(*testing.T, string, string) {
	return func(t *testing.T, run, _ string) {
		patch := fmt.Appendf(nil, `{"spec":{"status":%q}}`, status)
		_, err := w.Tekton.TektonV1().PipelineRuns(install.ExecutionNamespace).Patch(t.Context(), run, types.MergePatchType, patch, metav1.PatchOptions{})
		must(t, err)
	}
}

// stopRun asks Tekton to begin no other task, and then lets the one that works end.
func stopRun(t *testing.T, run, pod string) {
	endRun(tektonv1.PipelineRunSpecStatusStoppedRunFinally)(t, run, pod)
	signal(t, run)
}

// signal makes a ConfigMap of the name of a run's TaskRun, for its step to find.
func signal(t *testing.T, run string) {
	maps := w.Kube.CoreV1().ConfigMaps(install.ExecutionNamespace)
	made, err := maps.Create(t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: run + "-repair"}}, metav1.CreateOptions{})
	must(t, err)
	t.Cleanup(func() { must(t, maps.Delete(context.Background(), made.Name, metav1.DeleteOptions{})) })
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
