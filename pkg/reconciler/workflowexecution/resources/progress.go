// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package resources

import (
	"fmt"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	corev1 "k8s.io/api/core/v1"
	"knative.dev/pkg/apis"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
)

// pipelineTaskLabel is Tekton's: the name of the pipeline task that a pod works on.
const pipelineTaskLabel = "tekton.dev/pipelineTask"

// Summarize mirrors a PipelineRun. Progress counts pipeline tasks from the resolved pipeline and the
// run's children; while the run works, its pods tell which of them have ended.
func Summarize(run *tektonv1.PipelineRun, pods []*corev1.Pod) v1alpha1.PipelineRunStatusSummary {
	var summary v1alpha1.PipelineRunStatusSummary
	if condition := run.Status.GetCondition(apis.ConditionSucceeded); condition != nil {
		summary.Status = condition.Status
		summary.Reason = condition.Reason
		summary.Message = condition.Message
	}
	if run.Status.PipelineSpec == nil {
		return summary
	}
	summary.CompletedTasks, summary.TotalTasks = progress(run, pods)
	summary.Progress = fmt.Sprintf("%d/%d", summary.CompletedTasks, summary.TotalTasks)
	return summary
}

func progress(run *tektonv1.PipelineRun, pods []*corev1.Pod) (completed, total int32) {
	spec := run.Status.PipelineSpec
	total = int32(len(spec.Tasks) + len(spec.Finally) - len(run.Status.SkippedTasks)) //nolint:gosec // bounded by the object's size

	children := map[string]bool{}
	for _, child := range run.Status.ChildReferences {
		children[child.PipelineTaskName] = true
	}
	if !run.IsDone() {
		for task := range children {
			children[task] = hasEnded(task, pods)
		}
	}
	for _, ended := range children {
		if ended {
			completed++
		}
	}
	return completed, max(total, completed)
}

func hasEnded(task string, pods []*corev1.Pod) bool {
	found := false
	for _, pod := range pods {
		if pod.Labels[pipelineTaskLabel] != task {
			continue
		}
		if !PodHasEnded(pod) {
			return false
		}
		found = true
	}
	return found
}

// PodHasEnded tells whether no container of the pod works, or ever will again. It goes by the
// containers, because a pod's phase follows them by a second or more.
func PodHasEnded(pod *corev1.Pod) bool {
	if pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed {
		return !anyRunning(pod.Status.InitContainerStatuses) && !anyRunning(pod.Status.ContainerStatuses)
	}
	return len(pod.Status.ContainerStatuses) == len(pod.Spec.Containers) &&
		allTerminated(pod.Status.ContainerStatuses) && !anyRunning(pod.Status.InitContainerStatuses)
}

func allTerminated(statuses []corev1.ContainerStatus) bool {
	for _, status := range statuses {
		if status.State.Terminated == nil {
			return false
		}
	}
	return true
}

func anyRunning(statuses []corev1.ContainerStatus) bool {
	for _, status := range statuses {
		if status.State.Running != nil {
			return true
		}
	}
	return false
}
