// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package failure

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	corev1 "k8s.io/api/core/v1"
	"knative.dev/pkg/apis"
)

// Waiting is what keeps a task from being started. It is noted while it does: when the run has timed out,
// Tekton says only that.
type Waiting struct {
	// Reason is Kubernetes' or Tekton's constant; empty if nothing waits.
	Reason string
	// Task of the pipeline, and the container of its pod that waits, empty if the whole pod does.
	Task, Container string
	// Message is Kubernetes' or Tekton's, for people.
	Message string
}

// String is the form in which it is kept in a status. ParseWaiting reads it.
func (w Waiting) String() string {
	switch {
	case w.Reason == "":
		return ""
	case w.Container == "":
		return fmt.Sprintf("%s: task %s: %s", w.Reason, w.Task, w.Message)
	}
	return fmt.Sprintf("%s: task %s, container %s: %s", w.Reason, w.Task, w.Container, w.Message)
}

var waitingForm = regexp.MustCompile(`(?s)^(\w+): task ([^ ,:]*)(?:, container ([^ :]+))?: (.*)$`)

// ParseWaiting is the inverse of Waiting.String, zero for anything else.
func ParseWaiting(text string) Waiting {
	parts := waitingForm.FindStringSubmatch(text)
	if parts == nil {
		return Waiting{}
	}
	return Waiting{Reason: parts[1], Task: parts[2], Container: parts[3], Message: parts[4]}
}

// WaitsFor is what the pods of a run wait for that does not come by itself, zero if none does. Of several the
// first by name counts, so that the answer does not change with the order of a cache.
func WaitsFor(pods []*corev1.Pod) Waiting {
	return firstByName(pods, waits)
}

// PendingFor is what a pod waits for that has not been started, whether that may come by itself or not: a volume
// that is never mounted shows as ContainerCreating and as nothing else. It says something only when time is up.
func PendingFor(pods []*corev1.Pod) Waiting {
	return firstByName(pods, func(pod *corev1.Pod) Waiting {
		if pod.Status.Phase != corev1.PodPending || hasStarted(pod) {
			return Waiting{}
		}
		return containerWaits(pod, func(reason string) bool { return reason != "" })
	})
}

func firstByName(pods []*corev1.Pod, look func(*corev1.Pod) Waiting) Waiting {
	var first Waiting
	name := ""
	for _, pod := range pods {
		if w := look(pod); w.Reason != "" && (name == "" || pod.Name < name) {
			first, name = w, pod.Name
		}
	}
	return first
}

// IsLike tells whether the same thing waits for the same kind of cause.
func (w Waiting) IsLike(other Waiting) bool {
	return w.Task == other.Task && w.Container == other.Container && waitingReasons[w.Reason] == waitingReasons[other.Reason]
}

// HasStarted tells whether the pod of the task that waited runs by now, or has run.
func (w Waiting) HasStarted(pods []*corev1.Pod) bool {
	return slices.ContainsFunc(pods, func(pod *corev1.Pod) bool {
		return pod.Labels[pipelineTaskLabel] == w.Task && hasStarted(pod)
	})
}

// hasStarted goes by Tekton's gate: a pod that could never be started ends as Failed as well.
func hasStarted(pod *corev1.Pod) bool {
	if hasGate(pod) {
		return pod.Annotations[readyAnnotation] == readyValue
	}
	return pod.Status.Phase == corev1.PodRunning || pod.Status.Phase == corev1.PodSucceeded
}

func waits(pod *corev1.Pod) Waiting {
	if pod.Status.Phase != corev1.PodPending && pod.Status.Phase != "" {
		return Waiting{}
	}
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse && waitingReasons[c.Reason] != "" {
			return Waiting{Reason: c.Reason, Task: pod.Labels[pipelineTaskLabel], Message: c.Message}
		}
	}
	return containerWaits(pod, func(reason string) bool { return waitingReasons[reason] != "" })
}

// containerWaits is what the first container of a pod waits for whose reason counts.
func containerWaits(pod *corev1.Pod, counts func(reason string) bool) Waiting {
	for _, status := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
		if w := status.State.Waiting; w != nil && counts(w.Reason) {
			return Waiting{Reason: w.Reason, Task: pod.Labels[pipelineTaskLabel], Container: status.Name, Message: w.Message}
		}
	}
	return Waiting{}
}

// TaskRunsWaitFor is what a TaskRun waits for that has no pod, or whose pod tells nothing.
func TaskRunsWaitFor(taskRuns []tektonv1.TaskRun) Waiting {
	for i := range taskRuns {
		condition := taskRuns[i].Status.GetCondition(apis.ConditionSucceeded)
		if condition.IsUnknown() && waitingReasons[condition.GetReason()] != "" {
			return Waiting{Reason: condition.GetReason(), Task: taskRuns[i].Labels[pipelineTaskLabel], Message: condition.GetMessage()}
		}
	}
	return Waiting{}
}

// describe says it in a sentence's middle.
func (w Waiting) describe() string {
	text := strings.TrimSuffix(strings.TrimSpace(w.Message), ".")
	if text == "" {
		text = "no further word"
	}
	if w.Container == "" {
		return fmt.Sprintf("%s (%s)", w.Reason, text)
	}
	return fmt.Sprintf("%s of container %s (%s)", w.Reason, w.Container, text)
}
