// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"fmt"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"kubernaut.ai/workflowexecution/pkg/apis/config"
	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/test/cluster"
	"kubernaut.ai/workflowexecution/test/install"
)

// A controller that takes the name of a PipelineRun for the lock confuses the runs of two executions.
// These are mistakes that such a one makes.

// After a restart an old execution is looked at again. It has no say in who has the target now.
func TestRestartLeavesTheRunOfANewerExecutionAlone(t *testing.T) {
	configure(t, "cooldown-period", "1s")
	quick, _ := workflow{tasks: []string{"repair"}}.push(t, bundle(t, "older"))
	slow, _ := workflow{tasks: []string{"repair"}, simulate: map[string]string{cluster.AnnotationStepDuration: "3s"}}.push(t, bundle(t, "newer"))
	namespace := newNamespace(t)
	target := withTarget(namespace + "/deployment/api")
	older := awaitPhase(t, submit(t, newExecution(namespace, "older", quick, target)), v1alpha1.PhaseCompleted)
	newer := submitUntil(t, namespace, "newer", slow, target)
	awaitStep(t, newer)
	before := runOf(t, newer)

	kill(t)
	restart(t)
	newer = awaitPhase(t, newer, v1alpha1.PhaseCompleted)
	expect(t, "run of the newer one", before.UID, runOf(t, newer).UID)
	expect(t, "run of the older one", older.Status.PipelineRunRef.UID, runOf(t, older).UID)
}

// submitUntil repeats an execution until it is not skipped, under another name each time.
func submitUntil(t *testing.T, namespace, name, image string, options ...option) *v1alpha1.WorkflowExecution {
	t.Helper()
	var last *v1alpha1.WorkflowExecution
	attempts := 0
	err := poll(t, func(context.Context) (bool, error) {
		last = submit(t, newExecution(namespace, fmt.Sprintf("%s-%d", name, attempts), image, options...))
		attempts++
		last = awaitExecution(t, last, "a decision", isDecided)
		return last.Status.Phase != v1alpha1.PhaseSkipped, nil
	})
	if err != nil {
		t.Fatalf("%s is skipped again and again, %d times: %s", name, attempts, describe(last))
	}
	return last
}

// isDecided tells whether an execution was skipped or will run.
func isDecided(wfe *v1alpha1.WorkflowExecution) bool {
	return wfe.Status.IsTerminal() || wfe.Status.HasStarted()
}

// configure sets a key of config-workflowexecution until the test is over. The replica is started anew, so
// that it knows.
func configure(t *testing.T, key, value string) {
	t.Helper()
	kill(t)
	t.Cleanup(func() { restart(t) })
	patchConfig(t, key, value)
	t.Cleanup(func() { kill(t) })
	restart(t)
}

func patchConfig(t *testing.T, key, value string) {
	t.Helper()
	client := world.Kube.CoreV1().ConfigMaps(install.SystemNamespace)
	patch, undo := fmt.Sprintf(`{"data":{%q:%q}}`, key, value), fmt.Sprintf(`{"data":{%q:null}}`, key)
	_, err := client.Patch(t.Context(), config.WorkflowExecutionConfigName, types.MergePatchType, []byte(patch), metav1.PatchOptions{})
	must(t, err)
	t.Cleanup(func() {
		ctx := context.WithoutCancel(t.Context())
		_, err := client.Patch(ctx, config.WorkflowExecutionConfigName, types.MergePatchType, []byte(undo), metav1.PatchOptions{})
		must(t, err)
	})
}

// The successor of one whose pod is still dying gets neither that pod nor its result, even under the
// same name.
func TestSuccessorTakesNothingOver(t *testing.T) {
	t.Parallel()
	judge := observe(t)
	dying, _ := workflow{tasks: []string{"repair"}, simulate: map[string]string{
		cluster.AnnotationStepDuration: "5m", cluster.AnnotationDieAfter: "3s",
	}}.push(t, bundle(t, "dying"))
	quick, _ := workflow{tasks: []string{"repair"}}.push(t, bundle(t, "quick"))
	namespace := newNamespace(t)
	predecessor := judge.submit(t, newExecution(namespace, "api", dying))
	awaitPhase(t, predecessor, v1alpha1.PhaseRunning)
	awaitStep(t, predecessor)
	run := runOf(t, predecessor)
	removeWithoutFinalizer(t, predecessor)

	var successor *v1alpha1.WorkflowExecution
	skipped := 0
	err := poll(t, func(context.Context) (bool, error) {
		successor = awaitTerminal(t, judge.submit(t, newExecution(namespace, "api", quick, withWorkflow("other"))))
		if successor.Status.Phase != v1alpha1.PhaseSkipped {
			return true, nil
		}
		skipped++
		deleteExecution(t, successor)
		awaitNoExecution(t, successor)
		return false, nil
	})
	must(t, err)
	if skipped == 0 {
		t.Error("nobody was refused while the old pod was dying")
	}
	expect(t, "outcome", "other Completed", outcome(successor))
	if own := runOf(t, successor); own.UID == run.UID {
		t.Error("the successor has taken the run of its predecessor")
	}
	judge.catchUp(t)
	if spans := judge.Spans(successor.UID); len(spans) != 1 {
		t.Errorf("the containers of the successor could work in %d spans, expected one: %v", len(spans), spans)
	}
}

