// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package pipelinerun

import (
	"context"
	"fmt"
	"slices"
	"strings"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	tektonv1beta1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubernaut.ai/workflowexecution/pkg/reconciler/pipelinerun/resources"
)

// Leftovers are what of a run may still run.
type Leftovers struct {
	run bool
	// ended is when the run did, nil if that is not known.
	ended      *metav1.Time
	taskRuns   []*tektonv1.TaskRun
	customRuns []string
	pods       []*corev1.Pod
}

// Any tells whether anything of the run may still run.
func (m Leftovers) Any() bool {
	return m.HasRuns() || len(m.pods) > 0
}

// HasRuns tells whether there is more than pods: what may make further pods.
func (m Leftovers) HasRuns() bool {
	return m.run || len(m.taskRuns)+len(m.customRuns) > 0
}

// HasUnwatched tells whether the end of something would go unnoticed: TaskRuns and CustomRuns are not
// watched, nor are pods that lack our label.
func (m Leftovers) HasUnwatched() bool {
	return m.HasRuns() || slices.ContainsFunc(m.pods, func(pod *corev1.Pod) bool { return !resources.IsWatched(pod) })
}

// String names everything, for people.
func (m Leftovers) String() string {
	var parts []string
	if m.run {
		parts = append(parts, "the PipelineRun")
	}
	for _, taskRun := range m.taskRuns {
		parts = append(parts, "TaskRun "+taskRun.Name)
	}
	for _, name := range m.customRuns {
		parts = append(parts, "CustomRun "+name)
	}
	for _, pod := range m.pods {
		parts = append(parts, "pod "+pod.Name)
	}
	return strings.Join(parts, ", ")
}

// Leftovers looks for what is left of the run, which Get has read before and which is nil if it is gone.
// It looks in this order, so that nothing can appear behind it: a PipelineRun that is done makes no
// TaskRuns, and a TaskRun that is done makes no pods.
func (r *Runs) FindLeftovers(ctx context.Context, ref Ref, run *tektonv1.PipelineRun) (Leftovers, error) {
	m := Leftovers{run: run != nil && !run.IsDone()}
	if run != nil {
		m.ended = run.Status.CompletionTime
	}
	taskRuns, err := r.TaskRuns(ctx, ref)
	if err != nil {
		return m, err
	}
	for i := range taskRuns {
		if !taskRuns[i].IsDone() {
			m.taskRuns = append(m.taskRuns, &taskRuns[i])
		}
	}
	if m.customRuns, err = r.runningCustomRuns(ctx, ref); err != nil {
		return m, err
	}
	m.pods, err = r.livePods(ctx, ref)
	return m, err
}

// TaskRuns lists those of the run, whether they have ended or not.
func (r *Runs) TaskRuns(ctx context.Context, ref Ref) ([]tektonv1.TaskRun, error) {
	list, err := r.tekton.TektonV1().TaskRuns(ref.Namespace).List(ctx, ref.children())
	if err != nil {
		return nil, fmt.Errorf("failed to list the TaskRuns of the run: %w", err)
	}
	return list.Items, nil
}

func (r *Runs) customRuns(ctx context.Context, ref Ref) ([]tektonv1beta1.CustomRun, error) {
	list, err := r.tekton.TektonV1beta1().CustomRuns(ref.Namespace).List(ctx, ref.children())
	if err != nil {
		return nil, fmt.Errorf("failed to list the CustomRuns of the run: %w", err)
	}
	return list.Items, nil
}

func (r *Runs) runningCustomRuns(ctx context.Context, ref Ref) ([]string, error) {
	all, err := r.customRuns(ctx, ref)
	var running []string
	for i := range all {
		if !all[i].IsDone() {
			running = append(running, all[i].Name)
		}
	}
	return running, err
}

func (r *Runs) pods(ctx context.Context, ref Ref) ([]corev1.Pod, error) {
	list, err := r.kube.CoreV1().Pods(ref.Namespace).List(ctx, ref.children())
	if err != nil {
		return nil, fmt.Errorf("failed to list the pods of the run: %w", err)
	}
	return list.Items, nil
}

func (r *Runs) livePods(ctx context.Context, ref Ref) ([]*corev1.Pod, error) {
	all, err := r.pods(ctx, ref)
	var alive []*corev1.Pod
	for i := range all {
		if pod := &all[i]; !resources.PodHasEnded(pod) {
			alive = append(alive, pod)
		}
	}
	return alive, err
}

// children selects by the mark that Tekton itself puts on what it makes. Ours is copied from the run,
// and so is missing where somebody had removed it there.
func (r Ref) children() metav1.ListOptions {
	selector := resources.SelectChildren(r.Execution)
	if r.UID != "" {
		selector = resources.SelectChildrenOfRun(r.UID)
	}
	return metav1.ListOptions{LabelSelector: selector}
}
