// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package pipelinerun

import (
	"context"
	"fmt"
	"io"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	tektonv1beta1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"

	"kubernaut.ai/workflowexecution/pkg/reconciler/pipelinerun/resources"
)

// maxLogBytes of a log are held while it is read, the last ones.
const maxLogBytes = 64 << 10

// Sources reads what is left of a run, as the API server has it.
type Sources struct {
	runs        *Runs
	ref         Ref
	index       *Index
	deletedPods *DeletedPods
}

// SourcesOf a run, and of its pods that have gone, as far as they are cached or remembered.
func (r *Runs) SourcesOf(ref Ref, index *Index, deletedPods *DeletedPods) *Sources {
	return &Sources{runs: r, ref: ref, index: index, deletedPods: deletedPods}
}

// TaskRuns of the run.
func (s *Sources) TaskRuns(ctx context.Context) ([]tektonv1.TaskRun, error) {
	return s.runs.TaskRuns(ctx, s.ref)
}

// CustomRuns of the run.
func (s *Sources) CustomRuns(ctx context.Context) ([]tektonv1beta1.CustomRun, error) {
	return s.runs.customRuns(ctx, s.ref)
}

// Pods of the run that exist, those that are remembered, and those that are gone while the cache has not heard of it:
// that has them as they were some time before their end.
func (s *Sources) Pods(ctx context.Context) ([]corev1.Pod, sets.Set[types.UID], error) {
	// The cache comes first: a pod that goes after this look is remembered by the time of the next ones.
	cached, err := s.index.PodsOf(s.ref.Execution)
	if err != nil {
		return nil, nil, err
	}
	pods, err := s.runs.pods(ctx, s.ref)
	if err != nil {
		return nil, nil, err
	}
	known, outdated := sets.New[types.UID](), sets.New[types.UID]()
	for i := range pods {
		known.Insert(pods[i].UID)
	}
	add := func(pod *corev1.Pod, isOutdated bool) {
		if known.Has(pod.UID) {
			return
		}
		known.Insert(pod.UID)
		pods = append(pods, *pod)
		if isOutdated {
			outdated.Insert(pod.UID)
		}
	}
	for _, gone := range s.deletedPods.podsOf(s.ref.UID) {
		add(gone.Pod, gone.isOutdated)
	}
	for _, pod := range cached {
		if resources.RunUIDOf(pod) == s.ref.UID {
			add(pod, true)
		}
	}
	return pods, outdated, nil
}

// Log is the end of what a container has written, at most maxLogBytes.
func (s *Sources) Log(ctx context.Context, namespace, pod, container string, lines int) (string, error) {
	stream, err := s.runs.kube.CoreV1().Pods(namespace).GetLogs(pod, &corev1.PodLogOptions{
		Container: container, TailLines: new(int64(lines)),
	}).Stream(ctx)
	if err != nil {
		return "", fmt.Errorf("failed to read the log of pod %s/%s: %w", namespace, pod, err)
	}
	defer stream.Close()
	var end lastBytes
	_, err = io.Copy(&end, stream)
	return string(end), err
}

// lastBytes keeps the end of what is written to it.
type lastBytes []byte

func (b *lastBytes) Write(p []byte) (int, error) {
	*b = append(*b, p...)
	if over := len(*b) - maxLogBytes; over > 0 {
		*b = append((*b)[:0], (*b)[over:]...)
	}
	return len(p), nil
}
