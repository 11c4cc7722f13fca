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
	"k8s.io/apimachinery/pkg/runtime/schema"

	"kubernaut.ai/workflowexecution/pkg/apierror"
	"kubernaut.ai/workflowexecution/pkg/reconciler/pipelinerun/resources"
)

// TaskRuns lists those of the run, whether they have ended or not.
func (r *Runs) TaskRuns(ctx context.Context, ref Ref) ([]tektonv1.TaskRun, error) {
	return r.listTaskRuns(ctx, ref.Namespace, ref.children())
}

func (r *Runs) listTaskRuns(ctx context.Context, namespace string, which metav1.ListOptions) ([]tektonv1.TaskRun, error) {
	list, err := r.tekton.TektonV1().TaskRuns(namespace).List(ctx, which)
	if err != nil {
		return nil, fmt.Errorf("failed to list the TaskRuns of the run: %w", err)
	}
	return list.Items, nil
}

func (r *Runs) customRuns(ctx context.Context, ref Ref) ([]tektonv1beta1.CustomRun, error) {
	return r.listCustomRuns(ctx, ref.Namespace, ref.children())
}

func (r *Runs) listCustomRuns(ctx context.Context, namespace string, which metav1.ListOptions) ([]tektonv1beta1.CustomRun, error) {
	list, err := r.tekton.TektonV1beta1().CustomRuns(namespace).List(ctx, which)
	if apierror.IsNotServed(err) && r.hasNoCustomRuns() {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("failed to list the CustomRuns of the run: %w", err)
	}
	return list.Items, nil
}

// hasNoCustomRuns tells whether this cluster can have none, because its Tekton is installed without them. A list that is
// not found alone does not tell: Tekton may be about to be installed anew, or serve them in another version.
func (r *Runs) hasNoCustomRuns() bool {
	var served []string
	for _, version := range []schema.GroupVersion{tektonv1.SchemeGroupVersion, tektonv1beta1.SchemeGroupVersion} {
		list, err := r.tekton.Discovery().ServerResourcesForGroupVersion(version.String())
		if err != nil && !apierror.IsNotServed(err) {
			return false
		}
		if list != nil {
			for i := range list.APIResources {
				served = append(served, list.APIResources[i].Name)
			}
		}
	}
	return slices.Contains(served, "pipelineruns") && !slices.Contains(served, "customruns")
}

func runningCustomRuns(all []tektonv1beta1.CustomRun) []*tektonv1beta1.CustomRun {
	var running []*tektonv1beta1.CustomRun
	for i := range all {
		if !all[i].IsDone() {
			running = append(running, &all[i])
		}
	}
	return running
}

// runningTaskRuns are those that may make pods, or have some of these.
func (r *Runs) runningTaskRuns(all []tektonv1.TaskRun, alive []*corev1.Pod) []*tektonv1.TaskRun {
	var running []*tektonv1.TaskRun
	for i := range all {
		if taskRun := &all[i]; !taskRun.IsDone() && !r.isKeptOnly(taskRun, alive) {
			running = append(running, taskRun)
		}
	}
	return running
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