func TestCooldownIsOfOneWorkflow(t *testing.T) {
	t.Parallel()
	image, _ := workflow{tasks: []string{"repair"}}.push(t, bundle(t))
	namespace := newNamespace(t)
	target := withTarget(namespace + "/deployment/api")
	first := awaitPhase(t, submit(t, newExecution(namespace, "first", image, target)), v1alpha1.PhaseCompleted)
	other := awaitTerminal(t, submit(t, newExecution(namespace, "other", image, target, withWorkflow("other"))))
	expect(t, "outcome of another workflow", "other Completed", outcome(other))
	expect(t, "number of runs of the first one", 1, len(runsOf(t, first)))
	expectCooldown(t, first, submit(t, newExecution(namespace, "again", image, target)))
}

func TestDeletedExecutionLeavesItsCooldown(t *testing.T) {
	t.Parallel()
	image, _ := workflow{tasks: []string{"repair"}}.push(t, bundle(t))
	namespace := newNamespace(t)
	target := withTarget(namespace + "/deployment/api")
	first := awaitPhase(t, submit(t, newExecution(namespace, "first", image, target)), v1alpha1.PhaseCompleted)
	deleteExecution(t, first)
	awaitNoExecution(t, first)
	expectCooldown(t, first, submit(t, newExecution(namespace, "again", image, target)))
}

func expectCooldown(t *testing.T, earlier, again *v1alpha1.WorkflowExecution) {
	t.Helper()
	again = awaitTerminal(t, again)
	expect(t, "outcome of the same workflow", "repair Skipped RecentlyRemediated", outcome(again))
	skip := again.Status.SkipDetails
	if skip == nil || skip.RecentRemediation == nil {
		t.Fatalf("the skip does not say what was done recently: %+v", skip)
	}
	expect(t, "recent remediation", &v1alpha1.RecentRemediation{
		Namespace: earlier.Namespace, Name: earlier.Name, WorkflowID: "repair", Outcome: v1alpha1.PhaseCompleted,
		CompletedAt: skip.RecentRemediation.CompletedAt,
	}, skip.RecentRemediation)
	if !skip.RecentRemediation.CompletedAt.Equal(earlier.Status.CompletionTime) {
		t.Errorf("completed at %s, not at %s", earlier.Status.CompletionTime, skip.RecentRemediation.CompletedAt)
	}
	if remaining := skip.CooldownRemaining; remaining == nil || remaining.Minutes() < 4 || remaining.Minutes() > 5 {
		t.Errorf("a cooldown of 5m has %v left", remaining)
	}
}

// What does not fit a label or a name of 63 characters is no reason to be left without a phase.
func TestOddNamesReachTheirEnd(t *testing.T) {
	t.Parallel()
	image, _ := workflow{tasks: []string{"repair"}}.push(t, bundle(t))
	for name, row := range map[string]struct{ execution, target string }{
		"name of 64 characters":    {strings.Repeat("n", 64), ""},
		"name of 200 characters":   {strings.Repeat("n", 200), ""},
		"name with dots":           {"a.b.c", ""},
		"target with a colon":      {"colon", "clusterrole/system:basic-user"},
		"target with dots":         {"dots", "node/ip-10-0-0-1.example.internal"},
		"target of 253 characters": {"long", "node/" + strings.Repeat("a.", 126) + "a"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			namespace := newNamespace(t)
			target := row.target
			if target == "" {
				target = namespace + "/deployment/api"
			}
			awaitPhase(t, submit(t, newExecution(namespace, row.execution, image, withTarget(target))), v1alpha1.PhaseCompleted)
		})
	}
}
