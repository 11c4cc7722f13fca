// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package failure

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	tektonv1beta1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"knative.dev/pkg/apis"
	duckv1 "knative.dev/pkg/apis/duck/v1"
	"pgregory.net/rapid"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
)

var (
	names    = []string{"", "a", "b"}
	stepsOf  = []string{"", "main", "room"}
	messages = []string{
		"", "oom timeout forbidden", `[{"key":"StartedAt","value":"x","type":3}]`, `[{"key":"StartedAt","value":"x","type":3},{"key":"Reason","value":"Skipped","type":3}]`,
		`[{"key":"Star`, "null", "{}",
	}
	// parameter is one that Tekton and the API server repeat in what they say.
	parameter = strings.Repeat("a text ", 1000)
	ends      = []string{"", "Error", "OOMKilled", "Completed", "StartError", "ContainerStatusUnknown", "TaskRunImagePullFailed", "TaskRunCancelled"}
)

func anyTime(t *rapid.T, label string) *metav1.Time {
	return rapid.Ptr(rapid.Map(rapid.Int64Range(-1, 10), func(s int64) metav1.Time { return metav1.Unix(s, 0) }), true).Draw(t, label)
}

func someTime(t *rapid.T, label string) metav1.Time {
	if at := anyTime(t, label); at != nil {
		return *at
	}
	return metav1.Time{}
}

func pick(t *rapid.T, label string, of ...string) string { return rapid.SampledFrom(of).Draw(t, label) }

func anyConditions(t *rapid.T, reasons ...string) duckv1.Conditions {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) apis.Condition {
		return apis.Condition{
			Type:    rapid.SampledFrom([]apis.ConditionType{"Succeeded", "Succeeded", "Ready"}).Draw(t, "type"),
			Status:  rapid.SampledFrom([]corev1.ConditionStatus{"True", "False", "False", "Unknown", ""}).Draw(t, "status"),
			Reason:  pick(t, "reason", reasons...),
			Message: rapid.OneOf(rapid.StringN(0, 5, -1), rapid.Just(parameter)).Draw(t, "message"),
		}
	}), 0, 2).Draw(t, "conditions")
}

func anyState(t *rapid.T) corev1.ContainerState {
	var state corev1.ContainerState
	switch pick(t, "state", "none", "waiting", "running", "terminated", "terminated") {
	case "waiting":
		state.Waiting = &corev1.ContainerStateWaiting{Reason: pick(t, "why", "", "ImagePullBackOff", "PodInitializing", "CreateContainerConfigError")}
	case "running":
		state.Running = &corev1.ContainerStateRunning{StartedAt: someTime(t, "began")}
	case "terminated":
		state.Terminated = &corev1.ContainerStateTerminated{
			ExitCode: rapid.SampledFrom([]int32{-1, 0, 1, 137, 255}).Draw(t, "code"), Reason: pick(t, "end", ends...),
			Message: pick(t, "message", messages...), StartedAt: someTime(t, "began"), FinishedAt: someTime(t, "finished"),
			ContainerID: pick(t, "id", "", "containerd://a"),
		}
	}
	return state
}

func anySteps(t *rapid.T) []tektonv1.StepState {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) tektonv1.StepState {
		return tektonv1.StepState{
			Name: pick(t, "step", stepsOf...), ContainerState: anyState(t),
			TerminationReason: pick(t, "termination", "", "Error", "Skipped", "Continued", "TimeoutExceeded", "Cancelled"),
		}
	}), 0, 3).Draw(t, "steps")
}

func anyTaskStatus(t *rapid.T) tektonv1.TaskRunStatus {
	var status tektonv1.TaskRunStatus
	status.Conditions = anyConditions(t, "", "Failed", "TaskRunTimeout", "TaskRunCancelled", "TaskRunImagePullFailed", "PodCreationFailed", "StepOOM")
	status.Steps, status.CompletionTime, status.PodName = anySteps(t), anyTime(t, "completed"), pick(t, "pod", "", "a-pod", "b-pod")
	if rapid.Bool().Draw(t, "provenance") {
		status.Provenance = &tektonv1.Provenance{}
	}
	return status
}

