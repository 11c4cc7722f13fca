// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

// Package observer judges from outside, by what the API server has stored and in its order, whether
// the containers of two executions could work on one target at the same time.
package observer

import (
	corev1 "k8s.io/api/core/v1"
)

// couldWork tells whether anything of a pod may be working, or may yet begin to: it has a node, and
// not every container is known to have ended. It errs on that side.
func couldWork(pod *corev1.Pod) bool {
	if pod.Spec.NodeName == "" {
		return false
	}
	if isRunning(pod) {
		return true
	}
	if pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed {
		return false
	}
	return !everyContainerEnded(pod)
}

func isRunning(pod *corev1.Pod) bool {
	for _, statuses := range [][]corev1.ContainerStatus{
		pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses, pod.Status.EphemeralContainerStatuses,
	} {
		for i := range statuses {
			if statuses[i].State.Running != nil {
				return true
			}
		}
	}
	return false
}

// everyContainerEnded is false where the node restarts containers: what has ended may begin again.
func everyContainerEnded(pod *corev1.Pod) bool {
	if pod.Spec.RestartPolicy != corev1.RestartPolicyNever {
		return false
	}
	return allEnded(pod.Spec.InitContainers, pod.Status.InitContainerStatuses) &&
		allEnded(pod.Spec.Containers, pod.Status.ContainerStatuses)
}

func allEnded(containers []corev1.Container, statuses []corev1.ContainerStatus) bool {
	ended := map[string]bool{}
	for i := range statuses {
		ended[statuses[i].Name] = statuses[i].State.Terminated != nil
	}
	for i := range containers {
		if !ended[containers[i].Name] {
			return false
		}
	}
	return true
}
