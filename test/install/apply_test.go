// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package install

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubernaut.ai/workflowexecution/test/cluster"
)

// Whoever applies config/ once more sees from what kubectl says whether anything changes. Only for the
// PodDisruptionBudgets it claims so each time: the API declares that their selector is replaced rather than
// merged, and so kubectl never finds its patch empty. It is the same selector; kubectl diff knows.
func TestSecondApplyChangesNothing(t *testing.T) {
	c := startCluster(t)
	first := kubectl(t, c, "apply", "-f", "config")
	second := kubectl(t, c, "apply", "-f", "config")
	if len(first) != len(second) || len(second) == 0 {
		t.Errorf("%d objects were applied, then %d", len(first), len(second))
	}
	for _, line := range second {
		object, result, _ := strings.Cut(line, " ")
		claimed := result == "configured" && strings.HasPrefix(object, "poddisruptionbudget.policy/")
		if result != "unchanged" && !claimed {
			t.Errorf("the second time: %s", line)
		}
	}
	if differences := kubectl(t, c, "diff", "-f", "config"); len(differences) > 0 {
		t.Errorf("config/ differs from what was applied:\n%s", strings.Join(differences, "\n"))
	}
	expectFirstGeneration(t, c)
}

// expectFirstGeneration: a generation counts the changes of a spec.
func expectFirstGeneration(t *testing.T, c *cluster.Cluster) {
	t.Helper()
	kube, err := Kubernetes(c)
	if err != nil {
		t.Fatal(err)
	}
	budgets, err := kube.PolicyV1().PodDisruptionBudgets(SystemNamespace).List(t.Context(), metav1.ListOptions{})
	if err != nil || len(budgets.Items) != 2 {
		t.Fatalf("there are %d PodDisruptionBudgets, expected 2: %v", len(budgets.Items), err)
	}
	for _, budget := range budgets.Items {
		if budget.Generation != 1 {
			t.Errorf("the spec of %s was changed", budget.Name)
		}
	}
}

// startCluster starts one in which nothing of config/ was changed for this machine.
func startCluster(t *testing.T) *cluster.Cluster {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	c, err := cluster.Start(ctx, cluster.Options{Root: root, Progress: os.Stderr})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			c.KeepState()
		}
		if err := c.Stop(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// kubectl runs it in the root of the repository and returns the lines it prints.
func kubectl(t *testing.T, c *cluster.Cluster, args ...string) []string {
	t.Helper()
	command := exec.CommandContext(t.Context(), c.Program("kubectl"), slices.Concat([]string{"--kubeconfig", c.Kubeconfig()}, args)...)
	command.Dir = filepath.Join("..", "..")
	output, err := command.Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		t.Errorf("kubectl %s: %v: %s", strings.Join(args, " "), err, exit.Stderr)
	} else if err != nil {
		t.Fatal(err)
	}
	return strings.FieldsFunc(string(output), func(r rune) bool { return r == '\n' })
}
