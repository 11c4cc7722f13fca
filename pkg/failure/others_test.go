// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package failure

import (
	"strings"
	"testing"
	"time"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	tektonv1beta1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"knative.dev/pkg/apis"
	duckv1 "knative.dev/pkg/apis/duck/v1"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
)

// What was not recorded is built: a pipeline of the tasks first and second with the finally task last.
var noon = metav1.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func at(second int) metav1.Time { return metav1.NewTime(noon.Add(time.Duration(second) * time.Second)) }

func condition(status corev1.ConditionStatus, reason string) duckv1.Conditions {
	return duckv1.Conditions{{Type: apis.ConditionSucceeded, Status: status, Reason: reason, Message: "Tekton says " + reason}}
}

func evidenceOf(runReason string, tasks ...tektonv1.TaskRun) Evidence {
	run := &tektonv1.PipelineRun{}
	run.Status.Conditions = condition(corev1.ConditionFalse, runReason)
	run.Status.PipelineSpec = &tektonv1.PipelineSpec{
		Tasks: []tektonv1.PipelineTask{{Name: "first"}, {Name: "second"}}, Finally: []tektonv1.PipelineTask{{Name: "last"}},
	}
	for i := range tasks {
		run.Status.ChildReferences = append(run.Status.ChildReferences, tektonv1.ChildStatusReference{Name: tasks[i].Name})
	}
	return Evidence{PipelineRun: run, TaskRuns: tasks, StartTime: &noon, FailedAt: at(60)}
}

// taskRun of a task, which failed for that reason.
func taskRun(name, reason string, second int, steps ...tektonv1.StepState) tektonv1.TaskRun {
	task := tektonv1.TaskRun{ObjectMeta: metav1.ObjectMeta{
		Name: "run-" + name, CreationTimestamp: noon, Labels: map[string]string{pipelineTaskLabel: name},
	}}
	task.Status.Conditions = condition(corev1.ConditionFalse, reason)
	task.Status.CompletionTime = new(at(second))
	task.Status.PodName, task.Status.Steps = task.Name+"-pod", steps
	return task
}

// atWork is a task whose step works.
func atWork(name string) tektonv1.TaskRun {
	task := taskRun(name, "Running", 9, tektonv1.StepState{Name: "main", ContainerState: running})
	task.Status.Conditions, task.Status.CompletionTime = condition(corev1.ConditionUnknown, "Running"), nil
	return task
}

var running = corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}

func without(pod tektonv1.TaskRun) tektonv1.TaskRun {
	pod.Status.PodName = ""
	return pod
}

// ended is a step as a TaskRun has it.
func ended(name string, code int32, reason, termination string) tektonv1.StepState {
	return tektonv1.StepState{Name: name, TerminationReason: termination, ContainerState: corev1.ContainerState{
		Terminated: &corev1.ContainerStateTerminated{ExitCode: code, Reason: reason, FinishedAt: at(9), ContainerID: "containerd://" + name},
	}}
}

// invented is a step that Tekton has ended on paper: it was at work, or waited.
func invented(name, reason string, began metav1.Time) tektonv1.StepState {
	return tektonv1.StepState{Name: name, TerminationReason: reason, ContainerState: corev1.ContainerState{
		Terminated: &corev1.ContainerStateTerminated{ExitCode: 1, Reason: reason, StartedAt: began, FinishedAt: at(9)},
	}}
}

const (
	markOfStart = `[{"key":"StartedAt","value":"2026-03-01T12:00:05.000Z","type":3}]`
	markOfSkip  = `[{"key":"StartedAt","value":"2026-03-01T12:00:05.000Z","type":3},{"key":"Reason","value":"Skipped","type":3}]`
	markOfTime  = `[{"key":"StartedAt","value":"2026-03-01T12:00:05.000Z","type":3},{"key":"Reason","value":"TimeoutExceeded","type":3}]`
)

