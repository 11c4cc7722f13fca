// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"testing"
	"time"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/test/cluster"
)

const refusal = `Error from server (Forbidden): secrets is forbidden: User "system:serviceaccount:kubernaut-workflows:` +
	`kubernaut-workflow-runner" cannot list resource "secrets" in API group "" at the cluster scope`

// A step that works, and fails or is ended: something was executed in all of these.
func TestFailureOfAStep(t *testing.T) {
	t.Parallel()
	repair := func(more map[string]string) workflow {
		more[cluster.AnnotationFailTask] = "repair"
		return workflow{simulate: more}
	}
	runFailures(t, []failingCase{
		{
			name:     "exit code",
			workflow: repair(map[string]string{cluster.AnnotationFailExitCode: "3"}),
			want:     because(v1alpha1.FailureTaskFailed).ran().in("repair", 1).at("main", 3),
		},
		{
			name:     "out of memory with 137",
			workflow: repair(map[string]string{cluster.AnnotationFailReason: "OOMKilled", cluster.AnnotationFailStarted: "false"}),
			want:     because(v1alpha1.FailureOOMKilled).ran().in("repair", 1).at("main", 137),
		},
		{
			name:     "out of memory with 1",
			workflow: repair(map[string]string{cluster.AnnotationFailReason: "OOMKilled", cluster.AnnotationFailExitCode: "1"}),
			want:     because(v1alpha1.FailureOOMKilled).ran().in("repair", 1).at("main", 1),
		},
		{
			name:     "out of memory with 0",
			workflow: repair(map[string]string{cluster.AnnotationFailReason: "OOMKilled", cluster.AnnotationFailExitCode: "0"}),
			want:     because(v1alpha1.FailureOOMKilled).ran().in("repair", 1).at("main", 0),
		},
		{
			// A refusal never reaches the status of anything: it is in the log alone.
			name: "forbidden",
			workflow: repair(map[string]string{
				cluster.AnnotationFailExitCode:                   "1",
				cluster.ForTask(cluster.AnnotationLog, "repair"): "looking for credentials\n" + refusal + "\n",
			}),
			want: because(v1alpha1.FailureForbidden).ran().in("repair", 1).at("main", 1).logging(refusal),
		},
		{
			// Whether the step had begun can no longer be known: it counts as if.
			name: "entrypoint killed before its mark",
			workflow: workflow{tasks: []string{"repair"}, simulate: map[string]string{
				cluster.AnnotationFailTask: "repair", cluster.AnnotationFailStarted: "false", cluster.AnnotationFailExitCode: "137",
			}},
			want: because(v1alpha1.FailureTaskFailed).ran().in("repair", 0).at("main", 137),
		},
		{
			name: "second of three steps",
			workflow: workflow{change: steps("first", "second", "third"), simulate: map[string]string{
				cluster.AnnotationFailTask: "repair", cluster.AnnotationFailStep: "second", cluster.AnnotationFailExitCode: "7",
			}},
			want: because(v1alpha1.FailureTaskFailed).ran().in("repair", 1).at("second", 7),
		},
		{
			name: "step that may fail before one that may not",
			workflow: workflow{tasks: []string{"repair"}, change: onError("first", "second"), simulate: map[string]string{
				cluster.AnnotationContinueStep: "first", cluster.AnnotationContinueExitCode: "9",
				cluster.AnnotationFailTask: "repair", cluster.AnnotationFailStep: "second", cluster.AnnotationFailExitCode: "4",
			}},
			want: because(v1alpha1.FailureTaskFailed).ran().in("repair", 0).at("second", 4),
		},
	})
}

// onError makes a task of two steps, of which the first may fail.
func onError(first, second string) func(*tektonv1.PipelineSpec) {
	return func(spec *tektonv1.PipelineSpec) {
		steps(first, second)(spec)
		spec.Tasks[0].TaskSpec.Steps[0].OnError = tektonv1.Continue
	}
}

func TestFailureByTimeout(t *testing.T) {
	t.Parallel()
	forMinutes := map[string]string{cluster.ForTask(cluster.AnnotationStepDuration, "repair"): "5m"}
	runFailures(t, []failingCase{
		{
			name: "of a step",
			workflow: workflow{simulate: map[string]string{
				cluster.AnnotationFailTask: "repair", cluster.AnnotationFailTerminationReason: "TimeoutExceeded",
			}},
			want: because(v1alpha1.FailureDeadlineExceeded).ran().in("repair", 1).at("main", 1),
		},
		{
			name: "of a task",
			workflow: workflow{simulate: forMinutes, change: func(spec *tektonv1.PipelineSpec) {
				spec.Tasks[1].Timeout = &metav1.Duration{Duration: 3 * time.Second}
			}},
			want: because(v1alpha1.FailureDeadlineExceeded).ran().in("repair", 1).somewhere(),
		},
		{
			name:     "of the execution",
			workflow: workflow{simulate: forMinutes},
			options:  []option{withTimeout(12 * time.Second)},
			want:     because(v1alpha1.FailureDeadlineExceeded).ran().in("repair", 1).somewhere(),
		},
	})
}
