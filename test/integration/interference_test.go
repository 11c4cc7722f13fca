// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/test/cluster"
	"kubernaut.ai/workflowexecution/test/install"
)

// stubborn is a workflow whose container goes on for some seconds after it was asked to end.
func stubborn() workflow {
	return workflow{finally: []string{"uncordon"}, simulate: map[string]string{
		cluster.ForTask(cluster.AnnotationStepDuration, "prepare"): "5m",
		cluster.ForTask(cluster.AnnotationDieAfter, "prepare"):     "10s",
	}}
}

// A dashboard's rerun copies a PipelineRun with all its labels and annotations. The API server refuses it. Where it got
// in all the same it is no execution: it is ended, and while anything of it runs nobody else gets the target. The Lease
// of the target does not flap meanwhile.
func TestRerunOfAnEndedRun(t *testing.T) {
	t.Parallel()
	image, _ := stubborn().push(t, bundle(t))
	quick, _ := workflow{}.push(t, bundle(t, "quick"))
	namespace := newNamespace(t)
	target := withTarget(namespace + "/deployment/api")
	first := awaitPhase(t, submit(t, newExecution(namespace, "first", image, target)), v1alpha1.PhaseRunning)
	setRunStatus(tektonv1.PipelineRunSpecStatusCancelled)(t, first)
	awaitPhase(t, first, v1alpha1.PhaseFailed)

	rerun := rerunOf(t, runOf(t, first))
	writes := countLeaseWrites(t, first)
	awaitEventOnLease(t, first, "StrayRun", rerun.Name)
	awaitRunning(t, rerun)
	next := awaitPhase(t, submit(t, newExecution(namespace, "next", quick, target, withWorkflow("another"))), v1alpha1.PhaseSkipped)
	expect(t, "reason", v1alpha1.SkipResourceBusy, next.Status.SkipDetails.Reason)
	if !strings.Contains(next.Status.SkipDetails.Message, rerun.Name) {
		t.Errorf("the message does not name the rerun: %s", next.Status.SkipDetails.Message)
	}
	awaitGone(t, "the pod of the rerun", func(ctx context.Context) (bool, error) { return hasRunningPod(ctx, rerun) })
	if n := writes(); n > 2 {
		t.Errorf("the Lease was written %d times while the rerun was ended", n)
	}
	live, err := world.Tekton.TektonV1().PipelineRuns(rerun.Namespace).Get(t.Context(), rerun.Name, metav1.GetOptions{})
	must(t, err)
	expect(t, "status of the rerun's spec", string(tektonv1.PipelineRunSpecStatusCancelledRunFinally), string(live.Spec.Status))
	last := submit(t, newExecution(namespace, "last", quick, target, withWorkflow("another")))
	awaitPhase(t, last, v1alpha1.PhaseCompleted)
}

// rerunOf is a run that somebody makes in the likeness of one that has ended, past the policy that refuses it.
func rerunOf(t *testing.T, run *tektonv1.PipelineRun) *tektonv1.PipelineRun {
	t.Helper()
	copied := &tektonv1.PipelineRun{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: run.Namespace, Name: run.Name + "-rerun", Labels: run.Labels, Annotations: run.Annotations,
		},
		Spec: *run.Spec.DeepCopy(),
	}
	delete(copied.Annotations, "kubernaut.ai/cancelled-at")
	copied.Spec.Status = ""
	expectJudgement(t, false, createRun(t, administrator, copied, metav1.CreateOptions{}))
	must(t, createRun(t, controllerUser, copied, metav1.CreateOptions{}))
	t.Cleanup(func() {
		_ = world.Tekton.TektonV1().PipelineRuns(run.Namespace).Delete(context.Background(), copied.Name, metav1.DeleteOptions{})
	})
	return copied
}

func hasRunningPod(ctx context.Context, run *tektonv1.PipelineRun) (bool, error) {
	pods, err := world.Kube.CoreV1().Pods(run.Namespace).List(ctx, metav1.ListOptions{LabelSelector: "tekton.dev/pipelineRun=" + run.Name})
	if err != nil {
		return false, err
	}
	for i := range pods.Items {
		for _, status := range pods.Items[i].Status.ContainerStatuses {
			if status.State.Running != nil {
				return true, nil
			}
		}
	}
	return false, nil
}

func awaitRunning(t *testing.T, run *tektonv1.PipelineRun) {
	t.Helper()
	awaitGone(t, "a rerun without a running pod", func(ctx context.Context) (bool, error) {
		running, err := hasRunningPod(ctx, run)
		return !running, err
	})
}

// countLeaseWrites counts from now on; the function that it returns tells how many writes there were.
func countLeaseWrites(t *testing.T, wfe *v1alpha1.WorkflowExecution) func() int {
	t.Helper()
	watcher, err := world.Kube.CoordinationV1().Leases(install.SystemNamespace).Watch(t.Context(), metav1.ListOptions{
		FieldSelector: "metadata.name=" + leaseName(wfe),
	})
	must(t, err)
	var events atomic.Int64
	counted := make(chan struct{})
	go func() {
		defer close(counted)
		for range watcher.ResultChan() {
			events.Add(1)
		}
	}()
	return func() int {
		watcher.Stop()
		<-counted
		return max(0, int(events.Load())-1) // The first event is what there was.
	}
}

func awaitEventOnLease(t *testing.T, wfe *v1alpha1.WorkflowExecution, reason, word string) {
	t.Helper()
	awaitGone(t, "the wait for event "+reason, func(ctx context.Context) (bool, error) {
		events, err := world.Kube.CoreV1().Events(install.SystemNamespace).List(ctx, metav1.ListOptions{
			FieldSelector: fmt.Sprintf("involvedObject.name=%s,reason=%s", leaseName(wfe), reason),
		})
		if err != nil {
			return false, err
		}
		for _, event := range events.Items {
			if strings.Contains(event.Message, word) {
				return false, nil
			}
		}
		return true, nil
	})
}
