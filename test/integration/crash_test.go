// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"testing"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"knative.dev/pkg/apis"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution"
	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/pkg/reconciler/pipelinerun/resources/names"
	"kubernaut.ai/workflowexecution/test/cluster"
	"kubernaut.ai/workflowexecution/test/install"
)

// restart starts a replica in place of the one that was killed.
func restart(t *testing.T) {
	t.Helper()
	// The test's own context is over when a clean-up calls this.
	replica, err := world.Controller.Start(context.WithoutCancel(t.Context()), install.Alone)
	must(t, err)
	world.Replica = replica
}

func kill(t *testing.T) {
	t.Helper()
	must(t, world.Replica.Kill())
	<-world.Replica.Done()
}

// The controller is killed at the moments that a watcher can see; whatever it had done by then, its
// successor brings the execution to the same end, with one run.
func TestKilledInEachPhase(t *testing.T) {
	working := map[string]string{cluster.AnnotationStepDuration: "1s"}
	failing := map[string]string{cluster.AnnotationFailTask: "repair"}
	for _, row := range []struct {
		name     string
		simulate map[string]string
		moment   func(*testing.T, *v1alpha1.WorkflowExecution)
		want     v1alpha1.Phase
	}{
		{"created", working, func(*testing.T, *v1alpha1.WorkflowExecution) {}, v1alpha1.PhaseCompleted},
		{"locked", working, awaitLocked, v1alpha1.PhaseCompleted},
		{"run created", working, awaitRun(func(*tektonv1.PipelineRun) bool { return true }), v1alpha1.PhaseCompleted},
		{"reference stored", working, awaitStatus(func(wfe *v1alpha1.WorkflowExecution) bool { return wfe.Status.PipelineRunRef != nil }), v1alpha1.PhaseCompleted},
		{"run started", working, awaitRun(func(run *tektonv1.PipelineRun) bool { return !run.IsPending() }), v1alpha1.PhaseCompleted},
		{"running", working, awaitStatus(func(wfe *v1alpha1.WorkflowExecution) bool { return wfe.Status.Phase == v1alpha1.PhaseRunning }), v1alpha1.PhaseCompleted},
		{"half done", working, awaitStatus(func(wfe *v1alpha1.WorkflowExecution) bool {
			return wfe.Status.PipelineRunStatus != nil && wfe.Status.PipelineRunStatus.CompletedTasks == 1
		}), v1alpha1.PhaseCompleted},
		{"run succeeded", working, awaitRun((*tektonv1.PipelineRun).IsDone), v1alpha1.PhaseCompleted},
		{"run failed", failing, awaitRun((*tektonv1.PipelineRun).IsDone), v1alpha1.PhaseFailed},
		{"releasing", failing, awaitStatus(func(wfe *v1alpha1.WorkflowExecution) bool { return wfe.Status.HasOutcome() }), v1alpha1.PhaseFailed},
	} {
		t.Run(row.name, func(t *testing.T) {
			image, _ := workflow{simulate: row.simulate}.push(t, bundle(t))
			wfe := submit(t, newExecution(newNamespace(t), "api", image))
			row.moment(t, wfe)
			kill(t)
			restart(t)
			wfe = awaitPhase(t, wfe, row.want)
			expect(t, "reference", runOf(t, wfe).UID, wfe.Status.PipelineRunRef.UID)
			if isLocked(t, wfe) {
				t.Error("the target is still locked")
			}
		})
	}
}

// What happens to the run while no controller is up is seen by the next one.
func TestRunEndsWhileNoControllerIsUp(t *testing.T) {
	image, _ := workflow{}.push(t, bundle(t))
	wfe := awaitPhase(t, submit(t, newExecution(newNamespace(t), "api", image)), v1alpha1.PhaseRunning)
	kill(t)
	awaitRun((*tektonv1.PipelineRun).IsDone)(t, wfe)
	if !isLocked(t, wfe) {
		t.Error("the target is free, but nobody can have freed it")
	}
	restart(t)
	awaitPhase(t, wfe, v1alpha1.PhaseCompleted)
}

