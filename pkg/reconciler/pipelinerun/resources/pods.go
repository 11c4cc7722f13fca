// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package resources

import (
	"strings"

	"github.com/tektoncd/pipeline/pkg/workspace"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// stepPrefix is Tekton's: the container of the step "main" is "step-main".
const stepPrefix = "step-"

// oomKilled is the kubelet's reason for a container that needed more memory than it may have. Its exit code can be 0.
const oomKilled = "OOMKilled"

// PodHasEnded tells whether no container of the pod runs, or ever will again. It goes by the
// containers, because a pod's phase follows them by a second or more. An affinity assistant never does anything.
func PodHasEnded(pod *corev1.Pod) bool {
	if isAffinityAssistant(pod) {
		return true
	}
	if pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed {
		return !anyRunning(pod.Status.InitContainerStatuses) && !anyRunning(pod.Status.ContainerStatuses)
	}
	return len(pod.Status.ContainerStatuses) == len(pod.Spec.Containers) &&
		allTerminated(pod.Status.ContainerStatuses) && !anyRunning(pod.Status.InitContainerStatuses)
}

// isAffinityAssistant tells whether the pod is there only to have the pods of a run on its node. Tekton gives it the labels
// of the run. Its own label alone would not tell: the author of a workflow may put that on a pod that does something.
func isAffinityAssistant(pod *corev1.Pod) bool {
	owner := metav1.GetControllerOf(pod)
	return owner != nil && owner.APIVersion == appsv1.SchemeGroupVersion.String() && owner.Kind == "StatefulSet" &&
		pod.Labels[workspace.LabelComponent] == workspace.ComponentNameAffinityAssistant
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

// hasSucceeded tells whether all steps of the pod ended well, which is what makes its TaskRun a success. It does not
// wait for sidecars, and neither does Tekton.
func hasSucceeded(pod *corev1.Pod) bool {
	steps := 0
	for i := range pod.Status.ContainerStatuses {
		status := &pod.Status.ContainerStatuses[i]
		if !strings.HasPrefix(status.Name, stepPrefix) {
			continue
		}
		if end := status.State.Terminated; end == nil || end.ExitCode != 0 || end.Reason == oomKilled {
			return false
		}
		steps++
	}
	return steps > 0 && pod.Status.Phase != corev1.PodFailed
}
