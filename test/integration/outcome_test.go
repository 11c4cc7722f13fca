// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"os/exec"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/pkg/reconciler/pipelinerun/resources"
	"kubernaut.ai/workflowexecution/test/cluster"
	"kubernaut.ai/workflowexecution/test/install"
)

func TestSucceeds(t *testing.T) {
	t.Parallel()
	image, _ := workflow{finally: []string{"report"}}.push(t, bundle(t))
	wfe := submit(t, newExecution(newNamespace(t), "api", image))

	// What a person would type has to work.
	wait := exec.CommandContext(t.Context(), world.Cluster.Program("kubectl"), "--kubeconfig", world.Cluster.Kubeconfig(),
		"wait", "--for=condition=Succeeded", "--timeout=90s", "-n", wfe.Namespace, "wfe/"+wfe.Name)
	if output, err := wait.CombinedOutput(); err != nil {
		t.Fatalf("kubectl wait: %v: %s", err, output)
	}
	wfe = awaitPhase(t, wfe, v1alpha1.PhaseCompleted)
	run := runOf(t, wfe)

	expect(t, "reference", &v1alpha1.PipelineRunRef{Namespace: run.Namespace, Name: run.Name, UID: run.UID}, wfe.Status.PipelineRunRef)
	expect(t, "progress", "3/3", wfe.Status.PipelineRunStatus.Progress)
	expect(t, "failure", nil, wfe.Status.FailureDetails)
	if wfe.Status.StartTime == nil || wfe.Status.CompletionTime == nil || wfe.Status.Duration == nil {
		t.Errorf("times are missing: %+v", wfe.Status)
	}
	if isLocked(t, wfe) {
		t.Error("the target is still locked")
	}
	expect(t, "service account", "kubernaut-workflow-runner", run.Spec.TaskRunTemplate.ServiceAccountName)
}

func TestFails(t *testing.T) {
	t.Parallel()
	image, _ := workflow{tasks: []string{"prepare", "repair", "verify"}, simulate: map[string]string{
		cluster.AnnotationFailTask: "repair", cluster.AnnotationFailExitCode: "3",
	}}.push(t, bundle(t))
	totals := map[int32]bool{}
	wfe := awaitExecution(t, submit(t, newExecution(newNamespace(t), "api", image)), "the end", func(wfe *v1alpha1.WorkflowExecution) bool {
		if run := wfe.Status.PipelineRunStatus; run != nil && run.Progress != "" {
			totals[run.TotalTasks] = true
		}
		return wfe.Status.IsTerminal()
	})
	expect(t, "phase", v1alpha1.PhaseFailed, wfe.Status.Phase)
	expect(t, "number of tasks, all the time", map[int32]bool{3: true}, totals)

	failure := wfe.Status.FailureDetails
	expect(t, "reason", v1alpha1.FailureTaskFailed, failure.Reason)
	expect(t, "task", "repair", failure.FailedTaskName)
	expect(t, "index", int32(1), *failure.FailedTaskIndex)
	expect(t, "step", "main", failure.FailedStepName)
	expect(t, "exit code", int32(3), *failure.ExitCode)
	expect(t, "executed", true, failure.WasExecutionFailure)
	expect(t, "progress", "1/3", wfe.Status.PipelineRunStatus.Progress)
	if isLocked(t, wfe) {
		t.Error("the target is still locked")
	}
}

func TestUnknownBundleRunsNothing(t *testing.T) {
	t.Parallel()
	wfe := submit(t, newExecution(newNamespace(t), "api", world.Cluster.Registry()+"/tests/no-such-bundle:v1"))
	failure := awaitPhase(t, wfe, v1alpha1.PhaseFailed).Status.FailureDetails
	expect(t, "reason", v1alpha1.FailureConfigurationError, failure.Reason)
	expect(t, "executed", false, failure.WasExecutionFailure)
}

