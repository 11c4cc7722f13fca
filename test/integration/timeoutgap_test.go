// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"math"
	"testing"
	"time"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/test/cluster"
	"kubernaut.ai/workflowexecution/test/install"
)

// Tekton calls a run ended while a step of it that ignores termination still works. The target is not
// free before that step has ended, and the execution is not over.
func TestEndedRunWithAPodThatWorksOn(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name        string
		taskTimeout time.Duration
		options     []option
		end         func(*testing.T, *tektonv1.PipelineRun)
	}{
		{name: "deadline", options: []option{withTimeout(2 * time.Second)}},
		{name: "timeout of Tekton", taskTimeout: 2 * time.Second},
		{name: "cancelled by somebody", end: cancelByHand},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			judge := observe(t)
			image := pushStubborn(t, row.taskTimeout)
			namespace := newNamespace(t)
			wfe := judge.submit(t, newExecution(namespace, "stubborn", image, row.options...))
			awaitPhase(t, wfe, v1alpha1.PhaseRunning)
			awaitStep(t, wfe)
			if row.end != nil {
				row.end(t, runOf(t, wfe))
			}

			awaitRun((*tektonv1.PipelineRun).IsDone)(t, wfe)
			rival := awaitTerminal(t, judge.submit(t, newExecution(namespace, "rival", image,
				withTarget(wfe.Spec.TargetResource), withWorkflow("other"))))
			expect(t, "outcome of the rival", "other Skipped ResourceBusy", outcome(rival))
			wfe = awaitPhase(t, wfe, v1alpha1.PhaseFailed)
			expectReleasedAfterPods(t, judge, wfe, rival)
		})
	}
}

// expectReleasedAfterPods goes by the order in which the API server has stored things.
func expectReleasedAfterPods(t *testing.T, judge *court, wfe, rival *v1alpha1.WorkflowExecution) {
	t.Helper()
	judge.catchUp(t)
	spans, held := judge.Spans(wfe.UID), judge.tenure(t, wfe)
	if len(spans) != 1 {
		t.Fatalf("expected the spans of one pod, got %v", spans)
	}
	ended, terminal, refused := spans[0].Until, revision(t, wfe), revision(t, rival)
	if ended == math.MaxUint64 || held.Until <= ended || terminal <= ended {
		t.Errorf("the pod ended at revision %d, the target was free at %d, the execution over at %d", ended, held.Until, terminal)
	}
	if refused >= ended {
		t.Errorf("the rival came at revision %d, when the pod had ended (%d): the gap was not tried", refused, ended)
	}
}

// pushStubborn makes a workflow whose one step works for minutes, and for seconds more once it has been
// asked to end. With a timeout it is Tekton that asks.
func pushStubborn(t *testing.T, timeout time.Duration) (image string) {
	t.Helper()
	task := pipelineTask("repair")
	if timeout > 0 {
		task.Timeout = &metav1.Duration{Duration: timeout}
	}
	data, err := yaml.Marshal(&tektonv1.Pipeline{
		TypeMeta: metav1.TypeMeta{APIVersion: "tekton.dev/v1", Kind: "Pipeline"},
		ObjectMeta: metav1.ObjectMeta{Name: "workflow", Annotations: map[string]string{
			cluster.AnnotationStepDuration: "5m", cluster.AnnotationDieAfter: "4s",
		}},
		Spec: tektonv1.PipelineSpec{Tasks: []tektonv1.PipelineTask{task}},
	})
	must(t, err)
	tag := bundle(t)
	_, err = world.Cluster.PushBundle(t.Context(), tag, data)
	must(t, err)
	return world.Cluster.Registry() + "/" + tag
}

func cancelByHand(t *testing.T, run *tektonv1.PipelineRun) {
	t.Helper()
	_, err := world.Tekton.TektonV1().PipelineRuns(install.ExecutionNamespace).Patch(t.Context(), run.Name,
		types.MergePatchType, []byte(`{"spec":{"status":"Cancelled"}}`), metav1.PatchOptions{})
	must(t, err)
}
