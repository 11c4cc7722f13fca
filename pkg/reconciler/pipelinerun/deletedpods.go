// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package pipelinerun

import (
	"slices"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"
	"k8s.io/utils/lru"

	"kubernaut.ai/workflowexecution/pkg/reconciler/pipelinerun/resources"
)

const (
	// maxRememberedRuns runs are remembered, and of each at most maxDeletedPods pods.
	maxRememberedRuns = 128
	maxDeletedPods    = 20
)

// DeletedPods remembers how pods of ours looked when they went, until their runs are explained: a pod that was
// evicted or deleted is often gone within the second in which its run ends. It is lost with the process, and what
// is not remembered only makes an explanation poorer.
type DeletedPods struct {
	mu   sync.Mutex
	runs *lru.Cache
}

// NewDeletedPods remembers nothing yet.
func NewDeletedPods() *DeletedPods {
	return &DeletedPods{runs: lru.New(maxRememberedRuns)}
}

// deletedPod is a pod as it was last seen, which may be how it was before it ended.
type deletedPod struct {
	*corev1.Pod

	isOutdated bool
}

// Remember takes the last state of a pod, as a watch gives it. Pods that succeeded explain nothing.
func (d *DeletedPods) Remember(object any) {
	gone, isOutdated := object.(cache.DeletedFinalStateUnknown)
	if isOutdated {
		object = gone.Obj
	}
	pod, ok := object.(*corev1.Pod)
	if !ok || pod.Status.Phase == corev1.PodSucceeded || resources.RunUIDOf(pod) == "" {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	run := resources.RunUIDOf(pod)
	if pods := d.of(run); len(pods) < maxDeletedPods {
		d.runs.Add(run, append(pods, deletedPod{Pod: essence(pod), isOutdated: isOutdated}))
	}
}

// podsOf are the pods of a run that are remembered. A nil DeletedPods remembers none.
func (d *DeletedPods) podsOf(run types.UID) []deletedPod {
	if d == nil {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.of(run)
}

func (d *DeletedPods) of(run types.UID) []deletedPod {
	found, _ := d.runs.Get(run)
	pods, _ := found.([]deletedPod)
	return slices.Clip(pods)
}

// essence leaves out what explains nothing and takes most of the memory.
func essence(pod *corev1.Pod) *corev1.Pod {
	kept := &corev1.Pod{ObjectMeta: *pod.ObjectMeta.DeepCopy(), Status: *pod.Status.DeepCopy()}
	kept.ManagedFields = nil
	kept.Spec.NodeName = pod.Spec.NodeName
	for i := range pod.Spec.Containers {
		c := &pod.Spec.Containers[i]
		kept.Spec.Containers = append(kept.Spec.Containers, corev1.Container{Name: c.Name, Args: c.Args, Command: c.Command})
	}
	return kept
}