// podOf a task, past Tekton's gate, with one container per state; the first is the step main.
func podOf(task string, states ...corev1.ContainerState) corev1.Pod {
	pod := corev1.Pod{ObjectMeta: metav1.ObjectMeta{
		Name: "run-" + task + "-pod", Labels: map[string]string{taskRunLabel: "run-" + task, pipelineTaskLabel: task},
		Annotations: map[string]string{readyAnnotation: readyValue},
	}}
	pod.Spec.NodeName, pod.Status.Phase = "node", corev1.PodFailed
	for i, state := range states {
		name := []string{"step-main", "step-second", "step-third"}[i]
		pod.Spec.Containers = append(pod.Spec.Containers, corev1.Container{Name: name, Args: []string{"-wait_file", readyFile}})
		pod.Status.ContainerStatuses = append(pod.Status.ContainerStatuses, corev1.ContainerStatus{Name: name, State: state})
	}
	return pod
}

func terminated(code int32, reason, message string) corev1.ContainerState {
	return corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
		ExitCode: code, Reason: reason, Message: message, FinishedAt: at(9),
	}}
}

func waitingState(reason string) corev1.ContainerState {
	return corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: `configmap "settings" not found`}}
}

func (e Evidence) with(pods ...corev1.Pod) Evidence {
	e.Pods = pods
	return e
}

func unready(pod corev1.Pod, change ...func(*corev1.Pod)) corev1.Pod {
	pod.Annotations, pod.Status.Phase = nil, corev1.PodPending
	for _, c := range change {
		c(&pod)
	}
	return pod
}

func podReasonIs(reason string) func(*corev1.Pod) {
	return func(pod *corev1.Pod) {
		pod.Status.Phase, pod.Status.Reason, pod.Status.ContainerStatuses = corev1.PodFailed, reason, nil
	}
}

func initEnded(code int32, reason string) func(*corev1.Pod) {
	return func(pod *corev1.Pod) {
		pod.Status.Phase = corev1.PodFailed
		pod.Status.InitContainerStatuses = []corev1.ContainerStatus{{Name: "place-scripts", State: terminated(code, reason, "")}}
	}
}

func disruptedAt(pod corev1.Pod, second int) corev1.Pod {
	pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.DisruptionTarget, Status: corev1.ConditionTrue, LastTransitionTime: at(second)}}
	return pod
}

func cancelledBy(reason v1alpha1.FailureReason, e Evidence) Evidence {
	e.CancelReason = reason
	return e
}

func noted(waiting string, e Evidence) Evidence {
	e.WaitingFor = ParseWaiting(waiting)
	return e
}

func attemptsBefore(task tektonv1.TaskRun, earlier ...tektonv1.TaskRunStatus) tektonv1.TaskRun {
	task.Status.RetriesStatus = earlier
	return task
}