func TestForeignPipelineRunIsNeverAdopted(t *testing.T) {
	image, _ := workflow{}.push(t, bundle(t))
	kill(t)
	wfe := submit(t, newExecution(newNamespace(t), "api", image))
	foreign, err := tektonAs(t, controllerUser).TektonV1().PipelineRuns(install.ExecutionNamespace).Create(t.Context(), &tektonv1.PipelineRun{
		ObjectMeta: metav1.ObjectMeta{
			Name: names.PipelineRun(wfe),
			// Labels alone prove nothing: whoever gets past the policy may copy them.
			Labels: map[string]string{workflowexecution.ExecutionUIDLabel: string(wfe.UID)},
		},
		Spec: tektonv1.PipelineRunSpec{
			Status:       tektonv1.PipelineRunSpecStatusPending,
			PipelineSpec: &tektonv1.PipelineSpec{Tasks: []tektonv1.PipelineTask{pipelineTask("other")}},
		},
	}, metav1.CreateOptions{})
	must(t, err)
	restart(t)

	wfe = awaitPhase(t, wfe, v1alpha1.PhaseFailed)
	expect(t, "reason", v1alpha1.FailureConfigurationError, wfe.Status.FailureDetails.Reason)
	expect(t, "executed", false, wfe.Status.FailureDetails.WasExecutionFailure)
	if isLocked(t, wfe) {
		t.Error("the target is still locked")
	}
	client := world.Tekton.TektonV1().PipelineRuns(foreign.Namespace)
	after, err := client.Get(t.Context(), foreign.Name, metav1.GetOptions{})
	must(t, err)
	expect(t, "generation of the foreign run", foreign.Generation, after.Generation)
	deleteExecution(t, wfe)
	awaitNoExecution(t, wfe)
	_, err = client.Get(t.Context(), foreign.Name, metav1.GetOptions{})
	must(t, err)
	must(t, client.Delete(t.Context(), foreign.Name, metav1.DeleteOptions{}))
}

func TestAPIServerRestartWhileRunning(t *testing.T) {
	image, _ := workflow{simulate: map[string]string{cluster.AnnotationStepDuration: "2s"}}.push(t, bundle(t))
	wfe := awaitPhase(t, submit(t, newExecution(newNamespace(t), "api", image)), v1alpha1.PhaseRunning)
	// Tekton takes what a starting API server says for a final refusal while it still looks for the bundle.
	awaitStep(t, wfe)
	must(t, world.Cluster.RestartAPIServer(t.Context()))
	wfe = awaitPhase(t, wfe, v1alpha1.PhaseCompleted)
	condition := runOf(t, wfe).Status.GetCondition(apis.ConditionSucceeded)
	expect(t, "run", corev1.ConditionTrue, condition.Status)
}

// Two replicas as they are shipped, with leader election: when one is killed, the other goes on.
func TestSecondReplicaTakesOver(t *testing.T) {
	image, _ := workflow{simulate: map[string]string{cluster.AnnotationStepDuration: "2s"}}.push(t, bundle(t))
	kill(t)
	first, err := world.Controller.Start(t.Context())
	must(t, err)
	second, err := world.Controller.Start(t.Context())
	must(t, err)
	t.Cleanup(func() {
		must(t, second.Kill())
		<-second.Done()
		restart(t)
	})

	wfe := awaitPhase(t, submit(t, newExecution(newNamespace(t), "api", image)), v1alpha1.PhaseRunning)
	must(t, first.Kill())
	<-first.Done()
	wfe = awaitPhase(t, wfe, v1alpha1.PhaseCompleted)
	expect(t, "reference", runOf(t, wfe).UID, wfe.Status.PipelineRunRef.UID)
}

func awaitLocked(t *testing.T, wfe *v1alpha1.WorkflowExecution) {
	t.Helper()
	awaitGone(t, "a free target", func(context.Context) (bool, error) { return !isLocked(t, wfe), nil })
}

func awaitRun(done func(*tektonv1.PipelineRun) bool) func(*testing.T, *v1alpha1.WorkflowExecution) {
	return func(t *testing.T, wfe *v1alpha1.WorkflowExecution) {
		t.Helper()
		awaitGone(t, "the state before", func(context.Context) (bool, error) {
			runs := runsOf(t, wfe)
			return len(runs) == 0 || !done(&runs[0]), nil
		})
	}
}

func awaitStatus(done func(*v1alpha1.WorkflowExecution) bool) func(*testing.T, *v1alpha1.WorkflowExecution) {
	return func(t *testing.T, wfe *v1alpha1.WorkflowExecution) {
		t.Helper()
		awaitExecution(t, wfe, "the moment", done)
	}
}
