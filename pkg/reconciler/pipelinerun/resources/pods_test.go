// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package resources

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestRecordedPodsHaveEnded(t *testing.T) {
	tests := []struct {
		name, when, task string
		want             bool
	}{
		{"pipeline-timeout-term-ignored", "pods-before", "prepare", true},
		{"pipeline-timeout-term-ignored", "pods-before", "apply", false}, // the run is done, its step works on
		{"pipeline-timeout-term-ignored", "pods-last", "apply", true},
		{"image-pull", "pods-before", "apply", false}, // waits for its image
		{"image-pull", "pods-last", "apply", true},
		{"sidecar-image-missing", "pods-before", "apply", false}, // one container waits, the other one runs
		{"sidecar-image-missing", "pods-last", "apply", true},
		{"limitrange-unschedulable", "stuck-pods", "apply", false}, // might still be scheduled
		{"node-eviction-storage", "pods", "apply", true},
	}
	for _, tc := range tests {
		t.Run(tc.name+" "+tc.when+" "+tc.task, func(t *testing.T) {
			for _, pod := range load(t, tc.name).Pods[tc.when] {
				if pod.Labels["tekton.dev/pipelineTask"] == tc.task {
					if got := PodHasEnded(pod); got != tc.want {
						t.Error("PodHasEnded() =", got)
					}
					return
				}
			}
			t.Fatal("no such pod")
		})
	}
}

// An affinity assistant is there for as long as its run, and does nothing.
func TestAffinityAssistantHasEnded(t *testing.T) {
	assistant := map[string]string{"app.kubernetes.io/component": "affinity-assistant"}
	for name, tc := range map[string]struct {
		labels       map[string]string
		owner        metav1.OwnerReference
		isController bool
		want         bool
	}{
		"an affinity assistant": {assistant, metav1.OwnerReference{APIVersion: "apps/v1", Kind: "StatefulSet"}, true, true},
		// A workflow's author may label the pods of a task.
		"the pod of a task with its label":      {assistant, metav1.OwnerReference{APIVersion: "tekton.dev/v1", Kind: "TaskRun"}, true, false},
		"the pod of another StatefulSet":        {nil, metav1.OwnerReference{APIVersion: "apps/v1", Kind: "StatefulSet"}, true, false},
		"the pod of something else":             {assistant, metav1.OwnerReference{APIVersion: "example.com/v1", Kind: "StatefulSet"}, true, false},
		"a pod that no StatefulSet looks after": {assistant, metav1.OwnerReference{APIVersion: "apps/v1", Kind: "StatefulSet"}, false, false},
		"a pod of nobody":                       {assistant, metav1.OwnerReference{}, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			tc.owner.Controller = &tc.isController
			pod := &corev1.Pod{
				ObjectMeta: metav1.ObjectMeta{Labels: tc.labels, OwnerReferences: []metav1.OwnerReference{tc.owner}},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "affinity-assistant"}}},
				Status: corev1.PodStatus{Phase: corev1.PodRunning, ContainerStatuses: []corev1.ContainerStatus{{
					Name: "affinity-assistant", State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}},
				}}},
			}
			if got := PodHasEnded(pod); got != tc.want {
				t.Error("PodHasEnded() =", got)
			}
		})
	}
}