func TestOtherCases(t *testing.T) {
	main3 := ended("main", 3, "Error", "Error")
	forbidding := evidenceOf("Failed", taskRun("first", "Failed", 9, ended("main", 1, "Error", "Error"))).with(podOf("first", terminated(1, "Error", markOfStart)))
	forbidding.Log = `{"message":"pods \"a\" is forbidden: User \"system:serviceaccount:w:r\" cannot delete resource \"pods\" in API group \"\" in the namespace \"payment\"","reason":"Forbidden","code":403}`
	quotaLog := forbidding
	quotaLog.Log = `Error from server (Forbidden): pods "a" is forbidden: exceeded quota: compute, requested: cpu=1, used: cpu=2, limited: cpu=2`
	cut := func(pod corev1.Pod) corev1.Pod {
		pod.DeletionTimestamp = new(at(8))
		return pod
	}
	custom := evidenceOf("Failed")
	custom.CustomRuns = []tektonv1beta1.CustomRun{{ObjectMeta: metav1.ObjectMeta{Name: "run-second", Labels: map[string]string{pipelineTaskLabel: "second"}}}}
	custom.CustomRuns[0].Status.Conditions = condition(corev1.ConditionFalse, "Rejected")
	for name, test := range map[string]struct {
		e      Evidence
		reason v1alpha1.FailureReason
		task   string
		step   string
		code   int32
		ran    bool
		says   string
	}{
		"out of memory, exit 0": {
			evidenceOf("Failed", taskRun("first", "Failed", 9, ended("main", 0, "OOMKilled", "OOMKilled"))).with(podOf("first", terminated(0, "OOMKilled", ""))),
			v1alpha1.FailureOOMKilled, "first", "main", 0, true, "needed more memory",
		},
		"out of memory, as v1.15 says it": {
			evidenceOf("Failed", taskRun("first", "StepOOM", 9, ended("main", 137, "OOMKilled", "OOMKilled"))).with(podOf("first", terminated(137, "OOMKilled", ""))),
			v1alpha1.FailureOOMKilled, "first", "main", 137, true, "needed more memory",
		},
		"an init container out of memory, as v1.15 says it": {
			evidenceOf("Failed", taskRun("first", "InitContainerOOM", 9)).with(unready(podOf("first", waitingState("PodInitializing")), initEnded(137, "OOMKilled"))),
			v1alpha1.FailureOOMKilled, "first", "", none, false, "InitContainerOOM",
		},
		"an init container out of memory": {
			evidenceOf("Failed", taskRun("first", "Failed", 9)).with(unready(podOf("first", waitingState("PodInitializing")), initEnded(1, "OOMKilled"))),
			v1alpha1.FailureOOMKilled, "first", "", none, false, "",
		},
		"an init container failed": {
			evidenceOf("Failed", taskRun("first", "Failed", 9)).with(unready(podOf("first", waitingState("PodInitializing")), initEnded(1, "Error"))),
			v1alpha1.FailureConfigurationError, "first", "", none, false, "",
		},
		"a step failed, as v1.15 says it": {
			evidenceOf("Failed", taskRun("first", "StepFailed", 9, main3)).with(podOf("first", terminated(3, "Error", markOfStart))),
			v1alpha1.FailureTaskFailed, "first", "main", 3, true, "exit code 3",
		},
		"evicted, as v1.15 says it, and the pod is gone": {
			evidenceOf("Failed", taskRun("first", "PodEvicted", 9, ended("main", 255, "Error", "Error"))),
			v1alpha1.FailureEvicted, "first", "main", 255, true, "PodEvicted",
		},
		"out of time, as v1.15 says it": {
			evidenceOf("PipelineRunTimeoutRunningFinally", taskRun("first", "TaskRunCancelled", 9, invented("main", "TaskRunCancelled", at(5)))),
			v1alpha1.FailureDeadlineExceeded, "first", "main", none, true, "Step main of task first (1 of 3) was at work",
		},
		"cancelled, and its TaskRun does not know yet": {
			evidenceOf("Cancelled", atWork("first")).with(podOf("first", running)),
			v1alpha1.FailureCancelled, "first", "main", none, true, "Step main of task first (1 of 3) was at work",
		},
		"a task's own timeout": {
			evidenceOf("Failed", taskRun("first", "TaskRunTimeout", 9, invented("main", "TaskRunTimeout", at(5)))),
			v1alpha1.FailureDeadlineExceeded, "first", "main", none, true, "TaskRunTimeout",
		},
		"a task's own timeout, while its pod waited": {
			noted("Unschedulable: task first: no cpu", evidenceOf("Failed", taskRun("first", "TaskRunTimeout", 9, tektonv1.StepState{Name: "main"}))),
			v1alpha1.FailureResourceExhausted, "first", "", none, false, "waited for Unschedulable (no cpu)",
		},
		"a step's own timeout": {
			evidenceOf("Failed", taskRun("first", "Failed", 9, ended("main", 1, "Error", "TimeoutExceeded"))).with(podOf("first", terminated(1, "Error", markOfTime))),
			v1alpha1.FailureDeadlineExceeded, "first", "main", 1, true, "its own timeout",
		},
		"a quota, by our deadline": {
			cancelledBy(v1alpha1.FailureDeadlineExceeded, noted("ExceededResourceQuota: task first: exceeded quota",
				evidenceOf("Cancelled", without(taskRun("first", "TaskRunCancelled", 9, tektonv1.StepState{Name: "main"}))))),
			v1alpha1.FailureResourceExhausted, "first", "", none, false, "waited for ExceededResourceQuota (exceeded quota)",
		},
		"a missing ConfigMap, by our deadline, its pod still there": {
			cancelledBy(v1alpha1.FailureDeadlineExceeded, evidenceOf("Cancelled",
				taskRun("first", "TaskRunCancelled", 9, invented("main", "TaskRunCancelled", noon))).with(
				unready(podOf("first", waitingState("CreateContainerConfigError"))))),
			v1alpha1.FailureConfigurationError, "first", "main", none, false, `configmap "settings" not found`,
		},
		"a missing ConfigMap, by the task": {
			evidenceOf("Failed", taskRun("first", "CreateContainerConfigError", 9, invented("main", "CreateContainerConfigError", noon))).with(
				unready(podOf("first", waitingState("CreateContainerConfigError")))),
			v1alpha1.FailureConfigurationError, "first", "main", none, false, `configmap "settings" not found`,
		},
		"a missing ConfigMap, the pod is gone and nobody noted it": {
			cancelledBy(v1alpha1.FailureDeadlineExceeded, evidenceOf("Cancelled",
				taskRun("first", "TaskRunCancelled", 9, invented("main", "TaskRunCancelled", noon)))),
			v1alpha1.FailureDeadlineExceeded, "first", "main", none, true, "",
		},
		"a volume that is never mounted, by our deadline": {
			cancelledBy(v1alpha1.FailureDeadlineExceeded, noted("ContainerCreating: task first, container step-main: ",
				evidenceOf("Cancelled", taskRun("first", "TaskRunCancelled", 9, invented("main", "TaskRunCancelled", noon))))),
			v1alpha1.FailureDeadlineExceeded, "first", "main", none, false, "waited for ContainerCreating of container step-main",
		},
		"our deadline, while a step worked that had waited before": {
			cancelledBy(v1alpha1.FailureDeadlineExceeded, evidenceOf("Cancelled",
				taskRun("first", "TaskRunCancelled", 9, invented("main", "TaskRunCancelled", at(5)))).with(podOf("first", terminated(255, "Error", markOfStart)))),
			v1alpha1.FailureDeadlineExceeded, "first", "main", 255, true, "was at work",
		},
		"our deadline, and a finally task failed after it": {
			cancelledBy(v1alpha1.FailureDeadlineExceeded, evidenceOf("Cancelled",
				taskRun("first", "TaskRunCancelled", 9, invented("main", "TaskRunCancelled", at(5))), taskRun("last", "Failed", 20, main3))),
			v1alpha1.FailureDeadlineExceeded, "last", "main", 3, true, "did not end within its timeout",
		},
		"a task failed, and our deadline struck on another": {
			cancelledBy(v1alpha1.FailureDeadlineExceeded, evidenceOf("Cancelled",
				taskRun("first", "Failed", 9, main3), taskRun("second", "TaskRunCancelled", 5, invented("main", "TaskRunCancelled", at(3))))),
			v1alpha1.FailureTaskFailed, "first", "main", 3, true, "exit code 3",
		},
		"deleted by its owner after a task had failed": {
			cancelledBy(v1alpha1.FailureCancelled, evidenceOf("Cancelled", taskRun("first", "Failed", 9, main3))),
			v1alpha1.FailureCancelled, "first", "main", 3, true, "Before that, step main of task first (1 of 3) ended with exit code 3",
		},
		"two tasks failed, the second first": {
			evidenceOf("Failed", taskRun("first", "Failed", 20, ended("main", 1, "Error", "Error")), taskRun("second", "Failed", 8)),
			v1alpha1.FailureUnknown, "second", "", none, true, "",
		},
		"a finally task failed": {
			evidenceOf("Failed", taskRun("last", "Failed", 9, main3)).with(podOf("last", terminated(3, "Error", markOfStart))),
			v1alpha1.FailureTaskFailed, "last", "main", 3, true, "task last (3 of 3)",
		},
		"a task whose failure is ignored": {
			evidenceOf("Failed", taskRun("first", "FailureIgnored", 5, ended("main", 9, "Error", "Error")), taskRun("second", "Failed", 9, main3)),
			v1alpha1.FailureTaskFailed, "second", "main", 3, true, "",
		},
		"steps that may fail, steps that were skipped": {
			evidenceOf("Failed", taskRun("first", "Failed", 9, ended("a", 9, "Error", "Continued"), ended("b", 4, "Error", "Error"), ended("c", 1, "Error", "Skipped"))),
			v1alpha1.FailureTaskFailed, "first", "b", 4, true, "",
		},
		"the last of three attempts": {
			evidenceOf("Failed", attemptsBefore(taskRun("first", "Failed", 9, main3), taskRun("first", "Failed", 3).Status, taskRun("first", "Failed", 6).Status)),
			v1alpha1.FailureTaskFailed, "first", "main", 3, true, "in the last of 3 attempts",
		},
		"the first attempt ran, the last could not be made": {
			evidenceOf("Failed", attemptsBefore(without(taskRun("first", "PodCreationFailed", 9)), taskRun("first", "Failed", 3, main3).Status)),
			v1alpha1.FailureConfigurationError, "first", "", none, true, "",
		},
		"every step was skipped": {
			evidenceOf("Failed", taskRun("first", "Failed", 9, ended("main", 1, "Error", "Skipped"))).with(podOf("first", terminated(1, "Error", markOfSkip))),
			v1alpha1.FailureUnknown, "first", "", none, false, "",
		},
		"a container that could not be executed": {
			evidenceOf("Failed", taskRun("first", "Failed", 9, ended("main", 128, "StartError", "StartError"))).with(podOf("first", terminated(128, "StartError", "no such folder"))),
			v1alpha1.FailureConfigurationError, "first", "main", 128, false, "could not be started: StartError: no such folder (exit code 128)",
		},
		"killed before its entrypoint could write": {
			evidenceOf("Failed", taskRun("first", "Failed", 9, ended("main", 137, "Error", ""))).with(podOf("first", terminated(137, "Error", ""))),
			v1alpha1.FailureTaskFailed, "first", "main", 137, true, "",
		},
		"lost by the kubelet past the gate": {
			evidenceOf("Failed", taskRun("first", "Failed", 9, ended("main", 137, "ContainerStatusUnknown", ""))).with(podOf("first", terminated(137, "ContainerStatusUnknown", ""))),
			v1alpha1.FailureTaskFailed, "first", "main", 137, true, "",
		},
		"not admitted by its node": {
			evidenceOf("Failed", taskRun("first", "Failed", 9)).with(unready(podOf("first", waitingState("")), podReasonIs("OutOfcpu"))),
			v1alpha1.FailureResourceExhausted, "first", "", none, false, "",
		},
		"evicted before it ran": {
			evidenceOf("Failed", taskRun("first", "Failed", 9)).with(unready(podOf("first", waitingState("")), podReasonIs("Evicted"))),
			v1alpha1.FailureEvicted, "first", "", none, false, "",
		},
		"put out by the eviction API": {
			evidenceOf("Failed", taskRun("first", "Failed", 9, ended("main", 255, "Error", "Error"))).with(disruptedAt(podOf("first", terminated(255, "Error", markOfStart)), 9)),
			v1alpha1.FailureEvicted, "first", "main", 255, true, "its pod was evicted",
		},
		"failed by itself, and put out later": {
			evidenceOf("Failed", taskRun("first", "Failed", 9, main3)).with(disruptedAt(podOf("first", terminated(3, "Error", markOfStart)), 30)),
			v1alpha1.FailureTaskFailed, "first", "main", 3, true, "",
		},
		"its pod was deleted": {
			evidenceOf("Failed", taskRun("first", "Failed", 9, ended("main", 255, "Error", "Error"))).with(cut(podOf("first", terminated(255, "Error", markOfStart)))),
			v1alpha1.FailureCancelled, "first", "main", 255, true, "somebody deleted its pod",
		},
		"failed by itself, and its pod is being deleted": {
			evidenceOf("Failed", taskRun("first", "Failed", 9, main3)).with(cut(podOf("first", terminated(3, "Error", markOfStart)))),
			v1alpha1.FailureTaskFailed, "first", "main", 3, true, "",
		},
		"a permission, in a JSON answer":           {forbidding, v1alpha1.FailureForbidden, "first", "main", 1, true, ""},
		"a quota that the step ran into by itself": {quotaLog, v1alpha1.FailureTaskFailed, "first", "main", 1, true, ""},
		"a custom run failed":                      {custom, v1alpha1.FailureTaskFailed, "second", "", none, true, "Custom task second (2 of 3) failed: Tekton says Rejected"},
		"a result that is too large": {
			evidenceOf("Failed", taskRun("first", "TaskRunResultLargerThanAllowedLimit", 9, ended("main", 0, "Completed", "Completed"))),
			v1alpha1.FailureTaskFailed, "first", "", none, true, "TaskRunResultLargerThanAllowedLimit",
		},
		"a TaskRun that somebody deleted": {
			func() Evidence {
				e := evidenceOf("Failed", taskRun("first", "PodCreationFailed", 9))
				e.TaskRuns = nil
				return e
			}(), v1alpha1.FailureUnknown, "", "", none, true, "",
		},
		"a pipeline result that does not exist, after its tasks": {
			evidenceOf("InvalidPipelineResultReference", func() tektonv1.TaskRun {
				task := taskRun("first", "Succeeded", 9, ended("main", 0, "Completed", "Completed"))
				task.Status.Conditions = condition(corev1.ConditionTrue, "Succeeded")
				return task
			}()), v1alpha1.FailureConfigurationError, "", "", none, true, "",
		},
		"an unknown reason": {evidenceOf("SomethingNew"), v1alpha1.FailureUnknown, "", "", none, false, "Tekton says SomethingNew"},
	} {
		t.Run(name, func(t *testing.T) {
			got := explain(test.e)
			if got.Reason != test.reason || got.FailedTaskName != test.task || got.FailedStepName != test.step || ptr.Deref(got.ExitCode, none) != test.code {
				t.Errorf("Explain() = %s of task %q, step %q, code %d: %s", got.Reason, got.FailedTaskName, got.FailedStepName, ptr.Deref(got.ExitCode, none), got.Message)
			}
			if got.WasExecutionFailure != test.ran {
				t.Errorf("It is said that something may have run: %t", got.WasExecutionFailure)
			}
			if !strings.Contains(got.Message, test.says) {
				t.Errorf("%q does not say %q", got.Message, test.says)
			}
		})
	}
}

