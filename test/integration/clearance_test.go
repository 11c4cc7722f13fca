// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"fmt"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/test/cluster"
)

// A workflow that failed on a target after it had begun to execute is not run there again, until a
// person clears the failed execution. Nothing is deleted for that.
func TestBlockFromFailureToClearance(t *testing.T) {
	t.Parallel()
	image, _ := workflow{simulate: map[string]string{cluster.AnnotationFailTask: "repair"}}.push(t, bundle(t))
	namespace := newNamespace(t)
	target := withTarget(namespace + "/deployment/api")
	failed := awaitPhase(t, submit(t, newExecution(namespace, "failed", image, target)), v1alpha1.PhaseFailed)
	expect(t, "requires manual review", true, failed.Status.FailureDetails.RequiresManualReview)
	expect(t, "next allowed", nil, failed.Status.NextAllowedExecution)

	blocked := awaitPhase(t, submit(t, newExecution(namespace, "blocked", image, target)), v1alpha1.PhaseSkipped)
	expectBlockedBy(t, failed, blocked.Status.SkipDetails)
	other := submit(t, newExecution(namespace, "other", image, target, withWorkflow("another")))
	awaitPhase(t, other, v1alpha1.PhaseFailed)

	alice := operator(t, namespace, "alice")
	for what, attempt := range map[string]struct {
		of   *v1alpha1.WorkflowExecution
		with map[string]any
	}{
		"a clearance by hand":                        {failed, clearanceBy("alice")},
		"a request without a reason":                 {failed, asking(" ")},
		"a request on an execution that was blocked": {blocked, asking("by mistake")},
	} {
		if _, err := patchStatus(t, alice, attempt.of, attempt.with, metav1.PatchOptions{}); err == nil {
			t.Error(what, "was accepted")
		}
	}
	still := awaitPhase(t, submit(t, newExecution(namespace, "still-blocked", image, target)), v1alpha1.PhaseSkipped)
	expectBlockedBy(t, failed, still.Status.SkipDetails)

	_, err := patchStatus(t, alice, failed, asking("rolled back by hand"), metav1.PatchOptions{})
	must(t, err)
	awaitEvent(t, failed, "BlockCleared", "alice", "rolled back by hand")
	next := awaitPhase(t, submit(t, newExecution(namespace, "next", image, target)), v1alpha1.PhaseFailed)
	expect(t, "executed", true, next.Status.FailureDetails.WasExecutionFailure)

	history := stored(t, failed)
	expect(t, "failure that was cleared", failed.Status.FailureDetails, history.Status.FailureDetails)
	expect(t, "run of the failure that was cleared", failed.Status.PipelineRunRef, history.Status.PipelineRunRef)
	expect(t, "number of its runs", 1, len(runsOf(t, failed)))
}

// A block ends with the execution that blocks, too. What is left is the cooldown.
func TestBlockEndsWithItsExecution(t *testing.T) {
	t.Parallel()
	image, _ := workflow{simulate: map[string]string{cluster.AnnotationFailTask: "repair"}}.push(t, bundle(t))
	namespace := newNamespace(t)
	target := withTarget(namespace + "/deployment/api")
	failed := awaitPhase(t, submit(t, newExecution(namespace, "failed", image, target)), v1alpha1.PhaseFailed)
	deleteExecution(t, failed)
	awaitNoExecution(t, failed)
	awaitEvent(t, failed, "BlockCleared", "deleted")
	next := awaitPhase(t, submit(t, newExecution(namespace, "next", image, target)), v1alpha1.PhaseSkipped)
	expect(t, "reason", v1alpha1.SkipRecentlyRemediated, next.Status.SkipDetails.Reason)
}

func expectBlockedBy(t *testing.T, failed *v1alpha1.WorkflowExecution, details *v1alpha1.SkipDetails) {
	t.Helper()
	expect(t, "reason", v1alpha1.SkipPreviousExecutionFailed, details.Reason)
	expect(t, "execution behind it", &v1alpha1.RecentRemediation{
		Namespace: failed.Namespace, Name: failed.Name, WorkflowID: failed.Spec.WorkflowRef.WorkflowID,
		Outcome: v1alpha1.PhaseFailed, CompletedAt: *failed.Status.CompletionTime,
	}, details.RecentRemediation)
	if command := fmt.Sprintf("kubectl patch wfe %s -n %s", failed.Name, failed.Namespace); !strings.Contains(details.Message, command) {
		t.Errorf("the message does not say how to clear the block: %s", details.Message)
	}
}

// awaitEvent waits for an event of the execution with all the words.
func awaitEvent(t *testing.T, wfe *v1alpha1.WorkflowExecution, reason string, words ...string) {
	t.Helper()
	awaitGone(t, "the wait for event "+reason, func(ctx context.Context) (bool, error) {
		events, err := world.Kube.CoreV1().Events(wfe.Namespace).List(ctx, metav1.ListOptions{
			FieldSelector: fmt.Sprintf("involvedObject.uid=%s,reason=%s", wfe.UID, reason),
		})
		if err != nil {
			return false, err
		}
		for _, event := range events.Items {
			if containsAll(event.Message, words) {
				return false, nil
			}
		}
		return true, nil
	})
}

func containsAll(text string, words []string) bool {
	for _, word := range words {
		if !strings.Contains(text, word) {
			return false
		}
	}
	return true
}
