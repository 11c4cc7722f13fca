// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package config_test

import (
	"os"
	"testing"

	tektonv1alpha1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1alpha1"
	"sigs.k8s.io/yaml"
)

// TestTheVerificationPolicyHolds wants a policy that Tekton accepts, for the runs of all workflows, in whose namespace it
// has to be.
func TestTheVerificationPolicyHolds(t *testing.T) {
	data, err := os.ReadFile("optional/verificationpolicy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	policy := &tektonv1alpha1.VerificationPolicy{}
	if err := yaml.UnmarshalStrict(data, policy); err != nil {
		t.Fatal(err)
	}
	policy.SetDefaults(t.Context())
	if err := policy.Validate(t.Context()); err != nil {
		t.Error("Validate() =", err)
	}
	if got, want := policy.GroupVersionKind(), policy.GetGroupVersionKind(); got != want {
		t.Errorf("it is a %s, want %s", got, want)
	}
	if policy.Namespace != "kubernaut-workflows" || policy.Spec.Mode != tektonv1alpha1.ModeEnforce {
		t.Errorf("it is in namespace %s with mode %s, want kubernaut-workflows and enforce", policy.Namespace, policy.Spec.Mode)
	}
	if pattern := policy.Spec.Resources[0].Pattern; pattern != ".*" {
		t.Errorf("its pattern is %s, which leaves workflows out", pattern)
	}
	if key := policy.Spec.Authorities[0].Key.SecretRef; key == nil || key.Namespace != "kubernaut-system" {
		t.Errorf("its key comes from %v, want a Secret of kubernaut-system", key)
	}
}
