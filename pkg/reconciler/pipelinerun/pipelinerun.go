// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

// Package pipelinerun knows a PipelineRun of ours and everything Tekton made for it, as the API server has
// them, and makes the writes that start and end it.
package pipelinerun

import (
	"context"
	"fmt"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	tektonclientset "github.com/tektoncd/pipeline/pkg/client/clientset/versioned"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/utils/clock"

	"kubernaut.ai/workflowexecution/pkg/apierror"
	"kubernaut.ai/workflowexecution/pkg/reconciler/pipelinerun/resources"
)

// Runs reads and writes at the API server: what starts or ends a workflow never rests on a cache. An index of caches only
// says where to look.
type Runs struct {
	tekton tektonclientset.Interface
	kube   kubernetes.Interface
	index  *Index
	clock  clock.PassiveClock
}

// New takes the clients of Tekton's objects and of pods, and the index of their caches.
func New(tekton tektonclientset.Interface, kube kubernetes.Interface, index *Index, clock clock.PassiveClock) *Runs {
	return &Runs{tekton: tekton, kube: kube, index: index, clock: clock}
}

// Ref says which PipelineRun is meant: the one of an execution.
type Ref struct {
	Namespace, Name string
	// UID of the PipelineRun, empty while it is not stored.
	UID types.UID
	// Execution is the UID of the execution.
	Execution types.UID
}

// Matches tells whether the run, which has the name, is the one that is meant. It goes by the stored
// UID, and by the marks of the creator where none is stored yet.
func (r Ref) Matches(run *tektonv1.PipelineRun) bool {
	if r.UID != "" {
		return run.UID == r.UID
	}
	return resources.BelongsTo(run, r.Execution)
}

// Get reads the run, nil if it is gone or another one has its name.
func (r *Runs) Get(ctx context.Context, ref Ref) (*tektonv1.PipelineRun, error) {
	run, err := r.tekton.TektonV1().PipelineRuns(ref.Namespace).Get(ctx, ref.Name, metav1.GetOptions{})
	switch {
	case apierror.IsGone(err):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("failed to read PipelineRun %s/%s: %w", ref.Namespace, ref.Name, err)
	case !ref.Matches(run):
		return nil, nil
	}
	return run, nil
}

// again reads a run that was read before, nil if it is gone by now.
func (r *Runs) again(ctx context.Context, run *tektonv1.PipelineRun) (*tektonv1.PipelineRun, error) {
	return r.Get(ctx, Ref{Namespace: run.Namespace, Name: run.Name, UID: run.UID})
}