func anyTaskRuns(t *rapid.T) []tektonv1.TaskRun {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) tektonv1.TaskRun {
		task := tektonv1.TaskRun{Status: anyTaskStatus(t)}
		task.Name, task.CreationTimestamp = pick(t, "name", names...), someTime(t, "created")
		if rapid.Bool().Draw(t, "labelled") {
			task.Labels = map[string]string{pipelineTaskLabel: pick(t, "task", "", "apply", "other")}
		}
		for range rapid.IntRange(0, 2).Draw(t, "retries") {
			task.Status.RetriesStatus = append(task.Status.RetriesStatus, anyTaskStatus(t))
		}
		return task
	}), 0, 3).Draw(t, "taskruns")
}

func anyPods(t *rapid.T) []corev1.Pod {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) corev1.Pod {
		pod := corev1.Pod{}
		pod.Name, pod.CreationTimestamp = pick(t, "pod", "", "a-pod", "b-pod"), someTime(t, "created")
		pod.Labels = map[string]string{taskRunLabel: pick(t, "of", names...), pipelineTaskLabel: pick(t, "task", "", "apply")}
		pod.Annotations = map[string]string{readyAnnotation: pick(t, "ready", "", readyValue)}
		pod.DeletionTimestamp = anyTime(t, "deleted")
		pod.Spec.NodeName = pick(t, "node", "", "n")
		for _, step := range stepsOf {
			container := corev1.Container{Name: stepPrefix + step}
			if rapid.Bool().Draw(t, "gate") {
				container.Args = []string{"-wait_file", readyFile}
			}
			pod.Spec.Containers = append(pod.Spec.Containers, container)
			if rapid.Bool().Draw(t, "status") {
				pod.Status.ContainerStatuses = append(pod.Status.ContainerStatuses, corev1.ContainerStatus{Name: container.Name, State: anyState(t)})
			}
		}
		pod.Spec.Containers = pod.Spec.Containers[:rapid.IntRange(0, 3).Draw(t, "containers")]
		pod.Status.InitContainerStatuses = []corev1.ContainerStatus{{Name: "prepare", State: anyState(t)}}
		pod.Status.Phase = rapid.SampledFrom([]corev1.PodPhase{"", "Pending", "Running", "Failed", "Succeeded"}).Draw(t, "phase")
		pod.Status.Reason = pick(t, "reason", "", "Evicted", "OutOfcpu")
		pod.Status.Conditions = []corev1.PodCondition{{
			Type:   rapid.SampledFrom([]corev1.PodConditionType{corev1.DisruptionTarget, corev1.PodScheduled}).Draw(t, "condition"),
			Status: rapid.SampledFrom([]corev1.ConditionStatus{"True", "False"}).Draw(t, "holds"), Reason: pick(t, "why", "", "Unschedulable"),
			LastTransitionTime: someTime(t, "since"),
		}}
		return pod
	}), 0, 3).Draw(t, "pods")
}

func anyPipelineRun(t *rapid.T) *tektonv1.PipelineRun {
	if rapid.IntRange(0, 9).Draw(t, "gone") == 0 {
		return nil
	}
	run := &tektonv1.PipelineRun{}
	run.Status.Conditions = anyConditions(t, "", "Failed", "PipelineRunTimeout", "CouldntGetPipeline", "Cancelled", "New")
	if rapid.Bool().Draw(t, "resolved") {
		run.Status.PipelineSpec = &tektonv1.PipelineSpec{Tasks: []tektonv1.PipelineTask{{Name: "apply"}}}
	}
	if rapid.Bool().Draw(t, "children") {
		run.Status.ChildReferences = []tektonv1.ChildStatusReference{{Name: "a"}}
	}
	return run
}

func anyEvidence(t *rapid.T) Evidence {
	e := Evidence{
		PipelineRun: anyPipelineRun(t), TaskRuns: anyTaskRuns(t), Pods: anyPods(t), StartTime: anyTime(t, "started"),
		FailedAt:     someTime(t, "failed"),
		CancelReason: rapid.SampledFrom([]v1alpha1.FailureReason{"", v1alpha1.FailureCancelled, v1alpha1.FailureDeadlineExceeded}).Draw(t, "cancel"),
		WaitingFor:   ParseWaiting(pick(t, "waiting", "", "Unschedulable: task apply: no", "ImagePullBackOff: task other, container step-main: no")),
		Log:          rapid.StringN(0, 20, -1).Draw(t, "log"),
	}
	if rapid.IntRange(0, 3).Draw(t, "gap") == 0 {
		e.Gaps = []Gap{{What: rapid.SampledFrom([]Kind{KindTaskRuns, KindPods, KindLog}).Draw(t, "what"), Why: pick(t, "gap", "forbidden", parameter)}}
	}
	if rapid.IntRange(0, 5).Draw(t, "custom") == 0 {
		run := tektonv1beta1.CustomRun{}
		run.Name, run.Status.Conditions = "custom", anyConditions(t, "", "Failed")
		e.CustomRuns = []tektonv1beta1.CustomRun{run}
	}
	return e
}

