// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"maps"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
)

func TestParametersArriveUnchanged(t *testing.T) {
	t.Parallel()
	image, _ := workflow{}.push(t, bundle(t))
	large := v1alpha1.MaxParameterBytes - len("LARGE")
	for name, parameters := range map[string]map[string]string{
		"none":    nil,
		"empty":   {},
		"hundred": numbered(100),
		"large":   {"LARGE": strings.Repeat("x", large)},
		"odd": {
			"EMPTY": "", "QUOTES": `"'` + "`", "LINES": "a\nb\r\n\tc\n", "UNICODE": "åß∂ƒ 漢字 🚒", "JSON": `{"a": [1, "b"]}`,
			"DOLLAR": "$HOME $(cat /etc/passwd) $$(x)", "PARAMETER": "$(params.TARGET_RESOURCE)", "BACKSLASH": `\n\\`,
			"LOOKS_LIKE_A_LIST": "[1,2]", "NUMBER": "007", "YAML": "a: b", "NUL_ESCAPE": "\\u0000", "SPACES": "  a  ",
		},
		"target": {"TARGET_RESOURCE": "given"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wfe := newExecution(newNamespace(t), name, image, withParameters(parameters))
			if _, given := parameters["TARGET_RESOURCE"]; given {
				wfe.Spec.Parameters = map[string]string{"TARGET_RESOURCE": wfe.Spec.TargetResource}
			}
			wfe = awaitPhase(t, submit(t, wfe), v1alpha1.PhaseCompleted)

			want := map[string]string{"TARGET_RESOURCE": wfe.Spec.TargetResource}
			maps.Copy(want, wfe.Spec.Parameters)
			got := map[string]string{}
			for _, param := range runOf(t, wfe).Spec.Params {
				expect(t, "type of "+param.Name, "string", string(param.Value.Type))
				got[param.Name] = param.Value.StringVal
			}
			expect(t, "parameters", want, got)
		})
	}
}

func TestDigestPinsTheBundle(t *testing.T) {
	t.Parallel()
	tag := bundle(t)
	image, digest := workflow{tasks: []string{"first"}}.push(t, tag)
	workflow{tasks: []string{"second"}}.push(t, tag)
	namespace := newNamespace(t)

	pinned := awaitPhase(t, submit(t, newExecution(namespace, "pinned", image, withDigest(digest))), v1alpha1.PhaseCompleted)
	expect(t, "pinned task", "first", runOf(t, pinned).Status.PipelineSpec.Tasks[0].Name)

	tagged := awaitPhase(t, submit(t, newExecution(namespace, "tagged", image)), v1alpha1.PhaseCompleted)
	expect(t, "tagged task", "second", runOf(t, tagged).Status.PipelineSpec.Tasks[0].Name)
}

func TestSpecCannotBeChanged(t *testing.T) {
	t.Parallel()
	image, _ := workflow{}.push(t, bundle(t))
	wfe := submit(t, newExecution(newNamespace(t), "api", image))
	wfe = awaitPhase(t, wfe, v1alpha1.PhaseCompleted)
	wfe.Spec.Rationale = "another one"
	_, err := world.Executions.KubernautV1alpha1().WorkflowExecutions(wfe.Namespace).Update(t.Context(), wfe, metav1.UpdateOptions{})
	if !apierrors.IsInvalid(err) || !strings.Contains(err.Error(), "spec: Invalid value") || !strings.Contains(err.Error(), "immutable") {
		t.Fatalf("expected a refusal that names spec, got: %v", err)
	}
}

func TestTerminalPhaseCannotBeChanged(t *testing.T) {
	t.Parallel()
	image, _ := workflow{}.push(t, bundle(t))
	wfe := awaitPhase(t, submit(t, newExecution(newNamespace(t), "api", image)), v1alpha1.PhaseCompleted)
	client := world.Executions.KubernautV1alpha1().WorkflowExecutions(wfe.Namespace)

	wfe.Status.Phase = v1alpha1.PhaseRunning
	if _, err := client.UpdateStatus(t.Context(), wfe, metav1.UpdateOptions{}); !apierrors.IsInvalid(err) {
		t.Errorf("a terminal phase could be changed: %v", err)
	}
	wfe.Status = v1alpha1.WorkflowExecutionStatus{}
	if _, err := client.UpdateStatus(t.Context(), wfe, metav1.UpdateOptions{}); !apierrors.IsInvalid(err) {
		t.Errorf("a terminal status could be removed: %v", err)
	}
}
