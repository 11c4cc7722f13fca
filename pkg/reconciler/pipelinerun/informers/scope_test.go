// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package informers

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"
	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	faketekton "github.com/tektoncd/pipeline/pkg/client/injection/client/fake"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/client-go/tools/cache"
	fakekube "knative.dev/pkg/client/injection/kube/client/fake"
)

// TestInformersAskForOurObjectsOnly: foreign runs must cost no memory and need no rights, so that the
// limits have to be in the requests.
func TestInformersAskForOurObjectsOnly(t *testing.T) {
	ctx, tekton := faketekton.With(WithNamespace(t.Context(), "kubernaut-workflows"))
	ctx, kube := fakekube.With(ctx)
	ctx, runs := withPipelineRunInformer(ctx)
	ctx, pods := withPodInformer(ctx)

	start(ctx, t, runs.(cache.SharedIndexInformer), PipelineRuns(ctx).Informer())
	start(ctx, t, pods.(cache.SharedIndexInformer), Pods(ctx).Informer())

	checkRequests(t, "pipelineruns", tekton.Actions())
	checkRequests(t, "pods", kube.Actions())
}

// start waits until the informer has listed and watches.
func start(ctx context.Context, t *testing.T, registered, used cache.SharedIndexInformer) {
	t.Helper()
	if registered != used {
		t.Fatal("the informer in the context is not the one that injection starts")
	}
	go used.Run(ctx.Done())
	if !cache.WaitForCacheSync(ctx.Done(), used.HasSynced) {
		t.Fatal("the informer does not sync")
	}
}

func checkRequests(t *testing.T, resource string, actions []clienttesting.Action) {
	t.Helper()
	if len(actions) == 0 {
		t.Fatalf("nobody asked for %s", resource)
	}
	for _, action := range actions {
		var selector labels.Selector
		switch action := action.(type) {
		case clienttesting.ListAction:
			selector = action.GetListRestrictions().Labels
		case clienttesting.WatchAction:
			selector = action.GetWatchRestrictions().Labels
		default:
			t.Fatalf("unexpected %s of %s", action.GetVerb(), action.GetResource())
		}
		if action.GetResource().Resource != resource || action.GetNamespace() != "kubernaut-workflows" ||
			selector.String() != "kubernaut.ai/workflow-execution" {
			t.Errorf("%s of %s in namespace %q with selector %q", action.GetVerb(), action.GetResource(), action.GetNamespace(), selector)
		}
	}
}

func TestCachesDropManagedFields(t *testing.T) {
	managed := []metav1.ManagedFieldsEntry{{Manager: "kubectl"}}
	run := &tektonv1.PipelineRun{ObjectMeta: metav1.ObjectMeta{Namespace: "kubernaut-workflows", Name: "a", ManagedFields: managed}}
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "kubernaut-workflows", Name: "a", ManagedFields: managed}}
	for _, object := range []metav1.Object{run, pod} {
		object.SetLabels(map[string]string{"kubernaut.ai/workflow-execution": "u"})
	}
	ctx, _ := faketekton.With(WithNamespace(t.Context(), "kubernaut-workflows"), run)
	ctx, _ = fakekube.With(ctx, runtime.Object(pod))
	ctx, runs := withPipelineRunInformer(ctx)
	ctx, pods := withPodInformer(ctx)
	start(ctx, t, runs.(cache.SharedIndexInformer), PipelineRuns(ctx).Informer())
	start(ctx, t, pods.(cache.SharedIndexInformer), Pods(ctx).Informer())

	cachedRun, err := PipelineRuns(ctx).Lister().PipelineRuns("kubernaut-workflows").Get("a")
	if err != nil || cachedRun.ManagedFields != nil {
		t.Error("the cached run:", cachedRun, err)
	}
	cachedPod, err := Pods(ctx).Lister().Pods("kubernaut-workflows").Get("a")
	if err != nil || cachedPod.ManagedFields != nil {
		t.Error("the cached pod:", cachedPod, err)
	}
}

func TestDropManagedFieldsLetsOthersPass(t *testing.T) {
	// A watch that was interrupted delivers this instead of an object.
	tombstone := cache.DeletedFinalStateUnknown{Key: "a/b"}
	got, err := DropManagedFields(tombstone)
	if err != nil || !cmp.Equal(got, any(tombstone)) {
		t.Errorf("DropManagedFields() = %v, %v", got, err)
	}
}

func TestNoNamespaceIsNotEveryNamespace(t *testing.T) {
	for name, ctx := range map[string]context.Context{"none": t.Context(), "empty": WithNamespace(t.Context(), "")} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("an empty namespace means the whole cluster to the API server")
				}
			}()
			Namespace(ctx)
		})
	}
}