// Secrets that went into the workflow do not come back out of it.
func TestNoSecretIsTold(t *testing.T) {
	secret := spec.Parameters["DB_PASSWORD"]
	e := evidenceOf("Failed", taskRun("first", "Failed", 9, ended("main", 3, "Error", "Error"))).with(podOf("first", terminated(3, "Error", markOfStart)))
	e.Log = "connecting with " + secret + "\n"
	e.TaskRuns[0].Status.Conditions[0].Message = "could not log in with " + secret
	e.Gaps = []Gap{{What: KindLog, Why: "token " + secret}}
	got := explain(e)
	for _, text := range []string{got.Message, got.LogTail, got.NaturalLanguageSummary} {
		if strings.Contains(text, secret) {
			t.Errorf("It is told: %s", text)
		}
	}
}

func TestWaitingIsReadAsItWasWritten(t *testing.T) {
	for _, w := range []Waiting{
		{},
		{Reason: "Unschedulable", Task: "apply", Message: "0/1 nodes: no, not one"},
		{Reason: "ImagePullBackOff", Task: "apply", Container: "step-main", Message: "Back-off: \"image\"\nno"},
		{Reason: "ImagePullBackOff", Container: "step-main"},
	} {
		if got := ParseWaiting(w.String()); got != w {
			t.Errorf("ParseWaiting(%q) = %+v", w.String(), got)
		}
	}
	if got := ParseWaiting("somebody wrote this"); got != (Waiting{}) {
		t.Errorf("%+v", got)
	}
}

