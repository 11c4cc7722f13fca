// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package pipelinerun

import (
	"cmp"
	"context"
	"slices"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"
	"knative.dev/pkg/logging"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution"
	runinformers "kubernaut.ai/workflowexecution/pkg/reconciler/pipelinerun/informers"
)

// byTarget and byExecution are the names of the indices over the hash of the target and the UID of the execution.
const (
	byTarget    = "target"
	byExecution = "execution"
)

// Index finds our runs and their pods by what they run on. It rests on caches: what it finds has to
// be looked at again.
type Index struct {
	runs, pods cache.Indexer
}

// NewIndex adds the index to caches of PipelineRuns and pods, which several may share.
func NewIndex(runs, pods cache.Indexer) (*Index, error) {
	for _, indexer := range []cache.Indexer{runs, pods} {
		if _, indexed := indexer.GetIndexers()[byTarget]; indexed {
			continue
		}
		if err := indexer.AddIndexers(cache.Indexers{
			byTarget: byLabel(workflowexecution.TargetHashLabel), byExecution: byLabel(workflowexecution.ExecutionUIDLabel),
		}); err != nil {
			return nil, err
		}
	}
	return &Index{runs: runs, pods: pods}, nil
}

// WatchedIndex finds what the informers of the context know. It has to be called before they are started.
func WatchedIndex(ctx context.Context) *Index {
	index, err := NewIndex(runinformers.PipelineRuns(ctx).Informer().GetIndexer(), runinformers.Pods(ctx).Informer().GetIndexer())
	if err != nil {
		logging.FromContext(ctx).Fatalw("Failed to index the runs by their targets", "error", err)
	}
	return index
}

func byLabel(label string) cache.IndexFunc {
	return func(object any) ([]string, error) {
		labelled, ok := object.(metav1.Object)
		if !ok || labelled.GetLabels()[label] == "" {
			return nil, nil
		}
		return []string{labelled.GetLabels()[label]}, nil
	}
}

// Targets are the hashes of all targets that a run was made for.
func (i *Index) Targets() []string {
	return i.runs.ListIndexFuncValues(byTarget)
}

// Runs on a target, by its hash.
func (i *Index) Runs(targetHash string) ([]*tektonv1.PipelineRun, error) {
	return find[*tektonv1.PipelineRun](i.runs, byTarget, targetHash)
}

// Pods on a target, by its hash.
func (i *Index) Pods(targetHash string) ([]*corev1.Pod, error) {
	return find[*corev1.Pod](i.pods, byTarget, targetHash)
}

// PodsOf an execution, by its UID.
func (i *Index) PodsOf(execution types.UID) ([]*corev1.Pod, error) {
	return find[*corev1.Pod](i.pods, byExecution, string(execution))
}

func find[T metav1.Object](indexer cache.Indexer, by, value string) ([]T, error) {
	objects, err := indexer.ByIndex(by, value)
	if err != nil {
		return nil, err
	}
	found := make([]T, 0, len(objects))
	for _, object := range objects {
		if typed, ok := object.(T); ok {
			found = append(found, typed)
		}
	}
	// A cache has no order. Texts that name what was found must not change from one look to the next.
	slices.SortFunc(found, func(a, b T) int {
		return cmp.Or(cmp.Compare(a.GetNamespace(), b.GetNamespace()), cmp.Compare(a.GetName(), b.GetName()))
	})
	return found, nil
}
