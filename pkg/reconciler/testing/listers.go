// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package testing

import (
	"sync"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	tektonscheme "github.com/tektoncd/pipeline/pkg/client/clientset/versioned/scheme"
	tektonlisters "github.com/tektoncd/pipeline/pkg/client/listers/pipeline/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	coordinationlisters "k8s.io/client-go/listers/coordination/v1"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"
	rtesting "knative.dev/pkg/reconciler/testing"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	executionscheme "kubernaut.ai/workflowexecution/pkg/client/clientset/versioned/scheme"
	executionlisters "kubernaut.ai/workflowexecution/pkg/client/listers/workflowexecution/v1alpha1"
)

// Listers sorts one list of objects into listers and into the objects of the clients.
type Listers struct {
	sorter rtesting.ObjectSorter
}

// scheme of all kinds that a row may have. To make it takes longer than a row.
var scheme = sync.OnceValue(func() *runtime.Scheme {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		corev1.AddToScheme, coordinationv1.AddToScheme, tektonscheme.AddToScheme, executionscheme.AddToScheme,
	} {
		utilruntime.Must(add(scheme))
	}
	return scheme
})

// NewListers knows the objects.
func NewListers(objects []runtime.Object) Listers {
	listers := Listers{sorter: rtesting.NewObjectSorter(scheme())}
	listers.sorter.AddObjects(objects...)
	return listers
}

// Executions lists WorkflowExecutions.
func (l *Listers) Executions() executionlisters.WorkflowExecutionLister {
	return executionlisters.NewWorkflowExecutionLister(l.sorter.IndexerForObjectType(&v1alpha1.WorkflowExecution{}))
}

// Runs lists PipelineRuns.
func (l *Listers) Runs() tektonlisters.PipelineRunLister {
	return tektonlisters.NewPipelineRunLister(l.sorter.IndexerForObjectType(&tektonv1.PipelineRun{}))
}

// Pods lists pods.
func (l *Listers) Pods() corelisters.PodLister {
	return corelisters.NewPodLister(l.sorter.IndexerForObjectType(&corev1.Pod{}))
}

// Indexers of runs, pods and executions, and the execution namespace.
func (l *Listers) Indexers() (runs, pods, executions cache.Indexer, runNamespace string) {
	return l.sorter.IndexerForObjectType(&tektonv1.PipelineRun{}), l.sorter.IndexerForObjectType(&corev1.Pod{}),
		l.sorter.IndexerForObjectType(&v1alpha1.WorkflowExecution{}), RunNamespace
}

// Leases lists Leases.
func (l *Listers) Leases() coordinationlisters.LeaseLister {
	return coordinationlisters.NewLeaseLister(l.sorter.IndexerForObjectType(&coordinationv1.Lease{}))
}

func (l *Listers) kubeObjects() []runtime.Object {
	return l.sorter.ObjectsForSchemeFunc(corev1.AddToScheme, coordinationv1.AddToScheme)
}

func (l *Listers) tektonObjects() []runtime.Object {
	return l.sorter.ObjectsForSchemeFunc(tektonscheme.AddToScheme)
}

func (l *Listers) executionObjects() []runtime.Object {
	return l.sorter.ObjectsForSchemeFunc(executionscheme.AddToScheme)
}
