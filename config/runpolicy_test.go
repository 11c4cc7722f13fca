// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package config_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution"
)

const runPolicy = "/workflowexecution-pipelineruns"

func runPolicySpec(t *testing.T) admissionregistrationv1.ValidatingAdmissionPolicySpec {
	t.Helper()
	policy, ok := find[*admissionregistrationv1.ValidatingAdmissionPolicy](t)[runPolicy]
	if !ok {
		t.Fatal("there is no policy of PipelineRuns")
	}
	return policy.Spec
}

func TestRunPolicyLooksOnlyAtOurRuns(t *testing.T) {
	spec := runPolicySpec(t)
	want := []admissionregistrationv1.NamedRuleWithOperations{{RuleWithOperations: admissionregistrationv1.RuleWithOperations{
		// No deletion and no subresource: neither Tekton nor the garbage collector waits for it.
		Operations: []admissionregistrationv1.OperationType{"CREATE", "UPDATE"},
		Rule: admissionregistrationv1.Rule{
			APIGroups: []string{"tekton.dev"}, APIVersions: []string{"v1", "v1beta1"}, Resources: []string{"pipelineruns"},
			Scope: new(admissionregistrationv1.NamespacedScope),
		},
	}}}
	if diff := cmp.Diff(want, spec.MatchConstraints.ResourceRules); diff != "" {
		t.Error("(-want, +got):", diff)
	}
	if len(spec.MatchConditions) != 1 {
		t.Fatalf("conditions = %v", spec.MatchConditions)
	}
	keys := []string{workflowexecution.ExecutionUIDLabel, workflowexecution.TargetHashLabel}
	if diff := cmp.Diff(keys, keysIn(spec.MatchConditions[0].Expression)); diff != "" {
		t.Error("labels (-want, +got):", diff)
	}
}

func TestRunPolicyKnowsWhoWritesWhat(t *testing.T) {
	spec, accounts := runPolicySpec(t), map[string]string{}
	for _, variable := range spec.Variables {
		if account, ok := strings.CutPrefix(strings.Trim(variable.Expression, "'"), "system:serviceaccount:"); ok {
			accounts[variable.Name] = account
		}
	}
	want := map[string]string{
		"controller": systemNamespace + ":" + controllerName,
		"tekton":     "tekton-pipelines:tekton-pipelines-controller",
	}
	if diff := cmp.Diff(want, accounts); diff != "" {
		t.Error("accounts (-want, +got):", diff)
	}
	if _, ok := find[*corev1.ServiceAccount](t)[systemNamespace+"/"+controllerName]; !ok {
		t.Error("the controller's ServiceAccount is not shipped")
	}
	keys := []string{
		workflowexecution.ExecutionUIDLabel, workflowexecution.TargetHashLabel,
		workflowexecution.ExecutionNamespaceAnnotation, workflowexecution.ExecutionNameAnnotation,
		workflowexecution.ExecutionUIDAnnotation, workflowexecution.TargetAnnotation,
	}
	if !slices.ContainsFunc(spec.Validations, func(v admissionregistrationv1.Validation) bool {
		return slices.Equal(keysIn(v.Expression), keys)
	}) {
		t.Errorf("no validation keeps %v", keys)
	}
}

// keysIn are the keys of labels and annotations that an expression names.
func keysIn(expression string) []string {
	var keys []string
	for _, match := range regexp.MustCompile(`'(kubernaut\.ai/[a-z-]+)'`).FindAllStringSubmatch(expression, -1) {
		keys = append(keys, match[1])
	}
	return keys
}
