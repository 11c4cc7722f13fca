// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

const twoTasks = `apiVersion: tekton.dev/v1
kind: Pipeline
metadata: {name: workflow}
spec:
  tasks:
  - name: prepare
    taskSpec:
      steps:
      - {name: main, image: simulated/tools, script: "echo prepare"}
  - name: apply
    runAfter: [prepare]
    taskSpec:
      results:
      - {name: replicas}
      steps:
      - {name: first, image: simulated/tools, command: [kubectl, apply]}
      - {name: second, image: simulated/tools, command: [kubectl, get]}
      - {name: third, image: simulated/tools, command: [kubectl, get]}
`

// taskRunStatus is what these tests look at.
type taskRunStatus struct {
	Steps []struct {
		Name              string
		TerminationReason string
		Terminated        *corev1.ContainerStateTerminated
	}
	Results []struct{ Name, Value string }
}

func TestBundleRunsToSuccess(t *testing.T) {
	t.Parallel()
	run := startRun(t, map[string]string{AnnotationResults + ".apply": `{"replicas":"3"}`})
	run.awaitReason("Completed", "Succeeded")
	status := run.taskRun("apply")
	for _, step := range status.Steps {
		if step.Terminated == nil || step.Terminated.ExitCode != 0 || step.Terminated.Reason != "Completed" {
			t.Errorf("step %s: %+v", step.Name, step.Terminated)
		}
	}
	if len(status.Results) != 1 || status.Results[0].Value != "3" {
		t.Errorf("results: %+v", status.Results)
	}
}

func TestExitCodeReachesTheTaskRun(t *testing.T) {
	t.Parallel()
	run := startRun(t, map[string]string{
		AnnotationFailTask: "apply", AnnotationFailStep: "second", AnnotationFailExitCode: "3", AnnotationFailAfter: "50ms",
	})
	run.awaitReason("Failed")
	steps := run.taskRun("apply").Steps
	if len(steps) != 3 {
		t.Fatalf("steps: %+v", steps)
	}
	want := []struct {
		code   int32
		reason string
		why    string
	}{{0, "Completed", "Completed"}, {3, "Error", "Error"}, {1, "Error", "Skipped"}}
	for i, step := range steps {
		if step.Terminated.ExitCode != want[i].code || step.Terminated.Reason != want[i].reason || step.TerminationReason != want[i].why {
			t.Errorf("step %s: %+v %s, want %+v", step.Name, step.Terminated, step.TerminationReason, want[i])
		}
	}
	if message := run.pod("apply").containerMessage("step-second"); !strings.Contains(message, "StartedAt") {
		t.Errorf("termination message of the failed step: %q", message)
	}
}

func TestOutOfMemory(t *testing.T) {
	t.Parallel()
	run := startRun(t, map[string]string{AnnotationFailTask: "prepare", AnnotationFailReason: "OOMKilled", AnnotationFailStarted: "false"})
	run.awaitReason("Failed")
	step := run.taskRun("prepare").Steps[0]
	if step.Terminated.Reason != "OOMKilled" || step.Terminated.ExitCode != 137 {
		t.Errorf("step: %+v", step.Terminated)
	}
	if message := run.pod("prepare").containerMessage("step-main"); message != "" {
		t.Errorf("termination message of a killed entrypoint: %q", message)
	}
}

func TestImageIsNeverPulled(t *testing.T) {
	t.Parallel()
	run := startRun(t, map[string]string{AnnotationStuckTask: "prepare"})
	run.awaitReason("Failed")
	if reason := run.conditionOf(taskRuns, run.name+"-prepare"); reason != "TaskRunImagePullFailed" {
		t.Errorf("reason of the TaskRun: %s", reason)
	}
}