func TestTimeoutLetsFinallyTasksRun(t *testing.T) {
	t.Parallel()
	image, _ := workflow{finally: []string{"uncordon"}, simulate: map[string]string{
		cluster.ForTask(cluster.AnnotationStepDuration, "repair"): "5m",
	}}.push(t, bundle(t))
	wfe := submit(t, newExecution(newNamespace(t), "api", image, withTimeout(4*time.Second), func(wfe *v1alpha1.WorkflowExecution) {
		wfe.Spec.ExecutionConfig.ServiceAccountName = "default"
	}))
	wfe = awaitPhase(t, wfe, v1alpha1.PhaseFailed)

	run := runOf(t, wfe)
	expect(t, "service account", "default", run.Spec.TaskRunTemplate.ServiceAccountName)
	expect(t, "backstop", 4*time.Second+5*time.Minute, run.Spec.Timeouts.Pipeline.Duration)
	expect(t, "reason", v1alpha1.FailureDeadlineExceeded, wfe.Status.FailureDetails.Reason)
	if !taskRunOf(t, wfe, "uncordon").IsSuccessful() {
		t.Error("the finally task did not run")
	}
	// The one that was cancelled is not done.
	expect(t, "progress", "2/3", wfe.Status.PipelineRunStatus.Progress)
}

func TestPipelineRunDeletedFromOutside(t *testing.T) {
	t.Parallel()
	image, _ := workflow{simulate: map[string]string{cluster.AnnotationStepDuration: "5m"}}.push(t, bundle(t))
	wfe := awaitPhase(t, submit(t, newExecution(newNamespace(t), "api", image)), v1alpha1.PhaseRunning)
	must(t, world.Tekton.TektonV1().PipelineRuns(install.ExecutionNamespace).Delete(t.Context(), runOf(t, wfe).Name, metav1.DeleteOptions{}))

	wfe = awaitPhase(t, wfe, v1alpha1.PhaseFailed)
	expect(t, "reason", v1alpha1.FailurePipelineRunDeleted, wfe.Status.FailureDetails.Reason)
	expect(t, "executed", true, wfe.Status.FailureDetails.WasExecutionFailure)
	expect(t, "number of runs", 0, len(runsOf(t, wfe)))
}

// A label that somebody removes, past the policy that refuses it, hides a run from the controller's cache, but does not end it.
func TestHiddenRunIsNotTakenForDeleted(t *testing.T) {
	t.Parallel()
	image, _ := workflow{simulate: map[string]string{cluster.AnnotationStepDuration: "2s"}}.push(t, bundle(t))
	wfe := awaitPhase(t, submit(t, newExecution(newNamespace(t), "api", image)), v1alpha1.PhaseRunning)
	run := runOf(t, wfe)
	_, err := tektonAs(t, controllerUser).TektonV1().PipelineRuns(run.Namespace).Patch(t.Context(), run.Name, types.MergePatchType,
		[]byte(`{"metadata":{"labels":{"kubernaut.ai/workflow-execution":null}}}`), metav1.PatchOptions{})
	must(t, err)
	awaitPhase(t, wfe, v1alpha1.PhaseCompleted)
}

// A workflow whose pod can never start must neither report success nor hold the target for ever.
func TestPodThatNeverStartsIsCleanedUp(t *testing.T) {
	t.Parallel()
	image, _ := workflow{simulate: map[string]string{
		cluster.AnnotationStuckTask: "repair", cluster.AnnotationStuckReason: "CreateContainerConfigError",
	}}.push(t, bundle(t))
	wfe := awaitPhase(t, submit(t, newExecution(newNamespace(t), "api", image, withTimeout(6*time.Second))), v1alpha1.PhaseFailed)
	pods, err := world.Kube.CoreV1().Pods(install.ExecutionNamespace).List(t.Context(), childrenOf(wfe))
	must(t, err)
	for _, pod := range pods.Items {
		if !resources.PodHasEnded(&pod) {
			t.Errorf("pod %s is %s, but its target is free", pod.Name, pod.Status.Phase)
		}
	}
}
