// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubernaut.ai/workflowexecution/test/install"
)

func testInstallation(t *testing.T) {
	t.Run("runs two replicas of each program, from images by digest", func(t *testing.T) { expectRunning(t, currentManifest()) })
	t.Run("runs where only restricted pods may", testRestricted)
	t.Run("is not changed by applying it again", testAppliedAgain)
	t.Run("says which release it is", testVersion)
	t.Run("logs JSON", expectLogsOfJSON)
}

func testRestricted(t *testing.T) {
	namespace, err := w.Kube.CoreV1().Namespaces().Get(t.Context(), install.SystemNamespace, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if level := namespace.Labels["pod-security.kubernetes.io/enforce"]; level != "restricted" {
		t.Errorf("the namespace enforces %q", level)
	}
	// It is enforced: an ordinary pod is refused.
	output, err := install.Kubectl(t.Context(), w.Cluster, "run", "ordinary", "-n", install.SystemNamespace, "--image="+shellImage(), "--dry-run=server")
	if err == nil || !strings.Contains(output, `violates PodSecurity "restricted`) {
		t.Errorf("an ordinary pod: %v", output)
	}
}

func testAppliedAgain(t *testing.T) {
	before := budgets(t)
	output := kubectl(t, "apply", "-f", currentManifest())
	for line := range strings.Lines(output) {
		// kubectl sends the selector of a PodDisruptionBudget every time, and takes that for a change.
		if !strings.HasSuffix(line, " unchanged\n") && !strings.HasPrefix(line, "poddisruptionbudget.policy/") {
			t.Error(line)
		}
	}
	if after := budgets(t); after != before {
		t.Errorf("generations of the PodDisruptionBudgets: before %s, after %s", before, after)
	}
}

// budgets has the name of each PodDisruptionBudget and how often it was changed.
func budgets(t *testing.T) string {
	t.Helper()
	return kubectl(t, "get", "poddisruptionbudgets", "-n", install.SystemNamespace, "--no-headers", "-o",
		"custom-columns=:.metadata.name,:.metadata.generation")
}

func testVersion(t *testing.T) {
	for _, p := range programs {
		output := kubectl(t, "exec", "-n", install.SystemNamespace, "deployment/"+p.deployment, "--", p.path, "--version")
		if !strings.Contains(output, " "+install.Current.Version+" (commit ") {
			t.Errorf("%s --version says %q", filepath.Base(p.path), output)
		}
		for _, pod := range podsOf(t, p) {
			line, _, _ := strings.Cut(kubectl(t, "logs", "-n", install.SystemNamespace, pod.Name), "\n")
			var first struct{ Version string }
			if err := json.Unmarshal([]byte(line), &first); err != nil || first.Version != install.Current.Version {
				t.Errorf("the first line of %s does not say the version: %s", pod.Name, line)
			}
		}
	}
}

// expectLogsOfJSON fails the test for every line of the programs' logs that is no JSON object.
func expectLogsOfJSON(t *testing.T) {
	for _, p := range programs {
		for _, pod := range podsOf(t, p) {
			for line := range strings.Lines(kubectl(t, "logs", "-n", install.SystemNamespace, pod.Name)) {
				var object map[string]any
				if err := json.Unmarshal([]byte(line), &object); err != nil {
					t.Errorf("%s logs no JSON: %s", pod.Name, line)
				}
			}
		}
	}
}
