// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/dynamic"
	"sigs.k8s.io/yaml"
)

var definitions = schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}

// definition is our CRD under a group that no controller looks at.
func definition(t *testing.T, group string) *unstructured.Unstructured {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(world.Root, "config", "300-workflowexecution.yaml"))
	must(t, err)
	crd := &unstructured.Unstructured{}
	must(t, yaml.Unmarshal(text, &crd.Object))
	crd.SetName("workflowexecutions." + group)
	must(t, unstructured.SetNestedField(crd.Object, group, "spec", "group"))
	for _, names := range []string{"shortNames", "categories"} {
		unstructured.RemoveNestedField(crd.Object, "spec", "names", names)
	}
	return crd
}

// withoutLimits removes the limits of all texts from a schema.
func withoutLimits(schema any) {
	switch schema := schema.(type) {
	case map[string]any:
		delete(schema, "maxLength")
		for _, inner := range schema {
			withoutLimits(inner)
		}
	case []any:
		for _, inner := range schema {
			withoutLimits(inner)
		}
	}
}

func withoutLimitsOfStatus(t *testing.T, crd *unstructured.Unstructured) {
	t.Helper()
	versions, _, err := unstructured.NestedSlice(crd.Object, "spec", "versions")
	must(t, err)
	status, _, err := unstructured.NestedFieldNoCopy(versions[0].(map[string]any), "schema", "openAPIV3Schema", "properties", "status")
	must(t, err)
	withoutLimits(status)
	must(t, unstructured.SetNestedSlice(crd.Object, versions, "spec", "versions"))
}

// What a version without limits has stored must stay usable: a label, and a status that leaves the long text alone or
// cuts it. A new text that is too long is refused.
func TestTextStoredBeforeTheLimits(t *testing.T) {
	t.Parallel()
	const group = "limits.example.com"
	client, err := dynamic.NewForConfig(world.Cluster.Config())
	must(t, err)
	now, before := definition(t, group), definition(t, group)
	withoutLimitsOfStatus(t, before)
	_, err = client.Resource(definitions).Create(t.Context(), before, metav1.CreateOptions{})
	must(t, err)

	executions := client.Resource(schema.GroupVersionResource{Group: group, Version: "v1alpha1", Resource: "workflowexecutions"}).Namespace(newNamespace(t))
	wfe := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": group + "/v1alpha1", "kind": "WorkflowExecution", "metadata": map[string]any{"name": "old"},
		"spec": map[string]any{
			"remediationRequestRef": map[string]any{"name": "rr-1"}, "targetResource": "payment/deployment/api",
			"workflowRef": map[string]any{"workflowId": "restart", "version": "1", "containerImage": "registry.example/restart:1"},
		},
	}}
	eventually(t, "the definition is served", func(ctx context.Context) error {
		_, err := executions.Create(ctx, wfe, metav1.CreateOptions{})
		return err
	})
	patch := func(body string, subresources ...string) error {
		_, err := executions.Patch(t.Context(), "old", types.MergePatchType, []byte(body), metav1.PatchOptions{}, subresources...)
		return err
	}
	long := strings.Repeat("x", 100_000)
	must(t, patch(`{"status":{"pipelineRunStatus":{"message":"`+long+`"},"conditions":[`+
		`{"type":"Succeeded","status":"Unknown","message":"`+long+`"},{"type":"LockAcquired","status":"True"}]}}`, "status"))

	stored, err := client.Resource(definitions).Get(t.Context(), now.GetName(), metav1.GetOptions{})
	must(t, err)
	now.SetResourceVersion(stored.GetResourceVersion())
	_, err = client.Resource(definitions).Update(t.Context(), now, metav1.UpdateOptions{})
	must(t, err)
	eventually(t, "the limits are in force", func(context.Context) error {
		// What is stored already is none that is new.
		another := long + time.Now().String()
		if err := patch(`{"status":{"pipelineRunStatus":{"waitingFor":"`+another+`"}}}`, "status"); !apierrors.IsInvalid(err) {
			return fmt.Errorf("a new text without limits: %v", err) //nolint:errorlint // it may be none
		}
		return nil
	})

	const cut = `{"status":{"pipelineRunStatus":{"message":"cut"},"conditions":[` +
		`{"type":"Succeeded","status":"Unknown","message":"cut"},{"type":"LockAcquired","status":"True"}]}}`
	must(t, patch(`{"metadata":{"labels":{"team":"a"}}}`))
	must(t, patch(`{"status":{"phase":"Running"}}`, "status"))
	must(t, patch(cut, "status"))
	for _, field := range []string{`"pipelineRunStatus":{"message":"` + long + `"}`, `"conditions":[{"type":"Succeeded","status":"Unknown","message":"` + long + `"}]`} {
		if err := patch(`{"status":{`+field+`}}`, "status"); !apierrors.IsInvalid(err) {
			t.Errorf("A text of 100,000 characters is taken in %.20s: %v", field, err)
		}
	}
}

func eventually(t *testing.T, what string, try func(context.Context) error) {
	t.Helper()
	var last error
	if err := wait.PollUntilContextTimeout(t.Context(), 100*time.Millisecond, 2*time.Minute, true, func(ctx context.Context) (bool, error) {
		last = try(ctx)
		return last == nil, nil
	}); err != nil {
		t.Fatalf("%s: %v, %v", what, err, last)
	}
}
