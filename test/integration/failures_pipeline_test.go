// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"testing"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	tektonv1beta1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/test/cluster"
	"kubernaut.ai/workflowexecution/test/install"
)

// Pipelines with more to them than one task after the other.
func TestFailureInAPipelineOfAnotherShape(t *testing.T) {
	t.Parallel()
	runFailures(t, []failingCase{
		{
			// The order of the Pipeline is not that in which they failed.
			name: "two tasks side by side",
			workflow: workflow{tasks: []string{"late", "early"}, change: sideBySide, simulate: map[string]string{
				cluster.AnnotationFailTask:                               "*",
				cluster.ForTask(cluster.AnnotationFailAfter, "late"):     "5s",
				cluster.ForTask(cluster.AnnotationFailExitCode, "late"):  "2",
				cluster.ForTask(cluster.AnnotationFailExitCode, "early"): "3",
			}},
			want: because(v1alpha1.FailureTaskFailed).ran().in("early", 1).at("main", 3),
		},
		{
			name: "combination of a matrix",
			workflow: workflow{change: matrix("a", "b", "c"), simulate: map[string]string{
				cluster.AnnotationFailTask: "repair", cluster.AnnotationFailCombination: "1", cluster.AnnotationFailExitCode: "5",
			}},
			want: because(v1alpha1.FailureTaskFailed).ran().in("repair", 1).at("main", 5),
		},
		{
			name: "every attempt",
			workflow: workflow{
				tasks: []string{"repair"}, change: func(spec *tektonv1.PipelineSpec) { spec.Tasks[0].Retries = 2 },
				simulate: map[string]string{cluster.AnnotationFailTask: "repair", cluster.AnnotationFailExitCode: "7"},
			},
			want: because(v1alpha1.FailureTaskFailed).ran().in("repair", 0).at("main", 7).saying("3", "attempt"),
		},
		{
			name: "finally task",
			workflow: workflow{finally: []string{"tidy", "report"}, simulate: map[string]string{
				cluster.AnnotationFailTask: "report", cluster.AnnotationFailExitCode: "6",
			}},
			want: because(v1alpha1.FailureTaskFailed).ran().in("report", 3).at("main", 6),
		},
		{
			name:      "custom task",
			workflow:  workflow{tasks: []string{"approve"}, change: customTask},
			meanwhile: failCustomRun,
			want:      because(v1alpha1.FailureTaskFailed).ran().somewhere(),
		},
	})
}

func sideBySide(spec *tektonv1.PipelineSpec) {
	eachTask(func(task *tektonv1.PipelineTask) { task.RunAfter = nil })(spec)
}

// matrix has the last task run once for each value.
func matrix(values ...string) func(*tektonv1.PipelineSpec) {
	return func(spec *tektonv1.PipelineSpec) {
		task := &spec.Tasks[len(spec.Tasks)-1]
		task.TaskSpec.Params = tektonv1.ParamSpecs{{Name: "which", Type: tektonv1.ParamTypeString}}
		task.Matrix = &tektonv1.Matrix{Params: tektonv1.Params{{
			Name: "which", Value: *tektonv1.NewStructuredValues(values[0], values[1:]...),
		}}}
	}
}

// customTask leaves the work to a controller that is not there.
func customTask(spec *tektonv1.PipelineSpec) {
	spec.Tasks[0].TaskSpec = nil
	spec.Tasks[0].TaskRef = &tektonv1.TaskRef{APIVersion: "example.com/v1", Kind: "Approval", Name: "approval"}
}

func failCustomRun(t *testing.T, wfe *v1alpha1.WorkflowExecution) {
	t.Helper()
	client := world.Tekton.TektonV1beta1().CustomRuns(install.ExecutionNamespace)
	must(t, poll(t, func(ctx context.Context) (bool, error) {
		list, err := client.List(ctx, childrenOf(wfe))
		if err != nil || len(list.Items) == 0 {
			return false, err
		}
		return true, failOne(ctx, &list.Items[0])
	}))
}

func failOne(ctx context.Context, run *tektonv1beta1.CustomRun) error {
	run.Status.InitializeConditions()
	run.Status.MarkCustomRunFailed("Refused", "nobody approved it")
	_, err := world.Tekton.TektonV1beta1().CustomRuns(run.Namespace).UpdateStatus(ctx, run, metav1.UpdateOptions{})
	return err
}
