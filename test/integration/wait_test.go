// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/test/cluster"
)

// waitCommand is the one of the README.
const waitCommand = `kubectl wait --for=condition=Finished wfe/restart-api --timeout=1h &&
  test "$(kubectl get wfe restart-api -o jsonpath='{.status.phase}')" = Completed`

func TestReadmeSaysHowToWait(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../../README.md")
	must(t, err)
	if !strings.Contains(string(readme), waitCommand) {
		t.Errorf("The README does not have the command that is tested:\n%s", waitCommand)
	}
}

// What a person types returns at either end, and its exit code tells which.
func TestWaitReturnsAtEitherEnd(t *testing.T) {
	t.Parallel()
	good, _ := workflow{}.push(t, bundle(t, "good"))
	bad, _ := workflow{simulate: map[string]string{cluster.AnnotationFailTask: "repair"}}.push(t, bundle(t, "bad"))
	for phase, row := range map[v1alpha1.Phase]struct {
		image string
		// again waits for a second execution, which comes too early after the first.
		again bool
	}{
		v1alpha1.PhaseCompleted: {image: good},
		v1alpha1.PhaseFailed:    {image: bad},
		v1alpha1.PhaseSkipped:   {image: good, again: true},
	} {
		t.Run(string(phase), func(t *testing.T) {
			t.Parallel()
			namespace := newNamespace(t)
			wfe := newExecution(namespace, "restart-api", row.image)
			if row.again {
				first := newExecution(namespace, "first", row.image, withTarget(wfe.Spec.TargetResource))
				awaitPhase(t, submit(t, first), v1alpha1.PhaseCompleted)
			}
			submit(t, wfe)
			succeeded, output := shell(t, namespace, waitCommand)
			expect(t, "success", phase == v1alpha1.PhaseCompleted, succeeded)
			if !strings.Contains(output, "condition met") {
				t.Errorf("kubectl wait did not see the end: %s", output)
			}
			_, reason := shell(t, namespace, `kubectl get wfe restart-api -o jsonpath='{.status.conditions[?(@.type=="Finished")].reason}'`)
			expect(t, "reason", string(phase), reason)
		})
	}
}

// shell runs a command line in which kubectl is that of the cluster, in a namespace.
func shell(t *testing.T, namespace, line string) (succeeded bool, output string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	kubectl := world.Cluster.Program("kubectl")
	kubeconfig, err := os.ReadFile(world.Cluster.Kubeconfig())
	must(t, err)
	own := filepath.Join(t.TempDir(), "kubeconfig")
	must(t, os.WriteFile(own, kubeconfig, 0o600))
	must(t, exec.CommandContext(ctx, kubectl, "--kubeconfig", own, "config", "set-context", "--current", "--namespace", namespace).Run())

	command := exec.CommandContext(ctx, "sh", "-c", line)
	command.Env = append(os.Environ(), "KUBECONFIG="+own, "PATH="+filepath.Dir(kubectl)+string(os.PathListSeparator)+os.Getenv("PATH"))
	said, err := command.CombinedOutput()
	if ctx.Err() != nil {
		t.Fatalf("it never returned: %s", said)
	}
	return err == nil, string(said)
}
