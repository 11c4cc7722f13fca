// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package workflowexecution

import (
	"context"
	"slices"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/reconciler"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution"
	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/pkg/client/clientset/versioned"
	typedv1alpha1 "kubernaut.ai/workflowexecution/pkg/client/clientset/versioned/typed/workflowexecution/v1alpha1"
	executionlisters "kubernaut.ai/workflowexecution/pkg/client/listers/workflowexecution/v1alpha1"
)

// withoutOutdated does not reconcile the two kinds of copies that the cache may still have when this
// replica itself has written what follows them: one from before the first status, and one whose
// finalizer is removed. Nothing can come of them but a complaint of the generated reconciler in the log.
// The successor is on its way to the cache, and brings the next reconcile.
type withoutOutdated struct {
	controller.Reconciler
	reconciler.LeaderAware

	lister executionlisters.WorkflowExecutionLister

	mu sync.Mutex
	// replaced has the resourceVersion of the last such copy of an execution, by its key.
	replaced map[string]string
}

// guardOutdated puts the guard before a generated reconciler, whose client has to be a noting one.
func guardOutdated(generated controller.Reconciler, lister executionlisters.WorkflowExecutionLister) *withoutOutdated {
	guard := &withoutOutdated{Reconciler: generated, lister: lister, replaced: map[string]string{}}
	guard.LeaderAware, _ = generated.(reconciler.LeaderAware)
	return guard
}

// Reconcile implements controller.Reconciler.
func (g *withoutOutdated) Reconcile(ctx context.Context, key string) error {
	namespace, name, err := cache.SplitMetaNamespaceKey(key)
	if err != nil {
		return g.Reconciler.Reconcile(ctx, key)
	}
	known, err := g.lister.WorkflowExecutions(namespace).Get(name)
	if err != nil {
		g.note(key, "")
		return g.Reconciler.Reconcile(ctx, key)
	}
	if g.isReplaced(key, known.ResourceVersion) {
		return controller.NewSkipKey(key)
	}
	written := &writes{}
	err = g.Reconciler.Reconcile(context.WithValue(ctx, writesKey{}, written), key)
	if written.outdate(known) {
		g.note(key, known.ResourceVersion)
	} else {
		g.note(key, "")
	}
	return err
}

func (g *withoutOutdated) isReplaced(key, version string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.replaced[key] == version
}

func (g *withoutOutdated) note(key, version string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if version == "" {
		delete(g.replaced, key)
	} else {
		g.replaced[key] = version
	}
}

// writes of one reconcile, which finds them in its context.
type writes struct {
	last *v1alpha1.WorkflowExecution
}

type writesKey struct{}

// outdate tells whether nothing can come of the copy any more that the reconcile rested on.
func (w *writes) outdate(known *v1alpha1.WorkflowExecution) bool {
	switch {
	case w.last == nil:
		return false
	case known.DeletionTimestamp == nil:
		return known.Status.ObservedGeneration == 0 && w.last.Status.ObservedGeneration != 0
	default:
		return isKept(known) && !isKept(w.last)
	}
}

func isKept(wfe *v1alpha1.WorkflowExecution) bool {
	return slices.Contains(wfe.Finalizers, workflowexecution.FinalizerName)
}

func note(ctx context.Context, written *v1alpha1.WorkflowExecution, err error) {
	if w, ok := ctx.Value(writesKey{}).(*writes); ok && err == nil {
		w.last = written
	}
}

// noting are the clients of a reconciler: what the API server answers to its writes is noted.
type (
	noting      struct{ versioned.Interface }
	notingGroup struct {
		typedv1alpha1.KubernautV1alpha1Interface
	}
	notingExecutions struct {
		typedv1alpha1.WorkflowExecutionInterface
	}
)

// KubernautV1alpha1 implements versioned.Interface.
func (c noting) KubernautV1alpha1() typedv1alpha1.KubernautV1alpha1Interface {
	return notingGroup{c.Interface.KubernautV1alpha1()}
}

// WorkflowExecutions implements typedv1alpha1.KubernautV1alpha1Interface.
func (c notingGroup) WorkflowExecutions(namespace string) typedv1alpha1.WorkflowExecutionInterface {
	return notingExecutions{c.KubernautV1alpha1Interface.WorkflowExecutions(namespace)}
}

// UpdateStatus implements typedv1alpha1.WorkflowExecutionInterface.
func (c notingExecutions) UpdateStatus(
	ctx context.Context, wfe *v1alpha1.WorkflowExecution, options metav1.UpdateOptions,
) (*v1alpha1.WorkflowExecution, error) {
	written, err := c.WorkflowExecutionInterface.UpdateStatus(ctx, wfe, options)
	note(ctx, written, err)
	return written, err
}

// Patch implements typedv1alpha1.WorkflowExecutionInterface.
func (c notingExecutions) Patch(
	ctx context.Context, name string, patch types.PatchType, data []byte, options metav1.PatchOptions, subresources ...string,
) (*v1alpha1.WorkflowExecution, error) {
	written, err := c.WorkflowExecutionInterface.Patch(ctx, name, patch, data, options, subresources...)
	note(ctx, written, err)
	return written, err
}