// witness is a second, simpler reading of the one promise that must never be broken: something that speaks for a
// step that ran, or that nobody can account for.
func witness(e *Evidence) string {
	if e.PipelineRun == nil {
		return "the PipelineRun is gone"
	}
	for i := range e.Pods {
		pod := &e.Pods[i]
		for _, s := range pod.Status.ContainerStatuses {
			end := s.State.Terminated
			isUsers := slices.ContainsFunc(pod.Spec.Containers, func(c corev1.Container) bool { return c.Name == s.Name })
			switch {
			case !isUsers:
			case end != nil && end.Message == messages[2]:
				return "the entrypoint's own mark on " + s.Name
			case s.State.Running != nil && pod.Annotations[readyAnnotation] == readyValue:
				return s.Name + " runs past the gate"
			}
		}
	}
	for i := range e.TaskRuns {
		for _, step := range e.TaskRuns[i].Status.Steps {
			if step.Terminated != nil && step.Terminated.ExitCode == 0 && step.TerminationReason != skippedStep {
				return "a step that succeeded"
			}
		}
	}
	if len(e.PipelineRun.Status.ChildReferences) > len(e.TaskRuns) || len(e.CustomRuns) > 0 {
		return "a child that is not there"
	}
	return ""
}

// TestExplainOfAnything: the classifier reads what others wrote, and a panic in it would keep the
// target locked for ever.
func TestExplainOfAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := anyEvidence(t)
		got, again := explain(e), explain(e)
		switch {
		case reasonNames[got.Reason] == "" || nextSteps[got.Reason] == "":
			// The CRD's enum would refuse the whole status.
			t.Fatalf("reason %q", got.Reason)
		case got.NaturalLanguageSummary != again.NaturalLanguageSummary || got.Message != again.Message:
			t.Fatalf("%q, and then %q", got.NaturalLanguageSummary, again.NaturalLanguageSummary)
		case got.NaturalLanguageSummary == "" || !utf8.ValidString(got.NaturalLanguageSummary):
			t.Fatalf("summary %q", got.NaturalLanguageSummary)
		case !got.WasExecutionFailure && witness(&e) != "":
			t.Fatal("it claims that nothing ran, but:", witness(&e))
		case got.ExecutionTimeBeforeFailure != nil && got.ExecutionTimeBeforeFailure.Duration < 0:
			t.Fatal("it failed before it began:", got.ExecutionTimeBeforeFailure)
		case len(got.Message) > v1alpha1.MaxText || len(got.LogTail) > v1alpha1.MaxText:
			t.Fatalf("a message of %d bytes, a log of %d", len(got.Message), len(got.LogTail))
		case len(e.Gaps) > 0 && !strings.Contains(got.Message, " could not be read: "):
			t.Fatalf("what could not be read is not in %q", got.Message)
		case e.CancelReason == v1alpha1.FailureCancelled && got.Reason != v1alpha1.FailureCancelled:
			t.Fatalf("the controller cancelled it, and it is explained as %s", got.Reason)
		case got.FailedTaskIndex != nil && got.FailedTaskName != "apply":
			t.Fatal("a task that the pipeline does not have has a place in it:", got.FailedTaskName)
		}
	})
}

// FuzzExplain lets the fuzzer choose the objects.
func FuzzExplain(f *testing.F) {
	f.Fuzz(rapid.MakeFuzz(func(t *rapid.T) {
		e := anyEvidence(t)
		if got := explain(e); !got.WasExecutionFailure && witness(&e) != "" {
			t.Fatal("it claims that nothing ran, but:", witness(&e))
		}
	}))
}
