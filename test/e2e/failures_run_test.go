// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tektoncd/pipeline/pkg/apis/pipeline"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/yaml"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/test/install"
)

// working is what a step says that waits for what is done to it.
const working = "echo working\nexec sleep 600"

// oneTask is a Pipeline of one task, "repair", with one step, "main", of which the rest is given in YAML's flow style.
func oneTask(step string) string { return "tasks: [" + task("repair", step) + "]" }

func task(name, step string, more ...string) string {
	return fmt.Sprintf("{name: %s, taskSpec: {steps: [{name: main, %s}]}%s}", name, step, strings.Join(append([]string{""}, more...), ", "))
}

// script is a step that runs lines of a shell, with what else is to be said of the step.
func script(lines string, more ...string) string {
	return fmt.Sprintf("image: $(IMAGE), script: %q%s", "#!/bin/sh\n"+lines+"\n", strings.Join(append([]string{""}, more...), ", "))
}

func within(timeout time.Duration) func(*v1alpha1.WorkflowExecution) {
	return func(wfe *v1alpha1.WorkflowExecution) {
		wfe.Spec.ExecutionConfig = &v1alpha1.ExecutionConfig{Timeout: &metav1.Duration{Duration: timeout}}
	}
}

func ofRun(run string) metav1.ListOptions {
	return metav1.ListOptions{LabelSelector: pipeline.PipelineRunLabelKey + "=" + run}
}

// awaitWork waits until the step "main" of a run says that it works, and returns its pod.
func awaitWork(t *testing.T, run string) (pod string) {
	t.Helper()
	last := errors.New("the run has no pod")
	err := wait.PollUntilContextTimeout(t.Context(), time.Second, patience, true, func(ctx context.Context) (bool, error) {
		pods, err := w.Kube.CoreV1().Pods(install.ExecutionNamespace).List(ctx, ofRun(run))
		if err != nil || len(pods.Items) == 0 {
			return false, err
		}
		pod = pods.Items[0].Name
		log, err := w.Kube.CoreV1().Pods(install.ExecutionNamespace).GetLogs(pod, &corev1.PodLogOptions{Container: "step-main"}).DoRaw(ctx)
		last = err
		return strings.Contains(string(log), "working"), nil
	})
	if err != nil {
		t.Fatalf("waiting for the step of %s to work: %v, %v", run, err, last)
	}
	return pod
}

// logRun tells what Tekton and the node report of the run of an execution, as far as it is still there.
func logRun(t *testing.T, wfe *v1alpha1.WorkflowExecution) {
	t.Helper()
	if wfe.Status.PipelineRunRef == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	name := wfe.Status.PipelineRunRef.Name
	run, err := w.Tekton.TektonV1().PipelineRuns(install.ExecutionNamespace).Get(ctx, name, metav1.GetOptions{})
	if err == nil {
		t.Logf("PipelineRun: %s", asYAML(run.Status.Conditions))
	}
	taskRuns, err := w.Tekton.TektonV1().TaskRuns(install.ExecutionNamespace).List(ctx, ofRun(name))
	if err != nil {
		t.Log(err)
		return
	}
	for i := range taskRuns.Items {
		task := &taskRuns.Items[i]
		task.Status.TaskSpec = nil
		t.Logf("TaskRun %s: %s", task.Name, asYAML(task.Status))
	}
	pods, err := w.Kube.CoreV1().Pods(install.ExecutionNamespace).List(ctx, ofRun(name))
	if err != nil {
		t.Log(err)
		return
	}
	for i := range pods.Items {
		t.Logf("pod %s: %s", pods.Items[i].Name, asYAML(pods.Items[i].Status))
	}
}

func asYAML(object any) string {
	data, err := yaml.Marshal(object)
	if err != nil {
		return err.Error()
	}
	return string(data)
}
