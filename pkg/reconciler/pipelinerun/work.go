// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package pipelinerun

import (
	"context"
	"fmt"
	"slices"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	tektonv1beta1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/utils/ptr"

	"kubernaut.ai/workflowexecution/pkg/apierror"
	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution"
	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/pkg/reconciler/pipelinerun/resources"
	"kubernaut.ai/workflowexecution/pkg/reconciler/pipelinerun/resources/names"
	"kubernaut.ai/workflowexecution/pkg/targetlock"
)

// Work is what runs on a target, or may begin to: what has not ended of PipelineRuns, and of what was made for them.
type Work struct {
	Runs       []*tektonv1.PipelineRun
	TaskRuns   []*tektonv1.TaskRun
	CustomRuns []*tektonv1beta1.CustomRun
	Pods       []*corev1.Pod
}

// Work finds everything on a target, of whatever run and execution, but for one run and what was made for it; the zero Ref
// is none. It is the one answer to whether a target is busy, for whoever starts on it, frees it, takes it over or repairs
// its Lease: a run that somebody made by hand counts like ours. The index says where to look, the API server what is so.
func (r *Runs) Work(ctx context.Context, targetHash string, besides Ref) (work Work, err error) {
	if work.Runs, err = r.workingRuns(ctx, targetHash, besides); err != nil {
		return work, err
	}
	if work.Pods, err = r.workingPods(ctx, targetHash, besides); err != nil {
		return work, err
	}
	if err := r.addElsewhere(ctx, &work, targetHash, besides); err != nil {
		return work, err
	}
	err = r.addChildrenOfOthers(ctx, &work, targetHash, besides)
	return work, err
}

// addElsewhere looks for what runs in a former execution namespace, which is not watched.
func (r *Runs) addElsewhere(ctx context.Context, work *Work, targetHash string, besides Ref) error {
	refs, err := r.index.Elsewhere(targetHash)
	if err != nil {
		return err
	}
	for _, ref := range refs {
		if ref.UID == besides.UID {
			continue
		}
		run, err := r.Get(ctx, ref)
		if err != nil {
			return err
		}
		left, err := r.FindLeftovers(ctx, ref, run)
		if err != nil {
			return err
		}
		if left.run != nil {
			work.Runs = append(work.Runs, left.run)
		}
		work.TaskRuns = append(work.TaskRuns, left.taskRuns...)
		work.CustomRuns = append(work.CustomRuns, left.customRuns...)
		work.Pods = append(work.Pods, left.pods...)
	}
	return nil
}

// addChildrenOfOthers looks for what was made for runs that are not of our making, and may outlive them. Of our own the lock
// is kept until they have nothing left, and neither TaskRuns nor CustomRuns are watched: it costs two lists, where there is such a run.
func (r *Runs) addChildrenOfOthers(ctx context.Context, work *Work, targetHash string, besides Ref) error {
	runs, err := r.index.Runs(targetHash)
	if err != nil {
		return err
	}
	namespaces := sets.New[string]()
	for _, run := range runs {
		if !besides.owns(run) && !IsOwn(run) {
			namespaces.Insert(run.Namespace)
		}
	}
	onTarget := metav1.ListOptions{LabelSelector: workflowexecution.TargetHashLabel + "=" + targetHash}
	for _, namespace := range sets.List(namespaces) {
		taskRuns, err := r.listTaskRuns(ctx, namespace, onTarget)
		if err != nil {
			return err
		}
		customRuns, err := r.listCustomRuns(ctx, namespace, onTarget)
		if err != nil {
			return err
		}
		for _, taskRun := range r.runningTaskRuns(taskRuns, work.Pods) {
			if !besides.made(taskRun) {
				work.TaskRuns = append(work.TaskRuns, taskRun)
			}
		}
		for _, customRun := range runningCustomRuns(customRuns) {
			if !besides.made(customRun) {
				work.CustomRuns = append(work.CustomRuns, customRun)
			}
		}
	}
	return nil
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
		if resources.PodHasEnded(pod) || besides.made(pod) {
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

// made tells whether Tekton made the object for the run.
func (r Ref) made(object metav1.Object) bool {
	if r.UID != "" {
		return resources.RunUIDOf(object) == r.UID
	}
	return r.Name != "" && resources.RunNameOf(object) == r.Name && resources.BelongsTo(object, r.Execution)
}

// Of is what of the work carries the marks of an execution: its own run, a rerun of it that somebody made, and what a
// pipeline in a pipeline has made.
func (w Work) Of(execution types.UID) Work {
	return w.Where(func(object metav1.Object) bool {
		return object.GetLabels()[workflowexecution.ExecutionUIDLabel] == string(execution)
	})
}

// Started is the work without the runs that are pending, which may never begin.
func (w Work) Started() Work {
	return w.Where(func(object metav1.Object) bool {
		run, isRun := object.(*tektonv1.PipelineRun)
		return !isRun || !resources.IsUnstarted(run)
	})
}

// Startable is the work without the pending runs that nobody of us will ever start.
func (w Work) Startable() Work {
	return w.Where(func(object metav1.Object) bool {
		run, isRun := object.(*tektonv1.PipelineRun)
		return !isRun || !resources.IsUnstarted(run) || IsOwn(run)
	})
}

// Where is the part of the work of which something holds.
func (w Work) Where(holds func(metav1.Object) bool) Work {
	return Work{
		Runs: where(w.Runs, holds), TaskRuns: where(w.TaskRuns, holds), CustomRuns: where(w.CustomRuns, holds), Pods: where(w.Pods, holds),
	}
}

func where[T metav1.Object](all []T, holds func(metav1.Object) bool) []T {
	return slices.DeleteFunc(slices.Clone(all), func(object T) bool { return !holds(object) })
}

// Any tells whether there is any.
func (w Work) Any() bool { return len(w.objects()) > 0 }

// objects of the work: what runs before what is pending, and runs before what outlives them.
func (w Work) objects() []metav1.Object {
	var objects, pending []metav1.Object
	for _, run := range w.Runs {
		if resources.IsUnstarted(run) {
			pending = append(pending, run)
		} else {
			objects = append(objects, run)
		}
	}
	for _, pod := range w.Pods {
		objects = append(objects, pod)
	}
	for _, taskRun := range w.TaskRuns {
		objects = append(objects, taskRun)
	}
	for _, customRun := range w.CustomRuns {
		objects = append(objects, customRun)
	}
	return append(objects, pending...)
}

// Conflict is the work in the words of the lock, nil if there is none.
func (w Work) Conflict() *targetlock.Conflict {
	objects := w.objects()
	if len(objects) == 0 {
		return nil
	}
	first := objects[0]
	if run, isRun := first.(*tektonv1.PipelineRun); isRun {
		return conflictOf(run, run.Name, ptr.Deref(run.Status.StartTime, run.CreationTimestamp))
	}
	return conflictOf(first, resources.RunNameOf(first), first.GetCreationTimestamp())
}

// UIDOfRun is that of a run, or of the one that an object was made for.
func UIDOfRun(object metav1.Object) types.UID {
	if _, isRun := object.(*tektonv1.PipelineRun); isRun {
		return object.GetUID()
	}
	return resources.RunUIDOf(object)
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
