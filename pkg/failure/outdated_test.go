// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package failure

import (
	"testing"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
)

// outdated are pods as a watch may have seen them last, before or while they were started.
func outdated(pods []corev1.Pod, age func(*corev1.Pod)) ([]corev1.Pod, sets.Set[types.UID]) {
	var copies []corev1.Pod
	uids := sets.New[types.UID]()
	for i := range pods {
		pod := pods[i].DeepCopy()
		pod.UID = types.UID(pod.Name)
		delete(pod.Annotations, readyAnnotation)
		pod.Status.Phase = corev1.PodPending
		age(pod)
		uids.Insert(pod.UID)
		copies = append(copies, *pod)
	}
	return copies, uids
}

// ages of a copy.
var ages = map[string]func(*corev1.Pod){
	"not on a node":  func(pod *corev1.Pod) { pod.Status, pod.Spec.NodeName = corev1.PodStatus{Phase: corev1.PodPending}, "" },
	"not begun":      func(pod *corev1.Pod) { pod.Status.ContainerStatuses = nil },
	"being created":  inState(corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "PodInitializing"}}),
	"started":        inState(corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}),
	"without a word": inState(corev1.ContainerState{}),
}

func inState(state corev1.ContainerState) func(*corev1.Pod) {
	return func(pod *corev1.Pod) {
		for i := range pod.Status.ContainerStatuses {
			status := &pod.Status.ContainerStatuses[i]
			status.State, status.ContainerID = state, ""
		}
	}
}

// forgetContainers takes from TaskRuns what names the containers of their steps.
func forgetContainers(taskRuns []tektonv1.TaskRun) {
	for i := range taskRuns {
		for _, step := range taskRuns[i].Status.Steps {
			if step.Terminated != nil {
				step.Terminated.ContainerID = ""
			}
		}
	}
}

func TestOutdatedPodsDoNotDenyAnExecution(t *testing.T) {
	for age, damage := range ages {
		t.Run(age, func(t *testing.T) {
			tried := 0
			for _, name := range cases(t) {
				r := load(t, name)
				if !r.UserStepRan || len(r.Pods) == 0 {
					continue
				}
				tried++
				e := r.evidence()
				e.Pods, e.Outdated = outdated(r.Pods, damage)
				forgetContainers(e.TaskRuns)
				if got := explain(e); !got.WasExecutionFailure {
					t.Errorf("%s: %s", name, got.NaturalLanguageSummary)
				}
			}
			if tried < 5 {
				t.Errorf("only %d recorded cases have an executed step", tried)
			}
		})
	}
}