func TestPodHasEnded(t *testing.T) {
	running := corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}
	waiting := corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CreateContainerConfigError"}}
	ended := corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 1}}
	unknown := corev1.ContainerState{}
	type states = []corev1.ContainerState

	tests := map[string]struct {
		phase            corev1.PodPhase
		init, containers states
		deleted          bool
		want             bool
	}{
		"never scheduled":                           {phase: corev1.PodPending},
		"never scheduled, being deleted":            {phase: corev1.PodPending, deleted: true},
		"init container works":                      {phase: corev1.PodPending, init: states{running}, containers: states{waiting, waiting}},
		"init container failed, phase lags":         {phase: corev1.PodPending, init: states{ended}, containers: states{waiting, waiting}},
		"init container failed":                     {phase: corev1.PodFailed, init: states{ended}, containers: states{waiting, waiting}, want: true},
		"waits for a ConfigMap":                     {phase: corev1.PodPending, init: states{ended}, containers: states{waiting, ended}},
		"both work":                                 {phase: corev1.PodRunning, init: states{ended}, containers: states{running, running}},
		"one has ended":                             {phase: corev1.PodRunning, init: states{ended}, containers: states{ended, running}},
		"both have ended, phase lags":               {phase: corev1.PodRunning, init: states{ended}, containers: states{ended, ended}, want: true},
		"both have ended, a native sidecar works":   {phase: corev1.PodRunning, init: states{running}, containers: states{ended, ended}},
		"one has no status yet":                     {phase: corev1.PodRunning, init: states{ended}, containers: states{ended}},
		"no statuses at all":                        {phase: corev1.PodRunning},
		"a status without a state":                  {phase: corev1.PodRunning, containers: states{ended, unknown}},
		"node does not answer":                      {phase: corev1.PodUnknown, containers: states{running, running}},
		"succeeded":                                 {phase: corev1.PodSucceeded, init: states{ended}, containers: states{ended, ended}, want: true},
		"refused by the node, which made no status": {phase: corev1.PodFailed, want: true},
		// A control plane may mark the pods of a lost node as failed, while their containers work on there.
		"marked as failed while it works": {phase: corev1.PodFailed, containers: states{running, ended}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			pod := &corev1.Pod{Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "a"}, {Name: "b"}}}}
			pod.Status.Phase = tc.phase
			if tc.deleted {
				pod.DeletionTimestamp = &metav1.Time{}
			}
			for _, state := range tc.init {
				pod.Status.InitContainerStatuses = append(pod.Status.InitContainerStatuses, corev1.ContainerStatus{State: state})
			}
			for _, state := range tc.containers {
				pod.Status.ContainerStatuses = append(pod.Status.ContainerStatuses, corev1.ContainerStatus{State: state})
			}
			if got := PodHasEnded(pod); got != tc.want {
				t.Error("PodHasEnded() =", got)
			}
		})
	}
}

func TestHasSucceeded(t *testing.T) {
	end := func(code int32, reason string) corev1.ContainerState {
		return corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: code, Reason: reason}}
	}
	runs, well := corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}, end(0, "Completed")
	tests := map[string]struct {
		phase   corev1.PodPhase
		steps   []corev1.ContainerState
		sidecar *corev1.ContainerState
		want    bool
	}{
		"nothing is known yet":             {phase: corev1.PodPending},
		"only a sidecar is known":          {phase: corev1.PodRunning, sidecar: &well},
		"a step works":                     {phase: corev1.PodRunning, steps: []corev1.ContainerState{runs}},
		"the second step works":            {phase: corev1.PodRunning, steps: []corev1.ContainerState{well, runs}},
		"all have ended well, phase lags":  {phase: corev1.PodRunning, steps: []corev1.ContainerState{well, well}, want: true},
		"all have ended well":              {phase: corev1.PodSucceeded, steps: []corev1.ContainerState{well}, want: true},
		"all have ended, a sidecar works":  {phase: corev1.PodRunning, steps: []corev1.ContainerState{well}, sidecar: &runs, want: true},
		"one has failed":                   {phase: corev1.PodRunning, steps: []corev1.ContainerState{end(3, "Error"), well}},
		"one was out of memory, with 0":    {phase: corev1.PodRunning, steps: []corev1.ContainerState{end(0, "OOMKilled")}},
		"all have ended well, its pod not": {phase: corev1.PodFailed, steps: []corev1.ContainerState{well}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			pod := &corev1.Pod{Status: corev1.PodStatus{Phase: tc.phase}}
			for _, state := range tc.steps {
				pod.Status.ContainerStatuses = append(pod.Status.ContainerStatuses, corev1.ContainerStatus{Name: "step-a", State: state})
			}
			if tc.sidecar != nil {
				pod.Status.ContainerStatuses = append(pod.Status.ContainerStatuses, corev1.ContainerStatus{Name: "sidecar-a", State: *tc.sidecar})
			}
			if got := hasSucceeded(pod); got != tc.want {
				t.Error("hasSucceeded() =", got)
			}
		})
	}
}
