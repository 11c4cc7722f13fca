// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package pipelinerun

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/tektoncd/pipeline/pkg/apis/pipeline"
	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"
	"knative.dev/pkg/logging"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution"
	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	runinformers "kubernaut.ai/workflowexecution/pkg/reconciler/pipelinerun/informers"
)

// The names of the indices over the hash of the target, over the UID of the execution, and over the target of executions
// that are not over and whose run is not in the execution namespace.
const (
	byTarget          = "target"
	byExecution       = "execution"
	byTargetElsewhere = "target-elsewhere"
)

// Index finds our runs and their pods by what they run on. It rests on caches: what it finds has to
// be looked at again.
type Index struct {
	runs, pods, executions cache.Indexer
}

// NewIndex adds the index to caches of PipelineRuns, pods and executions, which several may share. Runs and pods are those in
// the execution namespace.
func NewIndex(runs, pods, executions cache.Indexer, runNamespace string) (*Index, error) {
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
	if _, indexed := executions.GetIndexers()[byTargetElsewhere]; !indexed {
		if err := executions.AddIndexers(cache.Indexers{byTargetElsewhere: byTargetIfNotIn(runNamespace)}); err != nil {
			return nil, err
		}
	}
	return &Index{runs: runs, pods: pods, executions: executions}, nil
}

// WatchedIndex finds what the informers of the context know. It has to be called before they are started.
func WatchedIndex(ctx context.Context, executions cache.Indexer) *Index {
	index, err := NewIndex(runinformers.PipelineRuns(ctx).Informer().GetIndexer(), runinformers.Pods(ctx).Informer().GetIndexer(), executions,
		runinformers.Namespace(ctx))
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

func byTargetIfNotIn(runNamespace string) cache.IndexFunc {
	return func(object any) ([]string, error) {
		wfe, ok := object.(*v1alpha1.WorkflowExecution)
		if !ok || wfe.Status.PipelineRunRef == nil || wfe.Status.PipelineRunRef.Namespace == runNamespace || wfe.Status.IsTerminal() {
			return nil, nil
		}
		return []string{v1alpha1.TargetHash(wfe.Status.Annotations[workflowexecution.CanonicalTargetAnnotation])}, nil
	}
}

// Targets are the hashes of all targets that a run was made for.
func (i *Index) Targets() []string {
	return append(i.runs.ListIndexFuncValues(byTarget), i.executions.ListIndexFuncValues(byTargetElsewhere)...)
}

// Elsewhere are the runs on a target that no cache has, because they are in a former execution namespace, as executions refer to them.
func (i *Index) Elsewhere(targetHash string) ([]Ref, error) {
	found, err := find[*v1alpha1.WorkflowExecution](i.executions, byTargetElsewhere, targetHash)
	refs := make([]Ref, 0, len(found))
	for _, wfe := range found {
		stored := wfe.Status.PipelineRunRef
		refs = append(refs, Ref{Namespace: stored.Namespace, Name: stored.Name, UID: stored.UID, Execution: wfe.UID})
	}
	return refs, err
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

// IsPartOf tells whether a run on a target was made by the pipeline of another, or by a task of it. Kubernetes deletes what
// names an owner that does not exist, so a copy of a run cannot pretend that. Of a run that is not cached, or whose parent
// is not, nobody knows.
func (i *Index) IsPartOf(run, whole types.UID, targetHash string) (isPart, isKnown bool) {
	found, err := i.Runs(targetHash)
	if err != nil {
		return false, false
	}
	parents := map[types.UID]*metav1.OwnerReference{}
	for _, each := range found {
		parents[each.UID] = metav1.GetControllerOf(each)
	}
	for range found {
		parent, isKnown := parents[run]
		switch {
		case !isKnown:
			return false, false
		case parent == nil || !strings.HasPrefix(parent.APIVersion, pipeline.GroupName+"/"):
			return false, true
		case parent.Kind != "PipelineRun" || parent.UID == whole:
			return true, true
		}
		run = parent.UID
	}
	return false, false
}
