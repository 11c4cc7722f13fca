// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package pipelinerun

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	tektonv1beta1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubernaut.ai/workflowexecution/pkg/reconciler/pipelinerun/resources"
)

const (
	// straggling is how long a TaskRun or CustomRun may outlive its run, before it is taken for one that nobody ends. Tekton
	// needs moments; a step that ignores termination shows in its pod, not in its TaskRun. It is also how long what was
	// deleted may stay, before a person is told.
	straggling = time.Minute

	// unresponsive is how long after the end of its grace a pod that was asked to end may go unheard of, before its
	// node is taken for one that does not answer.
	unresponsive = 30 * time.Second
)

// Leftovers are what of a run may still run.
type Leftovers struct {
	run *tektonv1.PipelineRun
	// ended is when the run did, nil if that is not known.
	ended      *metav1.Time
	taskRuns   []*tektonv1.TaskRun
	customRuns []*tektonv1beta1.CustomRun
	pods       []*corev1.Pod
}

// Any tells whether anything may still run.
func (l Leftovers) Any() bool {
	return l.hasRuns() || len(l.pods) > 0
}

// hasRuns tells whether there is more than pods: what may make further pods.
func (l Leftovers) hasRuns() bool {
	return l.run != nil || len(l.taskRuns)+len(l.customRuns) > 0
}

// hasUnwatched tells whether the end of something would go unnoticed: TaskRuns and CustomRuns are not
// watched, nor are pods that lack our label.
func (l Leftovers) hasUnwatched() bool {
	return l.hasRuns() || slices.ContainsFunc(l.pods, func(pod *corev1.Pod) bool { return !resources.IsWatched(pod) })
}

// String names everything, for people.
func (l Leftovers) String() string {
	var parts []string
	if l.run != nil {
		parts = append(parts, "the PipelineRun")
	}
	for _, taskRun := range l.taskRuns {
		parts = append(parts, "TaskRun "+taskRun.Name)
	}
	for _, customRun := range l.customRuns {
		parts = append(parts, "CustomRun "+customRun.Name)
	}
	for _, pod := range l.pods {
		parts = append(parts, "pod "+pod.Name)
	}
	return strings.Join(parts, ", ")
}

// FindLeftovers looks for what is left of the run, which Get has read before and which is nil if it is gone.
// It looks in this order, so that nothing can appear behind it: a PipelineRun that is done makes no
// TaskRuns, and a TaskRun that is done makes no pods.
func (r *Runs) FindLeftovers(ctx context.Context, ref Ref, run *tektonv1.PipelineRun) (l Leftovers, err error) {
	if run != nil {
		l.ended = run.Status.CompletionTime
		if !run.IsDone() {
			l.run = run
		}
	}
	taskRuns, err := r.TaskRuns(ctx, ref)
	if err != nil {
		return l, err
	}
	customRuns, err := r.customRuns(ctx, ref)
	if err != nil {
		return l, err
	}
	l.pods, err = r.livePods(ctx, ref)
	l.taskRuns, l.customRuns = r.runningTaskRuns(taskRuns, l.pods), runningCustomRuns(customRuns)
	return l, err
}

// isKeptOnly tells whether a TaskRun was deleted and is there only because some finalizer holds it: Tekton makes no pods
// of one that is being deleted, and those it has made have ended.
func (r *Runs) isKeptOnly(taskRun *tektonv1.TaskRun, alive []*corev1.Pod) bool {
	if taskRun.DeletionTimestamp == nil || r.clock.Since(taskRun.DeletionTimestamp.Time) < straggling {
		return false
	}
	return !slices.ContainsFunc(alive, func(pod *corev1.Pod) bool { return resources.TaskRunNameOf(pod) == taskRun.Name })
}

// IsUnstarted tells whether nothing of a pending run can ever have run. One that an update has changed, with the defaults of
// another Tekton, say, looks like one that was set back: it is unstarted if Tekton has made nothing of it.
func (r *Runs) IsUnstarted(ctx context.Context, run *tektonv1.PipelineRun) (bool, error) {
	if resources.IsUnstarted(run) || !run.IsPending() || run.Status.StartTime != nil {
		return resources.IsUnstarted(run), nil
	}
	return r.IsEmpty(ctx, Ref{Namespace: run.Namespace, Name: run.Name, UID: run.UID, Execution: HolderOf(run).UID})
}

