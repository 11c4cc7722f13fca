// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
)

// definition is how a snapshot names what everybody would miss last.
const definition = "customresourcedefinitions.apiextensions.k8s.io /workflowexecutions.kubernaut.ai"

// testRemoval removes the product as the README says, with an execution that still runs and the rights of the
// examples, and compares the cluster with what it was before.
func testRemoval(t *testing.T) {
	expectLogsOfJSON(t)
	examples, err := filepath.Glob(filepath.Join(w.Root, "examples", "*", "rbac.yaml"))
	if err != nil || len(examples) == 0 {
		t.Fatalf("the examples are %v: %v", examples, err)
	}
	t.Run("of a product that is in use", func(t *testing.T) {
		submitRunning(t, execution(newNamespace(t), "removal", pushGated(t, "removal", 0)))
		for _, example := range examples {
			kubectl(t, "apply", "-f", example)
		}
		installed, err := takeSnapshot(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if added := strings.Join(installed.differences(beforeInstallation), "\n"); !strings.Contains(added, definition) {
			t.Fatalf("the comparison does not see %s:\n%s", definition, added)
		}
		for _, example := range examples {
			kubectl(t, "delete", "-f", example)
		}
		removeProduct(t, currentManifest())
	})
	// The namespaces of the tests go meanwhile.
	until(t, "a cluster as it was", patience, func(ctx context.Context) string {
		after, err := takeSnapshot(ctx)
		if err != nil {
			return err.Error()
		}
		return strings.Join(after.differences(beforeInstallation), "\n")
	})
}
