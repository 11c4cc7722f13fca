// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"fmt"
	"testing"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/pkg/reconciler/pipelinerun/resources"
	"kubernaut.ai/workflowexecution/pkg/targetlock"
	"kubernaut.ai/workflowexecution/test/cluster"
	"kubernaut.ai/workflowexecution/test/install"
)

func TestDeletionWhileRunning(t *testing.T) {
	t.Parallel()
	// The step ignores the request to end for 3 s, and works on meanwhile.
	image, _ := workflow{finally: []string{"uncordon"}, simulate: map[string]string{
		cluster.ForTask(cluster.AnnotationStepDuration, "prepare"): "5m",
		cluster.ForTask(cluster.AnnotationDieAfter, "prepare"):     "3s",
	}}.push(t, bundle(t))
	wfe := awaitPhase(t, submit(t, newExecution(newNamespace(t), "api", image)), v1alpha1.PhaseRunning)
	awaitStep(t, wfe)

	deleteExecution(t, wfe)
	released := observeRelease(t, wfe)
	awaitNoExecution(t, wfe)
	if pod := <-released; pod != "" {
		t.Errorf("the target was freed while a container of pod %s was running", pod)
	}
	awaitGone(t, "the PipelineRun", func(context.Context) (bool, error) { return len(runsOf(t, wfe)) > 0, nil })
}

func TestDeletionOfACompletedExecutionDeletesItsRun(t *testing.T) {
	t.Parallel()
	image, _ := workflow{}.push(t, bundle(t))
	wfe := awaitPhase(t, submit(t, newExecution(newNamespace(t), "api", image)), v1alpha1.PhaseCompleted)
	run := runOf(t, wfe)
	deleteExecution(t, wfe)
	awaitGone(t, "the PipelineRun", func(ctx context.Context) (bool, error) {
		_, err := world.Tekton.TektonV1().PipelineRuns(run.Namespace).Get(ctx, run.Name, metav1.GetOptions{})
		return found(err)
	})
}

// Deleting an execution that was kept out must leave alone the one that kept it out.
func TestDeletionOfASkippedExecutionLeavesTheWinnerAlone(t *testing.T) {
	t.Parallel()
	image, _ := workflow{simulate: map[string]string{cluster.AnnotationStepDuration: "2s"}}.push(t, bundle(t))
	namespace := newNamespace(t)
	target := withTarget(namespace + "/deployment/api")
	winner := awaitPhase(t, submit(t, newExecution(namespace, "winner", image, target)), v1alpha1.PhaseRunning)
	loser := awaitPhase(t, submit(t, newExecution(namespace, "loser", image, target)), v1alpha1.PhaseSkipped)

	deleteExecution(t, loser)
	awaitNoExecution(t, loser)
	if !isLocked(t, winner) {
		t.Error("the winner lost its target")
	}
	awaitPhase(t, winner, v1alpha1.PhaseCompleted)
}

func TestTargetIsHeldByOneAtATime(t *testing.T) {
	t.Parallel()
	image, _ := workflow{simulate: map[string]string{cluster.AnnotationStepDuration: "2s"}}.push(t, bundle(t))
	here, there := newNamespace(t), newNamespace(t)
	first := awaitPhase(t, submit(t, newExecution(here, "first", image, withTarget(here+"/deployment/api"))), v1alpha1.PhaseRunning)

	// The same target, spelled differently, from another namespace.
	for name, target := range map[string]string{"kind": here + "/Deployment/api", "group": here + "/deployments.apps/api"} {
		second := awaitPhase(t, submit(t, newExecution(there, name, image, withTarget(target))), v1alpha1.PhaseSkipped)
		details := second.Status.SkipDetails
		expect(t, "reason", v1alpha1.SkipResourceBusy, details.Reason)
		expect(t, "holder", here+"/first", details.ConflictingWorkflow.Namespace+"/"+details.ConflictingWorkflow.Name)
		expect(t, "number of runs of a skipped execution", 0, len(runsOf(t, second)))
	}
	awaitPhase(t, first, v1alpha1.PhaseCompleted)
	next := submit(t, newExecution(here, "next", image, withTarget(here+"/deployment/api"), withWorkflow("another")))
	awaitPhase(t, next, v1alpha1.PhaseCompleted)
}