// IsEmpty tells whether Tekton has made nothing of a run: then nothing of it can ever have run.
func (r *Runs) IsEmpty(ctx context.Context, ref Ref) (bool, error) {
	run, err := r.Get(ctx, ref)
	if err != nil || run == nil || len(run.Status.ChildReferences) > 0 {
		return false, err
	}
	taskRuns, err := r.TaskRuns(ctx, ref)
	if err != nil || len(taskRuns) > 0 {
		return false, err
	}
	customRuns, err := r.customRuns(ctx, ref)
	if err != nil || len(customRuns) > 0 {
		return false, err
	}
	pods, err := r.pods(ctx, ref)
	return len(pods) == 0, err
}

// endLeftovers asks what is left of an ended run to end.
func (r *Runs) endLeftovers(ctx context.Context, e Ending) (Progress, error) {
	left, err := r.FindLeftovers(ctx, e.Ref, e.Run)
	if err != nil || !left.Any() {
		return Progress{Ended: err == nil}, err
	}
	return r.endThese(ctx, left, e)
}

func (r *Runs) endThese(ctx context.Context, left Leftovers, e Ending) (Progress, error) {
	progress := Progress{Left: left.String(), Warning: left.warning(r.clock.Now())}
	if left.hasUnwatched() {
		progress.Next = backOff(left.age(r.clock.Now()))
	}
	progress.Next = sooner(progress.Next, left.untilUnresponsive(r.clock.Now()))
	if e.KeepsEvidence {
		return progress, nil
	}
	return progress, r.deleteLeftovers(ctx, left)
}

// age is how long the run has ended.
func (l Leftovers) age(now time.Time) time.Duration {
	if l.ended != nil {
		return now.Sub(l.ended.Time)
	}
	var oldest time.Duration
	for _, object := range l.deleted() {
		oldest = max(oldest, now.Sub(object.GetDeletionTimestamp().Time))
	}
	return oldest
}

// deleted are the leftovers that were asked to go.
func (l Leftovers) deleted() []metav1.Object {
	var all []metav1.Object
	for _, taskRun := range l.taskRuns {
		all = append(all, taskRun)
	}
	for _, customRun := range l.customRuns {
		all = append(all, customRun)
	}
	for _, pod := range l.pods {
		all = append(all, pod)
	}
	return slices.DeleteFunc(all, func(object metav1.Object) bool { return object.GetDeletionTimestamp() == nil })
}

// warning says what a person has to look at.
func (l Leftovers) warning(now time.Time) string {
	var held []string
	for _, customRun := range l.customRuns {
		if at := customRun.DeletionTimestamp; at != nil && now.Sub(at.Time) > straggling {
			held = append(held, fmt.Sprintf("CustomRun %s was deleted and does not go (finalizers %s): make sure that nothing of it "+
				"runs any more, then remove them", customRun.Name, strings.Join(customRun.Finalizers, ", ")))
		}
	}
	return joined(". ", append(held, l.unresponsive(now))...)
}

// unresponsive names the pods that should have ended long ago, with their nodes.
func (l Leftovers) unresponsive(now time.Time) string {
	var overdue []string
	for _, pod := range l.pods {
		if at := pod.DeletionTimestamp; at != nil && now.Sub(at.Time) >= unresponsive {
			overdue = append(overdue, fmt.Sprintf("pod %s on node %s", pod.Name, pod.Spec.NodeName))
		}
	}
	if len(overdue) == 0 {
		return ""
	}
	return "Nothing is heard of " + strings.Join(overdue, ", ") + ": make sure that nothing works there any more, then delete it by force"
}

// untilUnresponsive is when a pod that ends at the moment will be overdue, which nothing announces; 0 if there is none.
func (l Leftovers) untilUnresponsive(now time.Time) (next time.Duration) {
	for _, pod := range l.pods {
		if at := pod.DeletionTimestamp; at != nil && now.Sub(at.Time) < unresponsive {
			next = sooner(next, at.Add(unresponsive).Sub(now))
		}
	}
	return next
}
