// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution"
	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/test/install"
)

// pushGated pushes a workflow that runs until open lets it end, with the exit code.
func pushGated(t *testing.T, name string, exitCode int) string {
	t.Helper()
	return push(t, name, fmt.Sprintf(`
tasks:
- name: work
  taskSpec:
    steps:
    - name: main
      image: $(IMAGE)
      script: |
        #!/bin/sh
        until [ -e /tmp/open ]; do sleep 1; done
        exit %d
`, exitCode))
}

// submitRunning submits an execution of a workflow with a gate and waits until its step runs.
func submitRunning(t *testing.T, wfe *v1alpha1.WorkflowExecution) *v1alpha1.WorkflowExecution {
	t.Helper()
	wfe = await(t, submit(t, wfe), "its start", func(wfe *v1alpha1.WorkflowExecution) bool {
		return wfe.Status.Phase == v1alpha1.PhaseRunning && wfe.Status.PipelineRunRef != nil
	})
	stepOf(t, wfe)
	return wfe
}

// stepOf waits until the step of an execution runs, and returns its pod.
func stepOf(t *testing.T, wfe *v1alpha1.WorkflowExecution) (pod string) {
	t.Helper()
	until(t, "the step of "+wfe.Name, patience, func(ctx context.Context) string {
		pods, err := w.Kube.CoreV1().Pods(install.ExecutionNamespace).List(ctx, metav1.ListOptions{
			LabelSelector: "tekton.dev/pipelineRun=" + wfe.Status.PipelineRunRef.Name,
		})
		switch {
		case err != nil:
			return err.Error()
		case len(pods.Items) != 1:
			return fmt.Sprintf("it has %d pods", len(pods.Items))
		case pods.Items[0].Status.Phase != corev1.PodRunning:
			return "its pod is " + string(pods.Items[0].Status.Phase)
		}
		pod = pods.Items[0].Name
		return ""
	})
	return pod
}

// open lets a workflow with a gate end.
func open(t *testing.T, wfe *v1alpha1.WorkflowExecution) {
	t.Helper()
	kubectl(t, "exec", "-n", install.ExecutionNamespace, stepOf(t, wfe), "-c", "step-main", "--", "touch", "/tmp/open")
}

// expectOneRun fails the test unless exactly one PipelineRun was made for the execution, with one pod.
func expectOneRun(t *testing.T, wfe *v1alpha1.WorkflowExecution) {
	t.Helper()
	runs, err := w.Tekton.TektonV1().PipelineRuns(install.ExecutionNamespace).List(t.Context(), metav1.ListOptions{
		LabelSelector: workflowexecution.ExecutionUIDLabel + "=" + string(wfe.UID),
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(runs.Items) != 1 || len(runs.Items[0].Status.ChildReferences) != 1 {
		t.Errorf("%s has %d PipelineRuns: %+v", wfe.Name, len(runs.Items), runs.Items)
	}
}

// expectEnd waits for the end of an execution and fails the test if that is another one.
func expectEnd(t *testing.T, wfe *v1alpha1.WorkflowExecution, phase v1alpha1.Phase) {
	t.Helper()
	if ended := awaitEnd(t, wfe); ended.Status.Phase != phase {
		t.Errorf("%s is %s: %+v", wfe.Name, ended.Status.Phase, ended.Status)
	}
}
