// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package failure

import (
	"slices"
	"strings"

	"github.com/tektoncd/pipeline/pkg/apis/pipeline"
	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	corev1 "k8s.io/api/core/v1"
	"knative.dev/pkg/apis"
)

// Labels that are Tekton's: what a pod, a TaskRun or a CustomRun works on.
const (
	pipelineTaskLabel = pipeline.PipelineTaskLabelKey
	taskRunLabel      = pipeline.TaskRunLabelKey
)

// attempt is one try of a TaskRun. All but the last have failed, and left their status behind.
type attempt struct {
	task   *tektonv1.TaskRun
	status *tektonv1.TaskRunStatus
	// pods of the attempt, the youngest first. A pod that was deleted by force has a successor of its name.
	pods []*corev1.Pod
}

// attempts of a TaskRun, the last one first.
func (e *Evidence) attempts(task *tektonv1.TaskRun) []attempt {
	all := []attempt{{task: task, status: &task.Status}}
	for i := len(task.Status.RetriesStatus) - 1; i >= 0; i-- {
		all = append(all, attempt{task: task, status: &task.Status.RetriesStatus[i]})
	}
	claimed := map[string]bool{}
	for _, a := range all {
		claimed[a.status.PodName] = true
	}
	for i := range all {
		name := all[i].status.PodName
		all[i].pods = e.podsOf(task, func(pod string) bool {
			// A pod that was made and not noted belongs to the last attempt.
			return pod == name || i == 0 && !claimed[pod]
		})
	}
	return all
}

func (e *Evidence) podsOf(task *tektonv1.TaskRun, mine func(name string) bool) []*corev1.Pod {
	var pods []*corev1.Pod
	for i := range e.Pods {
		pod := &e.Pods[i]
		isNoted := pod.Name == task.Status.PodName && pod.Name != ""
		if (isNoted || pod.Labels[taskRunLabel] == task.Name) && mine(pod.Name) {
			pods = append(pods, pod)
		}
	}
	slices.SortStableFunc(pods, func(a, b *corev1.Pod) int { return b.CreationTimestamp.Compare(a.CreationTimestamp.Time) })
	return pods
}

// pod is the one that the attempt ended with, nil if none is known: the one whose container the TaskRun reports, or the
// youngest. Tekton may already have made another one of the same name, for a pod that was deleted or evicted.
func (a *attempt) pod() *corev1.Pod {
	var youngest *corev1.Pod
	for _, pod := range a.pods {
		switch is, known := a.isReported(pod); {
		case is:
			return pod
		case !known && youngest == nil:
			youngest = pod
		}
	}
	return youngest
}

// isReported tells whether the TaskRun reports the end of a container of this pod, as far as that is known.
func (a *attempt) isReported(pod *corev1.Pod) (is, known bool) {
	for i := range a.status.Steps {
		step := &a.status.Steps[i]
		status := containerOf(pod, containerOfStep(step))
		if step.Terminated != nil && step.Terminated.ContainerID != "" && status != nil && status.ContainerID != "" {
			return step.Terminated.ContainerID == status.ContainerID, true
		}
	}
	return false, false
}

// hasSuccessor tells whether another pod has the name of the one that the attempt ended with.
func (a *attempt) hasSuccessor() bool {
	return len(a.pods) > 0 && a.pods[0] != a.pod() && a.pods[0].Name == a.pod().Name
}

func (a *attempt) reason() tektonv1.TaskRunReason { return reasonOf(a.status) }

func reasonOf(status *tektonv1.TaskRunStatus) tektonv1.TaskRunReason {
	return tektonv1.TaskRunReason(status.GetCondition(apis.ConditionSucceeded).GetReason())
}

// container is what the pod says of a container, nil if it says nothing.
func (a *attempt) container(name string) *corev1.ContainerStatus {
	if a.pod() == nil {
		return nil
	}
	return containerOf(a.pod(), name)
}

func containerOf(pod *corev1.Pod, name string) *corev1.ContainerStatus {
	for i := range pod.Status.ContainerStatuses {
		if pod.Status.ContainerStatuses[i].Name == name {
			return &pod.Status.ContainerStatuses[i]
		}
	}
	return nil
}

// stepPrefix is Tekton's: the container of the step "main" is "step-main".
const stepPrefix = "step-"

func isStep(container string) bool { return strings.HasPrefix(container, stepPrefix) }

// containerOfStep is the name of the container of a step.
func containerOfStep(step *tektonv1.StepState) string {
	if step.Container != "" {
		return step.Container
	}
	return stepPrefix + step.Name
}

// isInvented tells whether Tekton made up how the step ended: it cancelled the TaskRun, and did not wait for
// the container. What it says then is its own reason, and exit code 1.
func (a *attempt) isInvented(step *tektonv1.StepState) bool {
	return step.Terminated != nil && step.Terminated.ContainerID == "" &&
		step.Terminated.Reason == string(a.reason()) && a.reason() != tektonv1.TaskRunReasonFailed
}

// waitedToTheEnd tells whether Tekton never saw a container of the step. It then invents a start, the one
// of the TaskRun itself.
func (a *attempt) waitedToTheEnd(step *tektonv1.StepState) bool {
	switch {
	case step.Running != nil:
		return false
	case step.Terminated == nil:
		return true
	}
	return a.isInvented(step) && step.Terminated.StartedAt.Equal(&a.task.CreationTimestamp)
}