func TestMissingConfigMapAppears(t *testing.T) {
	t.Parallel()
	run := startRun(t, map[string]string{
		AnnotationStuckTask: "prepare", AnnotationStuckReason: "CreateContainerConfigError",
		AnnotationStuckMessage: `configmap "settings" not found`, AnnotationStepDuration: "20s",
	})
	run.awaitReason("Failed")
	if reason := run.conditionOf(taskRuns, run.name+"-prepare"); reason != "CreateContainerConfigError" {
		t.Errorf("reason of the TaskRun: %s", reason)
	}
	pod := run.pod("prepare")
	if pod.DeletionTimestamp != nil {
		t.Error("Tekton deleted the pod, which it does not do on a real node")
	}
	patch := fmt.Appendf(nil, `{"metadata":{"annotations":{%q:null}}}`, AnnotationStuckTask)
	_, err := shared.client.CoreV1().Pods(run.namespace).Patch(t.Context(), pod.Name, types.MergePatchType, patch, metav1.PatchOptions{})
	if err != nil {
		t.Fatal(err)
	}
	run.await("the container to start", func(context.Context) error { return run.pod("prepare").mustRun("step-main") })
}

func TestEvictedPodStays(t *testing.T) {
	t.Parallel()
	run := startRun(t, map[string]string{AnnotationEvictTask: "apply", AnnotationEvictAfter: "100ms"})
	run.awaitReason("Failed")
	pod := run.pod("apply")
	if pod.Status.Phase != corev1.PodFailed || pod.Status.Reason != "Evicted" {
		t.Errorf("the pod is %s %s", pod.Status.Phase, pod.Status.Reason)
	}
	if step := run.taskRun("apply").Steps[0]; step.Terminated == nil || step.Terminated.ExitCode != 255 {
		t.Errorf("step: %+v", step.Terminated)
	}
}

func TestInitContainerFails(t *testing.T) {
	t.Parallel()
	run := startRun(t, map[string]string{AnnotationInitTask: "prepare"})
	run.awaitReason("Failed")
	if status := run.pod("prepare").container("step-main"); status == nil || status.State.Waiting == nil {
		t.Errorf("the container of the step does not wait: %+v", status)
	}
}

func TestLogOfAContainer(t *testing.T) {
	t.Parallel()
	run := startRun(t, map[string]string{AnnotationLog: "one\ntwo\nthree\n", ForTask(AnnotationLog, "apply"): "applied\n"})
	run.awaitReason("Completed", "Succeeded")
	for container, want := range map[string]string{"prepare/step-main": "two\nthree\n", "apply/step-second": "applied\n"} {
		task, name, _ := strings.Cut(container, "/")
		options := &corev1.PodLogOptions{Container: name, TailLines: new(int64(2))}
		got, err := shared.client.CoreV1().Pods(run.namespace).GetLogs(run.pod(task).Name, options).DoRaw(t.Context())
		if err != nil || string(got) != want {
			t.Errorf("the log of %s is %q, %v", container, got, err)
		}
	}
}

// A step that ignores the request to terminate is still at work when its PipelineRun has long ended.
func TestDyingPodKeepsRunning(t *testing.T) {
	t.Parallel()
	const dying = 3 * time.Second
	for name, end := range map[string]func(*testRun){
		"deleted":   (*testRun).delete,
		"cancelled": (*testRun).cancel,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run := startRun(t, map[string]string{AnnotationStepDuration: "1m", AnnotationDieAfter: dying.String()})
			run.await("the step to run", func(context.Context) error { return run.pod("prepare").mustRun("step-main") })
			// A cancellation leaves a pod behind that Tekton has not noted yet.
			run.await("the TaskRun to name its pod", func(ctx context.Context) error { return run.mustNamePod(ctx, "prepare") })
			end(run)
			started := time.Now()
			run.await("the deletion of the pod", func(context.Context) error {
				if pod := run.pod("prepare"); pod.Pod == nil || pod.DeletionTimestamp == nil {
					return errors.New("not deleted")
				}
				return nil
			})
			run.await("the end of the container", func(context.Context) error {
				if run.pod("prepare").mustRun("step-main") == nil {
					return errors.New("it still runs")
				}
				return nil
			})
			if ran := time.Since(started); ran < dying-200*time.Millisecond || ran > dying+3*time.Second {
				t.Errorf("the container ran for %s after the end, want %s", ran, dying)
			}
			run.await("the pod to go", func(context.Context) error {
				if run.pod("prepare").Pod != nil {
					return errors.New("it is still there")
				}
				return nil
			})
		})
	}
}
