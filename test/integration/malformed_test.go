// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
)

// Bad input is refused by the cluster itself, without our webhook, with a message that names the
// field and the rule.
func TestMalformedExecutionsAreRefused(t *testing.T) {
	t.Parallel()
	client, err := dynamic.NewForConfig(world.Cluster.Config())
	must(t, err)
	namespace := newNamespace(t)
	resource := client.Resource(v1alpha1.SchemeGroupVersion.WithResource("workflowexecutions")).Namespace(namespace)

	valid := map[string]any{
		"remediationRequestRef": map[string]any{"name": "request"},
		"workflowRef":           map[string]any{"workflowId": "repair", "version": "v1", "containerImage": "example.com/a:v1"},
		"targetResource":        "default/deployment/api",
	}
	ref := func(key string, value any) map[string]any {
		workflowRef := maps.Clone(valid["workflowRef"].(map[string]any))
		workflowRef[key] = value
		return map[string]any{"workflowRef": workflowRef}
	}
	parameters := func(values map[string]any) map[string]any { return map[string]any{"parameters": values} }
	tooMany := map[string]any{}
	for key, value := range numbered(257) {
		tooMany[key] = value
	}

	for name, row := range map[string]struct {
		name   string
		change map[string]any
		field  string
		rule   string
	}{
		"no spec":                  {change: nil, field: "spec", rule: "Required"},
		"no workflow":              {change: map[string]any{"workflowRef": nil}, field: "spec.workflowRef", rule: "Required"},
		"no workflow id":           {change: ref("workflowId", nil), field: "spec.workflowRef.workflowId", rule: "Required"},
		"empty workflow id":        {change: ref("workflowId", ""), field: "spec.workflowRef.workflowId", rule: "at least 1 chars long"},
		"blank in workflow id":     {change: ref("workflowId", "a b"), field: "spec.workflowRef.workflowId", rule: "should match"},
		"empty version":            {change: ref("version", ""), field: "spec.workflowRef.version", rule: "at least 1 chars long"},
		"no image":                 {change: ref("containerImage", nil), field: "spec.workflowRef.containerImage", rule: "Required"},
		"blank in image":           {change: ref("containerImage", "example.com/a b"), field: "spec.workflowRef.containerImage", rule: "should match"},
		"short digest":             {change: ref("containerDigest", "sha256:abc"), field: "spec.workflowRef.containerDigest", rule: "should match"},
		"digest of another kind":   {change: ref("containerDigest", "md5:"+strings.Repeat("a", 64)), field: "spec.workflowRef.containerDigest", rule: "should match"},
		"no request":               {change: map[string]any{"remediationRequestRef": nil}, field: "spec.remediationRequestRef", rule: "Required"},
		"request without name":     {change: map[string]any{"remediationRequestRef": map[string]any{"kind": "x"}}, field: "spec.remediationRequestRef", rule: "name is required"},
		"no target":                {change: map[string]any{"targetResource": nil}, field: "spec.targetResource", rule: "Required"},
		"target of one part":       {change: map[string]any{"targetResource": "api-server"}, field: "spec.targetResource", rule: "should match"},
		"target of four parts":     {change: map[string]any{"targetResource": "a/b/c/d"}, field: "spec.targetResource", rule: "should match"},
		"target without name":      {change: map[string]any{"targetResource": "default/deployment/"}, field: "spec.targetResource", rule: "should match"},
		"target in capitals":       {change: map[string]any{"targetResource": "DEFAULT/deployment/api"}, field: "spec.targetResource", rule: "should match"},
		"lower-case parameter":     {change: parameters(map[string]any{"replicas": "3"}), field: "spec.parameters", rule: "UPPER_SNAKE_CASE"},
		"number as parameter":      {change: parameters(map[string]any{"REPLICAS": int64(3)}), field: "spec.parameters.REPLICAS", rule: "must be of type string"},
		"too many parameters":      {change: parameters(tooMany), field: "spec.parameters", rule: "at most 256 items"},
		"too many bytes":           {change: parameters(map[string]any{"A": strings.Repeat("x", v1alpha1.MaxParameterBytes)}), field: "spec.parameters", rule: "at most 256 KiB"},
		"other target as well":     {change: parameters(map[string]any{"TARGET_RESOURCE": "default/deployment/other"}), field: "spec.parameters", rule: "same value as spec.targetResource"},
		"confidence above one":     {change: map[string]any{"confidence": 1.5}, field: "spec.confidence", rule: "less than or equal to 1"},
		"confidence below zero":    {change: map[string]any{"confidence": -0.1}, field: "spec.confidence", rule: "greater than or equal to 0"},
		"confidence as a word":     {change: map[string]any{"confidence": "high"}, field: "spec.confidence", rule: "must be of type number"},
		"timeout without unit":     {change: map[string]any{"executionConfig": map[string]any{"timeout": "30"}}, field: "spec.executionConfig.timeout", rule: "should match"},
		"negative timeout":         {change: map[string]any{"executionConfig": map[string]any{"timeout": "-1m"}}, field: "spec.executionConfig.timeout", rule: "should match"},
		"no time at all":           {change: map[string]any{"executionConfig": map[string]any{"timeout": "0s"}}, field: "spec.executionConfig.timeout", rule: "at least 1s"},
		"impossible account":       {change: map[string]any{"executionConfig": map[string]any{"serviceAccountName": "A_B"}}, field: "spec.executionConfig.serviceAccountName", rule: "should match"},
		"name that is too long":    {name: strings.Repeat("n", 201), change: map[string]any{}, field: "metadata.name", rule: "at most 200 characters"},
		"field that nobody knows":  {change: map[string]any{"targetResourse": "default/deployment/api"}, field: "spec.targetResourse", rule: "unknown field"},
		"parameters in a list":     {change: map[string]any{"parameters": []any{"A=b"}}, field: "spec.parameters", rule: "must be of type object"},
		"rationale without an end": {change: map[string]any{"rationale": strings.Repeat("x", 32769)}, field: "spec.rationale", rule: "may not be more than 32768"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			object := map[string]any{
				"apiVersion": v1alpha1.SchemeGroupVersion.String(), "kind": "WorkflowExecution",
				"metadata": map[string]any{"name": row.name, "generateName": "malformed-"},
			}
			if row.change != nil {
				object["spec"] = changed(valid, row.change)
			}
			_, err := resource.Create(t.Context(), &unstructured.Unstructured{Object: object}, metav1.CreateOptions{FieldValidation: "Strict"})
			if err == nil {
				t.Fatal("accepted")
			}
			if !apierrors.IsInvalid(err) && !apierrors.IsBadRequest(err) {
				t.Errorf("expected a refusal of what was sent, got: %v", err)
			}
			for _, word := range []string{row.field, row.rule} {
				if !strings.Contains(err.Error(), word) {
					t.Errorf("the message does not say %q: %s", word, shortened(err))
				}
			}
		})
	}
}

func changed(valid, change map[string]any) map[string]any {
	spec := maps.Clone(valid)
	for key, value := range change {
		if value == nil {
			delete(spec, key)
			continue
		}
		if inner, ok := value.(map[string]any); ok {
			value = changed(inner, nil)
			maps.DeleteFunc(value.(map[string]any), func(_ string, v any) bool { return v == nil })
		}
		spec[key] = value
	}
	return spec
}

func shortened(err error) string {
	const limit = 500
	if s := err.Error(); len(s) > limit {
		return fmt.Sprintf("%s... (%d characters)", s[:limit], len(s))
	}
	return err.Error()
}
