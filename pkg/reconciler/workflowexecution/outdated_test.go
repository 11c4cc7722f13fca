// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package workflowexecution

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/reconciler"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution"
	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/pkg/client/clientset/versioned/fake"
	executionlisters "kubernaut.ai/workflowexecution/pkg/client/listers/workflowexecution/v1alpha1"
)

// version is the execution as the cache has it at some time.
func version(resourceVersion string, observed int64, changes ...func(*v1alpha1.WorkflowExecution)) *v1alpha1.WorkflowExecution {
	wfe := &v1alpha1.WorkflowExecution{ObjectMeta: metav1.ObjectMeta{
		Namespace: "payments", Name: "fix", ResourceVersion: resourceVersion, Finalizers: []string{workflowexecution.FinalizerName},
	}}
	wfe.Status.ObservedGeneration = observed
	for _, change := range changes {
		change(wfe)
	}
	return wfe
}

func deleted(wfe *v1alpha1.WorkflowExecution) { wfe.DeletionTimestamp = &metav1.Time{} }

// counting is a reconciler that writes an execution with each reconcile, if told to.
type counting struct {
	reconciler.LeaderAwareFuncs

	client     noting
	write      func(context.Context, noting) error
	err        error
	reconciled int
}

func (c *counting) Reconcile(ctx context.Context, _ string) error {
	c.reconciled++
	if c.write != nil {
		if err := c.write(ctx, c.client); err != nil {
			return err
		}
	}
	return c.err
}

func writeStatus(ctx context.Context, client noting) error {
	wfe := version("", 1)
	_, err := client.KubernautV1alpha1().WorkflowExecutions(wfe.Namespace).UpdateStatus(ctx, wfe, metav1.UpdateOptions{})
	return err
}

func removeFinalizer(ctx context.Context, client noting) error {
	_, err := client.KubernautV1alpha1().WorkflowExecutions("payments").Patch(ctx, "fix", types.MergePatchType,
		[]byte(`{"metadata":{"finalizers":null}}`), metav1.PatchOptions{})
	return err
}

func guarded(t *testing.T, inner *counting, stored *v1alpha1.WorkflowExecution) (controller.Reconciler, cache.Indexer) {
	t.Helper()
	inner.client = noting{fake.NewSimpleClientset(stored.DeepCopy())}
	known := cache.NewIndexer(cache.MetaNamespaceKeyFunc, cache.Indexers{cache.NamespaceIndex: cache.MetaNamespaceIndexFunc})
	return guardOutdated(inner, executionlisters.NewWorkflowExecutionLister(known)), known
}

func TestOutdatedCopyIsNotReconciled(t *testing.T) {
	for name, tc := range map[string]struct {
		known, next *v1alpha1.WorkflowExecution
		write       func(context.Context, noting) error
		err         error
		again       bool // the same copy is reconciled once more
	}{
		"before the first status":         {known: version("1", 0), next: version("2", 1), write: writeStatus},
		"the same, and time has to pass":  {known: version("1", 0), next: version("2", 1), write: writeStatus, err: controller.NewRequeueAfter(1)},
		"the same, with an error":         {known: version("1", 0), next: version("2", 1), write: writeStatus, err: errors.New("no")},
		"its finalizer is removed":        {known: version("1", 1, deleted), write: removeFinalizer},
		"nothing was written":             {known: version("1", 0), next: version("2", 1), again: true},
		"the write failed":                {known: version("1", 0), next: version("2", 1), again: true, write: func(context.Context, noting) error { return errors.New("no") }},
		"a later status":                  {known: version("1", 1), next: version("2", 1), write: writeStatus, again: true},
		"the status of a deleted one":     {known: version("1", 0, deleted), next: version("2", 1, deleted), write: writeStatus, again: true},
		"a finalizer of one that is kept": {known: version("1", 1), next: version("2", 1), write: removeFinalizer, again: true},
	} {
		t.Run(name, func(t *testing.T) {
			inner := &counting{write: tc.write, err: tc.err}
			guard, known := guarded(t, inner, tc.known)
			store(t, known, tc.known)
			_ = guard.Reconcile(t.Context(), key)
			err := guard.Reconcile(t.Context(), key)
			if want := map[bool]int{false: 1, true: 2}[tc.again]; inner.reconciled != want || controller.IsSkipKey(err) == tc.again {
				t.Errorf("%d reconciles of one copy, want %d; the last: %v", inner.reconciled, want, err)
			}
			before := inner.reconciled
			if tc.next != nil {
				store(t, known, tc.next)
			} else if err := known.Delete(tc.known); err != nil {
				t.Fatal(err)
			}
			_ = guard.Reconcile(t.Context(), key)
			if inner.reconciled != before+1 {
				t.Error("what followed is not reconciled")
			}
			if diff := cmp.Diff(map[string]string{}, guard.(*withoutOutdated).replaced); diff != "" {
				t.Error("it remembers what is over:", diff)
			}
		})
	}
}

func store(t *testing.T, known cache.Indexer, wfe *v1alpha1.WorkflowExecution) {
	t.Helper()
	if err := known.Add(wfe); err != nil {
		t.Fatal(err)
	}
}

// Knative asks the reconciler itself whether it leads.
func TestGuardedReconcilerKnowsLeadership(t *testing.T) {
	_, impl := newController(t)
	leader, ok := impl.Reconciler.(reconciler.LeaderAware)
	if !ok {
		t.Fatal("The controller would not take part in leader election")
	}
	if err := leader.Promote(reconciler.UniversalBucket(), nil); err != nil {
		t.Error("Promote() =", err)
	}
}
