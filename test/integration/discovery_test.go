// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"errors"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
)

// An aggregated API that is down makes discovery partial for the whole cluster. The test is not parallel: the others
// would wait for it as well.
func TestAggregatedAPIIsDown(t *testing.T) {
	const group = "gizmos.example.com"
	client, err := dynamic.NewForConfig(world.Cluster.Config())
	must(t, err)
	services := client.Resource(schema.GroupVersionResource{Group: "apiregistration.k8s.io", Version: "v1", Resource: "apiservices"})
	_, err = services.Create(t.Context(), &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService", "metadata": map[string]any{"name": "v1.down.example.com"},
		"spec": map[string]any{
			"group": "down.example.com", "version": "v1", "groupPriorityMinimum": int64(1000), "versionPriority": int64(15),
			"insecureSkipTLSVerify": true, "service": map[string]any{"namespace": "default", "name": "nowhere"},
		},
	}}, metav1.CreateOptions{})
	must(t, err)
	goesUp := func(ctx context.Context) error {
		return services.Delete(ctx, "v1.down.example.com", metav1.DeleteOptions{})
	}
	t.Cleanup(func() { _ = goesUp(context.Background()) })
	eventually(t, "discovery is partial", func(context.Context) error {
		_, _, err := world.Kube.Discovery().ServerGroupsAndResources()
		if !discovery.IsGroupDiscoveryFailedError(err) {
			return errors.New("discovery is complete")
		}
		return nil
	})
	crd := definition(t, group)
	crd.SetName("gizmos." + group)
	must(t, unstructured.SetNestedStringMap(crd.Object, map[string]string{
		"plural": "gizmos", "singular": "gizmo", "kind": "Gizmo", "listKind": "GizmoList",
	}, "spec", "names"))
	_, err = client.Resource(definitions).Create(t.Context(), crd, metav1.CreateOptions{})
	must(t, err)
	eventually(t, "the kind is served", func(context.Context) error {
		_, err := world.Kube.Discovery().ServerResourcesForGroupVersion(group + "/v1alpha1")
		return err
	})

	image, _ := workflow{}.push(t, bundle(t))
	namespace := newNamespace(t)
	builtIn := submit(t, newExecution(namespace, "built-in", image))
	written := submit(t, newExecution(namespace, "written", image, withTarget(namespace+"/gizmo."+group+"/written")))
	open := submit(t, newExecution(namespace, "open", image, withTarget(namespace+"/gizmo/open")))
	awaitPhase(t, builtIn, v1alpha1.PhaseCompleted)
	awaitPhase(t, written, v1alpha1.PhaseCompleted)
	undecided := awaitExecution(t, open, "a word that the target is undecided", func(wfe *v1alpha1.WorkflowExecution) bool {
		return wfe.Status.IsTerminal() || wfe.Status.GetCondition(v1alpha1.ConditionLockAcquired).GetReason() == v1alpha1.ReasonTargetUndecided
	})
	if message := undecided.Status.GetCondition(v1alpha1.ConditionLockAcquired).GetMessage(); !strings.Contains(message, "down.example.com") {
		t.Fatalf("The message does not name the group: %q; %s", message, describe(undecided))
	}
	must(t, goesUp(t.Context()))
	awaitPhase(t, open, v1alpha1.PhaseCompleted)
}
