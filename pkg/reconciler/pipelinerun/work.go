// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package pipelinerun

import (
	"context"
	"fmt"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"kubernaut.ai/workflowexecution/pkg/apierror"
	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution"
	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/pkg/reconciler/pipelinerun/resources"
	"kubernaut.ai/workflowexecution/pkg/reconciler/pipelinerun/resources/names"
	"kubernaut.ai/workflowexecution/pkg/targetlock"
)

// Work is what runs on a target, or may begin to: PipelineRuns that have not ended, and pods that have not.
type Work struct {
	Runs []*tektonv1.PipelineRun
	Pods []*corev1.Pod
}

// Work finds everything on a target, of whatever run and execution, but for one run and its pods; the zero Ref is none. It is the one answer
// to whether a target is busy, for whoever starts on it, frees it, takes it over or repairs its Lease: a run that
// somebody made by hand counts like ours. The index says where to look, the API server what is so.
func (r *Runs) Work(ctx context.Context, targetHash string, besides Ref) (Work, error) {
	runs, err := r.workingRuns(ctx, targetHash, besides)
	if err != nil {
		return Work{}, err
	}
	pods, err := r.workingPods(ctx, targetHash, besides)
	return Work{Runs: runs, Pods: pods}, err
}

func (r *Runs) workingRuns(ctx context.Context, targetHash string, besides Ref) ([]*tektonv1.PipelineRun, error) {
	found, err := r.index.Runs(targetHash)
	if err != nil {
		return nil, err
	}
	var working []*tektonv1.PipelineRun
	for _, run := range found {
		if run.IsDone() || besides.owns(run) {
			continue
		}
		live, err := r.again(ctx, run)
		if err != nil {
			return nil, err
		}
		if live != nil && !live.IsDone() {
			working = append(working, live)
		}
	}
	return working, nil
}

func (r *Runs) workingPods(ctx context.Context, targetHash string, besides Ref) ([]*corev1.Pod, error) {
	found, err := r.index.Pods(targetHash)
	if err != nil {
		return nil, err
	}
	var working []*corev1.Pod
	for _, pod := range found {
		if resources.PodHasEnded(pod) || besides.ownsPod(pod) {
			continue
		}
		live, err := r.kube.CoreV1().Pods(pod.Namespace).Get(ctx, pod.Name, metav1.GetOptions{})
		if err != nil && !apierror.IsGone(err) {
			return nil, fmt.Errorf("failed to read pod %s/%s, which may work on the target: %w", pod.Namespace, pod.Name, err)
		}
		if err == nil && live.UID == pod.UID && !resources.PodHasEnded(live) {
			working = append(working, live)
		}
	}
	return working, nil
}

func (r Ref) owns(run *tektonv1.PipelineRun) bool {
	return run.Name == r.Name && run.Namespace == r.Namespace && r.Matches(run)
}

func (r Ref) ownsPod(pod *corev1.Pod) bool {
	if r.UID != "" {
		return resources.RunUIDOf(pod) == r.UID
	}
	return r.Name != "" && resources.RunNameOf(pod) == r.Name && resources.BelongsTo(pod, r.Execution)
}

// Of is what of the work carries the marks of an execution: its own run, a rerun of it that somebody made, and what a
// pipeline in a pipeline has made.
func (w Work) Of(execution types.UID) Work {
	return w.where(func(object metav1.Object) bool {
		return object.GetLabels()[workflowexecution.ExecutionUIDLabel] == string(execution)
	})
}

// Started is the work without the runs that are pending, which may never begin.
func (w Work) Started() Work {
	return w.where(func(object metav1.Object) bool {
		run, isRun := object.(*tektonv1.PipelineRun)
		return !isRun || !resources.IsUnstarted(run)
	})
}

// OfOwnRuns is the work of runs that we have made, without what others have made in their likeness.
func (w Work) OfOwnRuns() Work {
	return w.where(IsOwn)
}

func (w Work) where(holds func(metav1.Object) bool) Work {
	var some Work
	for _, run := range w.Runs {
		if holds(run) {
			some.Runs = append(some.Runs, run)
		}
	}
	for _, pod := range w.Pods {
		if holds(pod) {
			some.Pods = append(some.Pods, pod)
		}
	}
	return some
}

// Any tells whether there is any.
func (w Work) Any() bool { return len(w.Runs)+len(w.Pods) > 0 }

// Conflict is the work in the words of the lock, nil if there is none. What runs counts before what is pending, and a run
// before the pods that outlive it.
func (w Work) Conflict() *targetlock.Conflict {
	started := w.Started()
	switch {
	case len(started.Runs) > 0:
		return conflictOf(started.Runs[0], started.Runs[0].Name, since(started.Runs[0]))
	case len(w.Pods) > 0:
		return conflictOf(w.Pods[0], resources.RunNameOf(w.Pods[0]), w.Pods[0].CreationTimestamp)
	case len(w.Runs) > 0:
		return conflictOf(w.Runs[0], w.Runs[0].Name, since(w.Runs[0]))
	}
	return nil
}

func since(run *tektonv1.PipelineRun) metav1.Time {
	if run.Status.StartTime != nil {
		return *run.Status.StartTime
	}
	return run.CreationTimestamp
}

// IsOwn tells whether a PipelineRun, or a pod of one, has the name of the one run that its execution can have. A run
// in its likeness, with all its labels and annotations, has another.
func IsOwn(object metav1.Object) bool {
	name := object.GetName()
	if _, isRun := object.(*tektonv1.PipelineRun); !isRun {
		name = resources.RunNameOf(object)
	}
	return name == RunOf(HolderOf(object), object.GetNamespace()).Name
}

// RunOf is the run of an execution that may be gone.
func RunOf(holder targetlock.Holder, namespace string) Ref {
	wfe := &v1alpha1.WorkflowExecution{ObjectMeta: metav1.ObjectMeta{Name: holder.Name, UID: holder.UID}}
	return Ref{Namespace: namespace, Name: names.PipelineRun(wfe), Execution: holder.UID}
}

// HolderOf is the execution that a run or one of its pods belongs to, as its annotations say, which
// Tekton copies from the run.
func HolderOf(object metav1.Object) targetlock.Holder {
	annotations := object.GetAnnotations()
	return targetlock.Holder{
		Namespace: annotations[workflowexecution.ExecutionNamespaceAnnotation],
		Name:      annotations[workflowexecution.ExecutionNameAnnotation],
		UID:       types.UID(annotations[workflowexecution.ExecutionUIDAnnotation]),
	}
}

func conflictOf(object metav1.Object, run string, since metav1.Time) *targetlock.Conflict {
	holder := HolderOf(object)
	conflict := &targetlock.Conflict{
		Holder:       holder,
		Identity:     holder.String(),
		Target:       object.GetAnnotations()[workflowexecution.TargetAnnotation],
		WorkflowID:   object.GetAnnotations()[workflowexecution.WorkflowIDAnnotation],
		RunNamespace: object.GetNamespace(),
		Since:        since.Time,
	}
	if !IsOwn(object) {
		conflict.Run = object.GetNamespace() + "/" + run
	}
	return conflict
}
