// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package failure

import (
	"slices"
	"testing"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"knative.dev/pkg/apis"
	duckv1 "knative.dev/pkg/apis/duck/v1"
	"pgregory.net/rapid"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
)

var knownReasons = []v1alpha1.FailureReason{
	v1alpha1.FailureOOMKilled, v1alpha1.FailureDeadlineExceeded, v1alpha1.FailureForbidden, v1alpha1.FailureResourceExhausted,
	v1alpha1.FailureConfigurationError, v1alpha1.FailureImagePullBackOff, v1alpha1.FailureVerificationFailed,
	v1alpha1.FailureEvicted, v1alpha1.FailureCancelled, v1alpha1.FailurePipelineRunDeleted, v1alpha1.FailureTaskFailed,
	v1alpha1.FailureUnknown,
}

func anyTime(t *rapid.T, label string) *metav1.Time {
	return rapid.Ptr(rapid.Map(rapid.Int64Range(-1, 1<<33), func(s int64) metav1.Time { return metav1.Unix(s, 0) }), true).Draw(t, label)
}

func anyConditions(t *rapid.T) duckv1.Conditions {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) apis.Condition {
		return apis.Condition{
			Type:   rapid.SampledFrom([]apis.ConditionType{"Succeeded", "Succeeded", "Ready"}).Draw(t, "type"),
			Status: rapid.SampledFrom([]corev1.ConditionStatus{"True", "False", "False", "Unknown", ""}).Draw(t, "status"),
			Reason: rapid.SampledFrom([]string{
				"", "Failed", "PipelineRunTimeout", "CouldntGetPipeline", "TaskRunTimeout", "TaskRunCancelled", "TaskRunImagePullFailed", "New",
			}).Draw(t, "reason"),
			Message: rapid.StringN(0, 5, -1).Draw(t, "message"),
		}
	}), 0, 2).Draw(t, "conditions")
}

func anySteps(t *rapid.T) []tektonv1.StepState {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) tektonv1.StepState {
		step := tektonv1.StepState{
			Name:              rapid.SampledFrom([]string{"", "main", "room"}).Draw(t, "step"),
			TerminationReason: rapid.SampledFrom([]string{"", "Error", "Skipped", "Continued", "TimeoutExceeded"}).Draw(t, "termination"),
		}
		if rapid.Bool().Draw(t, "terminated") {
			step.Terminated = &corev1.ContainerStateTerminated{
				ExitCode: rapid.Int32Range(-1, 256).Draw(t, "code"), Reason: rapid.SampledFrom([]string{"", "Error", "OOMKilled"}).Draw(t, "why"),
			}
		}
		return step
	}), 0, 3).Draw(t, "steps")
}

func anyTaskRuns(t *rapid.T) []tektonv1.TaskRun {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) tektonv1.TaskRun {
		task := tektonv1.TaskRun{}
		task.Name = rapid.StringN(0, 3, -1).Draw(t, "name")
		if rapid.Bool().Draw(t, "labelled") {
			task.Labels = map[string]string{pipelineTaskLabel: rapid.SampledFrom([]string{"", "apply", "other"}).Draw(t, "task")}
		}
		task.Status.Conditions, task.Status.Steps, task.Status.CompletionTime = anyConditions(t), anySteps(t), anyTime(t, "completed")
		return task
	}), 0, 3).Draw(t, "taskruns")
}

func anyPipelineRun(t *rapid.T) *tektonv1.PipelineRun {
	if rapid.IntRange(0, 9).Draw(t, "gone") == 0 {
		return nil
	}
	run := &tektonv1.PipelineRun{}
	run.Status.Conditions = anyConditions(t)
	if rapid.Bool().Draw(t, "resolved") {
		run.Status.PipelineSpec = &tektonv1.PipelineSpec{Tasks: []tektonv1.PipelineTask{{Name: "apply"}}}
	}
	if rapid.Bool().Draw(t, "children") {
		run.Status.ChildReferences = []tektonv1.ChildStatusReference{{Name: "a"}}
	}
	return run
}

// TestExplainOfAnything: the classifier reads what others wrote, and a panic in it would keep the
// target locked for ever.
func TestExplainOfAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		evidence := Evidence{
			PipelineRun: anyPipelineRun(t), TaskRuns: anyTaskRuns(t), StartTime: anyTime(t, "started"),
			FailedAt:     metav1.Unix(rapid.Int64Range(0, 1<<33).Draw(t, "failed"), 0),
			CancelReason: rapid.SampledFrom([]v1alpha1.FailureReason{"", v1alpha1.FailureCancelled, v1alpha1.FailureDeadlineExceeded}).Draw(t, "cancel"),
		}
		got := Explain(evidence)
		switch {
		case !slices.Contains(knownReasons, got.Reason):
			// The CRD's enum would refuse the whole status.
			t.Fatalf("reason %q", got.Reason)
		case !got.WasExecutionFailure && (evidence.PipelineRun == nil || len(evidence.TaskRuns) > 0):
			t.Fatal("it claims that nothing ran")
		case got.ExecutionTimeBeforeFailure != nil && got.ExecutionTimeBeforeFailure.Duration < 0:
			t.Fatal("it failed before it began:", got.ExecutionTimeBeforeFailure)
		case evidence.CancelReason != "" && got.Reason != evidence.CancelReason:
			t.Fatalf("the controller cancelled it as %s, and it is explained as %s", evidence.CancelReason, got.Reason)
		case got.FailedTaskIndex != nil && got.FailedTaskName != "apply":
			t.Fatal("a task that the pipeline does not have has a place in it:", got.FailedTaskName)
		}
	})
}