// A pod that was deleted by force has a successor of its name, and that one may have one.
func TestTheYoungestPodCounts(t *testing.T) {
	var pods []corev1.Pod
	for i, code := range []int32{1, 2, 3} {
		pod := podOf("first", terminated(code, "Error", markOfStart))
		pod.CreationTimestamp = at(i)
		pods = append(pods, pod)
	}
	task := taskRun("first", "TaskRunCancelled", 9, invented("main", "TaskRunCancelled", at(5)))
	if got := explain(evidenceOf("PipelineRunTimeout", task).with(pods...)); ptr.Deref(got.ExitCode, none) != 3 {
		t.Errorf("The step is said to have ended with %d", ptr.Deref(got.ExitCode, none))
	}
}

// Tekton may make an evicted pod again before it reports how the first one ended: that one tells why.
func TestThePodOfTheReportedContainerCounts(t *testing.T) {
	first := disruptedAt(podOf("first", terminated(255, "Error", markOfStart)), 8)
	first.Status.ContainerStatuses[0].ContainerID = "containerd://main"
	second := podOf("first", running)
	second.CreationTimestamp, second.Status.Phase = at(9), corev1.PodRunning
	second.Status.ContainerStatuses[0].ContainerID = "containerd://again"
	e := evidenceOf("Failed", taskRun("first", "Failed", 9, ended("main", 255, "Error", "Error"))).with(second, first)
	if got := explain(e); got.Reason != v1alpha1.FailureEvicted || !strings.Contains(got.Message, "its pod was evicted") {
		t.Errorf("Explain() = %s: %s", got.Reason, got.Message)
	}
	if _, pod, _, ok := e.StepToRead(); ok {
		t.Errorf("the log of %s is to be read, which is that of the second pod", pod)
	}
	if got := explain(e.with(second)); got.Reason != v1alpha1.FailureUnknown || !strings.Contains(got.Message, "its pod is gone") {
		t.Errorf("Explain() without the first pod = %s: %s", got.Reason, got.Message)
	}
}

// The pod in which the step ran is gone, and nobody remembers it. The one that Tekton has made in its place knows only of itself.
func TestAPodThatNeverRanDoesNotSpeakForTheOneBefore(t *testing.T) {
	second := podOf("first", corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "PodInitializing"}})
	second.Annotations, second.Status.Phase = nil, corev1.PodPending
	unscheduled := *second.DeepCopy()
	unscheduled.Spec.NodeName, unscheduled.Status.ContainerStatuses = "", nil
	for name, pod := range map[string]corev1.Pod{"it waits": second, "it is not scheduled": unscheduled} {
		e := evidenceOf("Failed", taskRun("first", "Failed", 9, ended("main", 137, "Error", ""))).with(pod)
		if got := explain(e); !got.WasExecutionFailure {
			t.Errorf("%s: nothing is said to have been executed: %s", name, got.Message)
		}
	}
	// A container that never started proves nothing.
	e := evidenceOf("Failed", taskRun("first", "Failed", 9, ended("main", 128, "StartError", ""))).with(second)
	if got := explain(e); got.WasExecutionFailure {
		t.Errorf("something is said to have been executed: %s", got.Message)
	}
}
