// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"os"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"knative.dev/pkg/configmap"
	"sigs.k8s.io/yaml"
)

// exampleOf is what the example of a ConfigMap that is shipped says.
func exampleOf(t *testing.T, name string) map[string]string {
	t.Helper()
	raw, err := os.ReadFile("../../../config/400-" + name + ".yaml")
	if err != nil {
		t.Fatal("ReadFile() =", err)
	}
	var cm corev1.ConfigMap
	if err := yaml.UnmarshalStrict(raw, &cm); err != nil {
		t.Fatal("UnmarshalStrict() =", err)
	}
	if cm.Name != name {
		t.Errorf("the ConfigMap is called %q, not %q", cm.Name, name)
	}
	example := map[string]string{}
	if err := yaml.UnmarshalStrict([]byte(cm.Data[configmap.ExampleKey]), &example); err != nil {
		t.Fatal("UnmarshalStrict(_example) =", err)
	}
	return example
}
