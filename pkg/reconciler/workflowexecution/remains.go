// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package workflowexecution

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"knative.dev/pkg/reconciler"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/pkg/reconciler/workflowexecution/resources"
	"kubernaut.ai/workflowexecution/pkg/reconciler/workflowexecution/resources/names"
)

// unwatchedInterval bounds the wait for what is not watched: TaskRuns and CustomRuns that outlive
// their run, which Tekton ends within moments, and pods that lack our label.
const unwatchedInterval = 2 * time.Second

// remains is what of a run may still work, as the API server has it.
type remains struct {
	run        bool
	taskRuns   []string
	customRuns []string
	pods       []*corev1.Pod
}

func (m remains) any() bool {
	return m.runs() || len(m.pods) > 0
}

func (m remains) runs() bool {
	return m.run || len(m.taskRuns)+len(m.customRuns) > 0
}

// unwatched tells whether the end of something would go unnoticed.
func (m remains) unwatched() bool {
	return m.runs() || slices.ContainsFunc(m.pods, func(pod *corev1.Pod) bool { return !resources.IsWatched(pod) })
}

func (m remains) String() string {
	var parts []string
	if m.run {
		parts = append(parts, "the PipelineRun")
	}
	for _, name := range m.taskRuns {
		parts = append(parts, "TaskRun "+name)
	}
	for _, name := range m.customRuns {
		parts = append(parts, "CustomRun "+name)
	}
	for _, pod := range m.pods {
		parts = append(parts, "pod "+pod.Name)
	}
	return strings.Join(parts, ", ")
}

// remains looks at the API server, in this order: nothing can appear behind it. A PipelineRun that
// is done makes no TaskRuns, and a TaskRun that is done makes no pods.
func (r *Reconciler) remains(ctx context.Context, wfe *v1alpha1.WorkflowExecution, run *tektonv1.PipelineRun) (remains, error) {
	m := remains{run: run != nil && !run.IsDone()}
	taskRuns, err := r.taskRuns(ctx, wfe)
	if err != nil {
		return m, err
	}
	for i := range taskRuns {
		if !taskRuns[i].IsDone() {
			m.taskRuns = append(m.taskRuns, taskRuns[i].Name)
		}
	}
	if m.customRuns, err = r.workingCustomRuns(ctx, wfe); err != nil {
		return m, err
	}
	m.pods, err = r.livePods(ctx, wfe)
	return m, err
}

func (r *Reconciler) taskRuns(ctx context.Context, wfe *v1alpha1.WorkflowExecution) ([]tektonv1.TaskRun, error) {
	list, err := r.tekton.TektonV1().TaskRuns(r.runNamespaceOf(wfe)).List(ctx, childrenOf(wfe))
	if err != nil {
		return nil, fmt.Errorf("failed to list the TaskRuns of the run: %w", err)
	}
	return list.Items, nil
}

func (r *Reconciler) workingCustomRuns(ctx context.Context, wfe *v1alpha1.WorkflowExecution) ([]string, error) {
	list, err := r.tekton.TektonV1beta1().CustomRuns(r.runNamespaceOf(wfe)).List(ctx, childrenOf(wfe))
	if err != nil {
		return nil, fmt.Errorf("failed to list the CustomRuns of the run: %w", err)
	}
	var working []string
	for i := range list.Items {
		if !list.Items[i].IsDone() {
			working = append(working, list.Items[i].Name)
		}
	}
	return working, nil
}

func (r *Reconciler) livePods(ctx context.Context, wfe *v1alpha1.WorkflowExecution) ([]*corev1.Pod, error) {
	list, err := r.kube.CoreV1().Pods(r.runNamespaceOf(wfe)).List(ctx, childrenOf(wfe))
	if err != nil {
		return nil, fmt.Errorf("failed to list the pods of the run: %w", err)
	}
	var alive []*corev1.Pod
	for i := range list.Items {
		if pod := &list.Items[i]; !resources.PodHasEnded(pod) {
			alive = append(alive, pod)
		}
	}
	return alive, nil
}

// liveRun is the run of the execution at the API server, nil if it is gone.
func (r *Reconciler) liveRun(ctx context.Context, wfe *v1alpha1.WorkflowExecution) (*tektonv1.PipelineRun, error) {
	namespace, name := r.runNamespaceOf(wfe), names.PipelineRun(wfe)
	run, err := r.tekton.TektonV1().PipelineRuns(namespace).Get(ctx, name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("failed to read PipelineRun %s/%s: %w", namespace, name, err)
	case !isOwn(wfe, run):
		return nil, nil
	}
	return run, nil
}

// cleanUp deletes pods that no TaskRun needs any more: one that waits for ever for a ConfigMap must
// not hold the target for ever. It never forces: a pod that is not known to have ended may work on.
func (r *Reconciler) cleanUp(ctx context.Context, wfe *v1alpha1.WorkflowExecution, left remains) reconciler.Event {
	wfe.Status.MarkWaitingForRelease("The run has ended; its target stays locked until these have ended too: " + left.String())
	if err := r.deletePods(ctx, left); err != nil {
		return err
	}
	if left.unwatched() {
		return r.after(unwatchedInterval)
	}
	return nil
}

// deletePods waits for runs that have not ended: what they make of their pods is theirs.
func (r *Reconciler) deletePods(ctx context.Context, left remains) error {
	if left.runs() {
		return nil
	}
	for _, pod := range left.pods {
		if pod.DeletionTimestamp != nil {
			continue
		}
		err := r.kube.CoreV1().Pods(pod.Namespace).Delete(ctx, pod.Name, metav1.DeleteOptions{
			Preconditions: &metav1.Preconditions{UID: &pod.UID},
		})
		if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
			return fmt.Errorf("failed to delete pod %s/%s of the ended run: %w", pod.Namespace, pod.Name, err)
		}
	}
	return nil
}

// childrenOf selects by the mark that Tekton itself puts on what it makes. Ours is copied from the run,
// and so is missing where somebody had removed it there.
func childrenOf(wfe *v1alpha1.WorkflowExecution) metav1.ListOptions {
	selector := resources.SelectChildren(wfe.UID)
	if ref := wfe.Status.PipelineRunRef; ref != nil && ref.UID != "" {
		selector = resources.SelectChildrenOfRun(ref.UID)
	}
	return metav1.ListOptions{LabelSelector: selector}
}
