// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package pipelinerun

import (
	"context"
	"fmt"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution"
	"kubernaut.ai/workflowexecution/pkg/reconciler/pipelinerun/resources"
	"kubernaut.ai/workflowexecution/pkg/targetlock"
)

// Working finds an execution other than the given one that works on a target whatever the Lease says:
// somebody may have deleted or edited that. The index says where to look, the API server what is so.
func (r *Runs) Running(ctx context.Context, index *Index, targetHash string, except types.UID) (*targetlock.Conflict, error) {
	running, err := r.runThat(ctx, index, targetHash, except, func(run *tektonv1.PipelineRun) bool { return !run.IsPending() })
	if running != nil || err != nil {
		return running, err
	}
	return r.runningPod(ctx, index, targetHash, except)
}

// Unfinished finds one whose run is pending as well: a replica that believes in a Lease which is no
// more may be about to start it.
func (r *Runs) Unfinished(ctx context.Context, index *Index, targetHash string, except types.UID) (*targetlock.Conflict, error) {
	running, err := r.Running(ctx, index, targetHash, except)
	if running != nil || err != nil {
		return running, err
	}
	return r.runThat(ctx, index, targetHash, except, (*tektonv1.PipelineRun).IsPending)
}

// runThat finds a run on the target that has not ended, and of which the given holds as well.
func (r *Runs) runThat(
	ctx context.Context, index *Index, targetHash string, except types.UID, holds func(*tektonv1.PipelineRun) bool,
) (*targetlock.Conflict, error) {
	found, err := index.Runs(targetHash)
	if err != nil {
		return nil, err
	}
	for _, run := range found {
		if run.IsDone() || isOf(run, except) {
			continue
		}
		live, err := r.again(ctx, run)
		if err != nil {
			return nil, err
		}
		if live != nil && !live.IsDone() && holds(live) {
			return conflictOf(live, since(live)), nil
		}
	}
	return nil, nil
}

// runningPod finds a pod that outlives its run.
func (r *Runs) runningPod(ctx context.Context, index *Index, targetHash string, except types.UID) (*targetlock.Conflict, error) {
	pods, err := index.Pods(targetHash)
	if err != nil {
		return nil, err
	}
	for _, pod := range pods {
		if resources.PodHasEnded(pod) || isOf(pod, except) {
			continue
		}
		live, err := r.kube.CoreV1().Pods(pod.Namespace).Get(ctx, pod.Name, metav1.GetOptions{})
		if err != nil && !apierrors.IsNotFound(err) {
			return nil, fmt.Errorf("failed to read pod %s/%s, which may work on the target: %w", pod.Namespace, pod.Name, err)
		}
		if err == nil && live.UID == pod.UID && !resources.PodHasEnded(live) {
			return conflictOf(live, live.CreationTimestamp), nil
		}
	}
	return nil, nil
}

func isOf(object metav1.Object, execution types.UID) bool {
	return object.GetLabels()[workflowexecution.ExecutionUIDLabel] == string(execution)
}

func since(run *tektonv1.PipelineRun) metav1.Time {
	if run.Status.StartTime != nil {
		return *run.Status.StartTime
	}
	return run.CreationTimestamp
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

func conflictOf(object metav1.Object, since metav1.Time) *targetlock.Conflict {
	holder := HolderOf(object)
	return &targetlock.Conflict{
		Holder:       holder,
		Identity:     holder.String(),
		Target:       object.GetAnnotations()[workflowexecution.TargetAnnotation],
		WorkflowID:   object.GetAnnotations()[workflowexecution.WorkflowIDAnnotation],
		RunNamespace: object.GetNamespace(),
		Since:        since.Time,
	}
}
