// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package failure

import (
	"slices"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	corev1 "k8s.io/api/core/v1"
	"knative.dev/pkg/apis"
)

// mayHaveExecuted tells whether a step of the user began to execute in any task of the run, or whether that
// cannot be ruled out. Whoever reads that nothing ran may repeat the workflow at once, so every single
// piece of the run has to be accounted for before it is said.
func (e *Evidence) mayHaveExecuted() bool {
	switch {
	case e.PipelineRun == nil, len(e.CustomRuns) > 0, e.hasLostChildren():
		return true
	case (e.lacks(KindTaskRuns) || e.lacks(KindCustomRuns)) && !neverGotToItsTasks(e.PipelineRun):
		return true
	}
	if slices.ContainsFunc(e.Pods, func(pod corev1.Pod) bool { return podMayHaveExecuted(&pod) }) {
		return true
	}
	for i := range e.TaskRuns {
		if e.taskRunMayHaveExecuted(&e.TaskRuns[i]) {
			return true
		}
	}
	return false
}

func (e *Evidence) taskRunMayHaveExecuted(taskRun *tektonv1.TaskRun) bool {
	return slices.ContainsFunc(e.attempts(taskRun), func(a attempt) bool { return a.mayHaveExecuted(e) })
}

// neverGotToItsTasks tells whether Tekton refused the run before it made anything of it.
func neverGotToItsTasks(run *tektonv1.PipelineRun) bool {
	_, refused := refusedRuns[runReason(run)]
	return refused
}

// hasLostChildren tells whether the run had a child that is not there to be asked.
func (e *Evidence) hasLostChildren() bool {
	known := map[string]bool{}
	for i := range e.TaskRuns {
		known[e.TaskRuns[i].Name] = true
	}
	return slices.ContainsFunc(e.PipelineRun.Status.ChildReferences, func(child tektonv1.ChildStatusReference) bool {
		return !known[child.Name]
	})
}

// mayHaveExecuted says it of an attempt whose pods, where there are any, deny it.
func (a *attempt) mayHaveExecuted(e *Evidence) bool {
	switch {
	case slices.ContainsFunc(a.status.Steps, isStepThatRan):
		return true
	case len(a.pods) > 0 && !a.hasOutdatedPod(e) && !a.hasLostPod():
		return false
	case a.status.PodName == "":
		return slices.ContainsFunc(a.status.Steps, hasState) || e.lacks(KindPods) && !refusedBeforePod[a.reason()]
	}
	return !a.neverGotReady() && !a.isWhatWaited(e.WaitingFor)
}

func (a *attempt) hasOutdatedPod(e *Evidence) bool {
	return slices.ContainsFunc(a.pods, func(pod *corev1.Pod) bool { return e.Outdated.Has(pod.UID) })
}

// hasLostPod tells whether the TaskRun reports the end of a container that none of the pods can have had. They were
// made after the pod that had it, and know nothing of what was executed in that one.
func (a *attempt) hasLostPod() bool {
	return slices.ContainsFunc(a.status.Steps, func(step tektonv1.StepState) bool {
		end := step.Terminated
		if end == nil || end.ContainerID == "" || neverStarted[end.Reason] {
			return false
		}
		return !slices.ContainsFunc(a.pods, func(pod *corev1.Pod) bool {
			return mayHaveHad(containerOf(pod, containerOfStep(&step)), end.ContainerID)
		})
	})
}

// mayHaveHad tells whether a container may be the one of that ID, as far as its pod says.
func mayHaveHad(status *corev1.ContainerStatus, id string) bool {
	if status == nil || status.State.Waiting != nil && status.LastTerminationState.Terminated == nil {
		return false
	}
	return status.ContainerID == "" || status.ContainerID == id
}

// isStepThatRan goes by what no step can have that did not run: a success.
func isStepThatRan(step tektonv1.StepState) bool {
	end := step.Terminated
	return end != nil && end.ExitCode == 0 && step.TerminationReason != skippedStep
}

func hasState(step tektonv1.StepState) bool {
	return step.Running != nil || step.Terminated != nil
}

// neverGotReady tells whether the pod, which is gone, cannot have passed Tekton's gate: it opens when all
// containers run, and the TaskRun ended because one of them could not be started.
func (a *attempt) neverGotReady() bool {
	if !stuckPods[a.reason()] || a.status.Provenance == nil || a.status.Provenance.FeatureFlags == nil {
		return false
	}
	return a.status.Provenance.FeatureFlags.AwaitSidecarReadiness
}

// isWhatWaited tells whether two witnesses say that the pod, which is gone, never got to run: it was seen to
// wait, and in Tekton's eyes it waited to the end.
func (a *attempt) isWhatWaited(seen Waiting) bool {
	if seen.Reason == "" || seen.Task != a.task.Labels[pipelineTaskLabel] {
		return false
	}
	for i := range a.status.Steps {
		if !a.waitedToTheEnd(&a.status.Steps[i]) {
			return false
		}
	}
	return true
}

// podMayHaveExecuted tells whether a step began to execute in the pod, or whether the pod does not tell.
func podMayHaveExecuted(pod *corev1.Pod) bool {
	if hasGate(pod) && pod.Annotations[readyAnnotation] != readyValue {
		return slices.ContainsFunc(pod.Status.ContainerStatuses, func(s corev1.ContainerStatus) bool {
			return isStep(s.Name) && markOf(s.State.Terminated) == markStarted
		})
	}
	if len(pod.Spec.Containers) == 0 {
		return true
	}
	for i := range pod.Spec.Containers {
		if name := pod.Spec.Containers[i].Name; isStep(name) && containerMayHaveExecuted(pod, containerOf(pod, name)) {
			return true
		}
	}
	return false
}

// Tekton's gate: the entrypoint of the first step waits until this annotation of its pod says so, which
// Tekton has it say when all containers run. Tekton exports no constants of these.
const (
	readyAnnotation = "tekton.dev/ready"
	readyValue      = "READY"
	readyFile       = "/tekton/downward/ready"
)

func hasGate(pod *corev1.Pod) bool {
	for i := range pod.Spec.Containers {
		container := &pod.Spec.Containers[i]
		if isStep(container.Name) {
			return slices.Contains(container.Args, readyFile) || slices.Contains(container.Command, readyFile)
		}
	}
	return false
}

func containerMayHaveExecuted(pod *corev1.Pod, status *corev1.ContainerStatus) bool {
	switch {
	case status == nil:
		// The kubelet has not got to it; on a node that is lost it may have.
		return pod.Spec.NodeName != "" && pod.Status.Phase != corev1.PodPending
	case status.LastTerminationState.Terminated != nil, status.State.Running != nil:
		return true
	case status.State.Terminated == nil:
		return false
	}
	return endMayHaveExecuted(status.State.Terminated)
}

func endMayHaveExecuted(end *corev1.ContainerStateTerminated) bool {
	said := markOf(end)
	return said == markStarted || said == markNone && !neverStarted[end.Reason]
}

func runReason(run *tektonv1.PipelineRun) tektonv1.PipelineRunReason {
	return tektonv1.PipelineRunReason(run.Status.GetCondition(apis.ConditionSucceeded).GetReason())
}