// Somebody who removes the finalizer leaves a run at work and a lock that nobody frees. The next
// execution ends the one and takes the other, but not before the last container has ended.
func TestTargetOfAnExecutionThatIsGone(t *testing.T) {
	t.Parallel()
	image, _ := workflow{finally: []string{"uncordon"}, simulate: map[string]string{
		cluster.ForTask(cluster.AnnotationStepDuration, "prepare"): "5m",
		cluster.ForTask(cluster.AnnotationDieAfter, "prepare"):     "2s",
	}}.push(t, bundle(t))
	quick, _ := workflow{}.push(t, bundle(t, "quick"))
	namespace := newNamespace(t)
	target := withTarget(namespace + "/deployment/api")
	another := withWorkflow("another")
	gone := awaitPhase(t, submit(t, newExecution(namespace, "gone", image, target)), v1alpha1.PhaseRunning)
	awaitStep(t, gone)
	released, uncordoned := observeRelease(t, gone), observeSuccess(t, gone, "uncordon")
	removeWithoutFinalizer(t, gone)

	next := awaitTerminal(t, submit(t, newExecution(namespace, "next-0", quick, target, another)))
	expect(t, "phase while the old run works", v1alpha1.PhaseSkipped, next.Status.Phase)
	for attempt := 1; next.Status.Phase == v1alpha1.PhaseSkipped && attempt < 100; attempt++ {
		next = awaitTerminal(t, submit(t, newExecution(namespace, fmt.Sprintf("next-%d", attempt), quick, target, another)))
	}
	expect(t, "phase afterwards", v1alpha1.PhaseCompleted, next.Status.Phase)
	if pod := <-released; pod != "" {
		t.Errorf("the target was freed while a container of pod %s was running", pod)
	}
	if !<-uncordoned {
		t.Error("the finally task of the old run did not run")
	}
}

// removeWithoutFinalizer is what an impatient administrator does.
func removeWithoutFinalizer(t *testing.T, wfe *v1alpha1.WorkflowExecution) {
	t.Helper()
	kill := []byte(`{"metadata":{"finalizers":null}}`)
	client := world.Executions.KubernautV1alpha1().WorkflowExecutions(wfe.Namespace)
	awaitGone(t, "the execution", func(ctx context.Context) (bool, error) {
		_, err := client.Patch(ctx, wfe.Name, types.MergePatchType, kill, metav1.PatchOptions{})
		if err == nil {
			// The controller puts the finalizer back, so both have to come at once.
			err = client.Delete(ctx, wfe.Name, metav1.DeleteOptions{})
		}
		return found(err)
	})
}

func awaitTerminal(t *testing.T, wfe *v1alpha1.WorkflowExecution) *v1alpha1.WorkflowExecution {
	t.Helper()
	return awaitExecution(t, wfe, "a terminal phase", func(wfe *v1alpha1.WorkflowExecution) bool { return wfe.Status.IsTerminal() })
}

func deleteExecution(t *testing.T, wfe *v1alpha1.WorkflowExecution) {
	t.Helper()
	must(t, world.Executions.KubernautV1alpha1().WorkflowExecutions(wfe.Namespace).Delete(t.Context(), wfe.Name, metav1.DeleteOptions{}))
}

// awaitStep waits until a container of the run works.
func awaitStep(t *testing.T, wfe *v1alpha1.WorkflowExecution) {
	t.Helper()
	awaitGone(t, "a run without a working step", func(context.Context) (bool, error) {
		return runningPod(t, wfe) == "", nil
	})
}

// observeRelease tells, once the target is free, which pod of the run had a running container just
// after that; empty if none had.
func observeRelease(t *testing.T, wfe *v1alpha1.WorkflowExecution) <-chan string {
	t.Helper()
	result := make(chan string, 1)
	go func() {
		watcher, err := world.Kube.CoordinationV1().Leases(install.SystemNamespace).Watch(t.Context(), metav1.ListOptions{
			FieldSelector: "metadata.name=" + leaseName(wfe),
		})
		if err != nil {
			result <- "unknown: " + err.Error()
			return
		}
		defer watcher.Stop()
		for event := range watcher.ResultChan() {
			lease, _ := event.Object.(*coordinationv1.Lease)
			if event.Type == watch.Deleted || lease != nil && targetlock.LockOf(lease).Holder == nil {
				result <- runningPod(t, wfe)
				return
			}
		}
		result <- "unknown: the watch ended"
	}()
	return result
}

// observeSuccess tells whether a task of the run ever succeeds: its TaskRun goes with the run.
func observeSuccess(t *testing.T, wfe *v1alpha1.WorkflowExecution, task string) <-chan bool {
	t.Helper()
	selector := resources.SelectChildren(wfe.UID) + ",tekton.dev/pipelineTask=" + task
	watcher, err := world.Tekton.TektonV1().TaskRuns(install.ExecutionNamespace).Watch(t.Context(), metav1.ListOptions{LabelSelector: selector})
	must(t, err)
	result := make(chan bool, 1)
	go func() {
		defer watcher.Stop()
		for event := range watcher.ResultChan() {
			taskRun, _ := event.Object.(*tektonv1.TaskRun)
			if taskRun != nil && (taskRun.IsSuccessful() || event.Type == watch.Deleted) {
				result <- taskRun.IsSuccessful()
				return
			}
		}
		result <- false
	}()
	return result
}

func runningPod(t *testing.T, wfe *v1alpha1.WorkflowExecution) string {
	t.Helper()
	pods, err := world.Kube.CoreV1().Pods(install.ExecutionNamespace).List(t.Context(), childrenOf(wfe))
	if err != nil {
		return "unknown: " + err.Error()
	}
	for _, pod := range pods.Items {
		for _, status := range pod.Status.ContainerStatuses {
			if status.State.Running != nil && pod.Status.Phase == corev1.PodRunning {
				return pod.Name
			}
		}
	}
	return ""
}

func found(err error) (bool, error) {
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	return err == nil, err
}
