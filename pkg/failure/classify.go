// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package failure

import (
	"cmp"
	"slices"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	corev1 "k8s.io/api/core/v1"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
)

// reason is why the run failed. What was decided about the run as a whole comes first, then the task that
// failed first, and last the end from outside, with what the run was stuck on.
func (e *Evidence) reason(f *failed) v1alpha1.FailureReason {
	if e.PipelineRun == nil {
		return cmp.Or(e.CancelReason, v1alpha1.FailurePipelineRunDeleted)
	}
	if e.CancelReason == v1alpha1.FailureCancelled {
		return e.CancelReason
	}
	if refused, ok := refusedRuns[runReason(e.PipelineRun)]; ok {
		return refused
	}
	ended := cmp.Or(e.CancelReason, endedRuns[runReason(e.PipelineRun)])
	switch {
	case ended == v1alpha1.FailureCancelled:
		return ended
	case ended != "" && (f == nil || f.isConsequence || f.isFinally):
		return e.stuckOr(ended)
	case f != nil:
		return f.classify(e)
	}
	return v1alpha1.FailureUnknown
}

// stuckOr is what a run waited for whose time ran out, or the given reason if it waited for nothing.
func (e *Evidence) stuckOr(reason v1alpha1.FailureReason) v1alpha1.FailureReason {
	return cmp.Or(waitingReasons[e.stuckOn().Reason], reason)
}

// stuckOn is what a task of the run waited for to the end. A finally task comes after the others: what it waits for is
// why the run ended only if all of them had succeeded.
func (e *Evidence) stuckOn() Waiting {
	return e.waitOf(func(task string) bool { return !e.isFinally(task) || !e.hasOpenTasks() })
}

// waitOf is what one of some tasks waited for, as its pod shows it, or as it was noted in time.
func (e *Evidence) waitOf(counts func(task string) bool) Waiting {
	pods := make([]*corev1.Pod, 0, len(e.Pods))
	for i := range e.Pods {
		if pod := &e.Pods[i]; counts(pod.Labels[pipelineTaskLabel]) {
			pods = append(pods, pod)
		}
	}
	if seen := WaitsFor(pods); seen.Reason != "" {
		return seen
	}
	if !counts(e.WaitingFor.Task) || e.WaitingFor.HasStarted(pods) {
		return Waiting{}
	}
	return e.WaitingFor
}

// classify goes from what is certain to what is left over.
func (f *failed) classify(e *Evidence) v1alpha1.FailureReason {
	if f.custom != nil {
		if f.isConsequence {
			return v1alpha1.FailureCancelled
		}
		return v1alpha1.FailureTaskFailed
	}
	step := f.failedStep()
	if step != nil && step.reason == oomKilled {
		return v1alpha1.FailureOOMKilled
	}
	if found, ok := taskReasons[f.reason()]; ok {
		if f.reason() == tektonv1.TaskRunReasonTimedOut && e.stuckOn().Task == f.task {
			return e.stuckOr(found)
		}
		return found
	}
	if found := f.byPod(step); found != "" {
		return found
	}
	return f.byStep(step, e)
}

// byPod is the reason if something befell the pod as a whole, empty otherwise.
func (f *failed) byPod(step *failedStep) v1alpha1.FailureReason {
	pod := f.pod()
	if pod == nil {
		return ""
	}
	switch found := podReason(pod.Status.Reason); {
	case found != "":
		return found
	case isDisrupted(pod, step):
		return v1alpha1.FailureEvicted
	case wasDeletedAtWork(pod, step):
		return v1alpha1.FailureCancelled
	case hasFailedInit(pod, isOutOfMemory):
		return v1alpha1.FailureOOMKilled
	case hasFailedInit(pod, isBadEnd) || f.reason() == reasonInitContainerFailed:
		return v1alpha1.FailureConfigurationError
	case step == nil || step.isInvented:
		return waitingReasons[waits(pod).Reason]
	}
	return ""
}

// byStep is the reason if it is the step's own.
func (f *failed) byStep(step *failedStep, e *Evidence) v1alpha1.FailureReason {
	switch {
	case step == nil || step.isInvented:
		return f.withoutStep()
	case step.termination == timeoutExceeded:
		return v1alpha1.FailureDeadlineExceeded
	case step.termination == cancelledStep:
		return v1alpha1.FailureCancelled
	case neverStarted[step.reason]:
		return v1alpha1.FailureConfigurationError
	case isForbidden(e.Log):
		return v1alpha1.FailureForbidden
	case isSignal(*step.code) && f.pod() == nil:
		// The pod was deleted or evicted, or somebody has cleaned up since: all of that looks alike.
		return v1alpha1.FailureUnknown
	}
	return v1alpha1.FailureTaskFailed
}

func (f *failed) withoutStep() v1alpha1.FailureReason {
	switch f.reason() {
	case tektonv1.TaskRunReasonResultLargerThanAllowedLimit, reasonStepFailed, reasonSidecarFailed:
		return v1alpha1.FailureTaskFailed
	case reasonInitContainerFailed:
		return v1alpha1.FailureConfigurationError
	default:
		return v1alpha1.FailureUnknown
	}
}

// Exit codes of a step that did not end by itself: the entrypoint's for any signal, the kubelet's for what
// it killed, and the shell's for a step that was asked to end.
const (
	codeSignalled  = 255
	codeKilled     = 137
	codeTerminated = 143
)

func isSignal(code int32) bool {
	return code == codeSignalled || code == codeKilled || code == codeTerminated
}

// isDisrupted tells whether Kubernetes had the pod put out while the step worked.
func isDisrupted(pod *corev1.Pod, step *failedStep) bool {
	return slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
		isLater := step != nil && !step.finished.IsZero() && c.LastTransitionTime.After(step.finished.Time)
		return c.Type == corev1.DisruptionTarget && c.Status == corev1.ConditionTrue && !isLater
	})
}

// wasDeletedAtWork tells whether somebody deleted the pod under a step, which ended by a signal then. The time
// of the request is lost once the kubelet lets the pod go: it sets the grace to nothing.
func wasDeletedAtWork(pod *corev1.Pod, step *failedStep) bool {
	return pod.DeletionTimestamp != nil && step != nil && !step.isInvented && isSignal(*step.code)
}

func hasFailedInit(pod *corev1.Pod, how func(*corev1.ContainerStateTerminated) bool) bool {
	return slices.ContainsFunc(pod.Status.InitContainerStatuses, func(s corev1.ContainerStatus) bool {
		return s.State.Terminated != nil && how(s.State.Terminated)
	})
}

func isOutOfMemory(end *corev1.ContainerStateTerminated) bool { return end.Reason == oomKilled }

func isBadEnd(end *corev1.ContainerStateTerminated) bool { return end.ExitCode != 0 }
