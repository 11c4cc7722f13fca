// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"maps"
	"testing"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/test/cluster"
	"kubernaut.ai/workflowexecution/test/install"
)

// What an execution costs the API server, by verb and resource. Watches, events and discovery are
// left out. A change of these tables is a change of what the product costs. How often a status is
// stored depends on what Tekton reports and when, so that it has a limit like the reads.
func TestCallsOfAnExecution(t *testing.T) {
	proxy := newFaultProxy(t)
	replace(t, 1, install.Alone, through(t, proxy))
	image, _ := workflow{tasks: []string{"repair"}, simulate: map[string]string{cluster.AnnotationStepDuration: "1s"}}.push(t, bundle(t))
	namespace := newNamespace(t)
	// The first execution of all may cost more, and is not what is measured.
	awaitPhase(t, submit(t, newExecution(namespace, "first", image)), v1alpha1.PhaseCompleted)

	alone := newExecution(namespace, "alone", image)
	tally := proxy.Tally(concerns(alone))
	awaitPhase(t, submit(t, alone), v1alpha1.PhaseCompleted)
	expectCalls(t, "success", tally, map[string]int{
		"create leases":       1,
		"update leases":       1,
		"create pipelineruns": 1,
		"patch pipelineruns":  1,
	}, map[string]int{
		// The reference, the start, what Tekton does first, progress, the recorded start, the end. Two of them
		// may come in one.
		"update workflowexecutions/status": 8,
		// Before it locks, before it starts, and where the news of the start comes before that of its note.
		"get workflowexecutions": 3,
		"get leases":             3,
		"get pipelineruns":       1,
		"list taskruns":          1,
		"list customruns":        1,
		"list pods":              1,
	})

	slow, _ := workflow{tasks: []string{"repair"}, simulate: map[string]string{cluster.AnnotationStepDuration: "5s"}}.push(t, bundle(t, "slow"))
	winner := awaitPhase(t, submit(t, newExecution(namespace, "winner", slow)), v1alpha1.PhaseRunning)
	awaitStep(t, winner)
	concerned := concerns(winner)
	tally = proxy.Tally(func(c install.Call) bool { return c.Name != winner.Name && concerned(c) })
	awaitPhase(t, submit(t, newExecution(namespace, "loser", image, withTarget(winner.Spec.TargetResource))), v1alpha1.PhaseSkipped)
	expectCalls(t, "skip", tally, map[string]int{}, map[string]int{
		"update workflowexecutions/status": 2, // that it is skipped, and a second later that the audit trail knows
		"get workflowexecutions":           2, // itself, and the holder where it may be dead
		"get leases":                       1,
		"get pipelineruns":                 1, // whether it has a run after all, from before a crash
	})
}

// concerns leaves out calls about the Leases of other targets than that of the execution: the controller
// tidies up what earlier tests have left, whenever it is due.
func concerns(wfe *v1alpha1.WorkflowExecution) func(install.Call) bool {
	lease := leaseName(wfe)
	return func(c install.Call) bool { return c.Resource != "leases" || c.Mentions(lease) }
}

// expectCalls compares the calls with those that there must be exactly so often, and with those that
// there may be so often at most.
func expectCalls(t *testing.T, what string, tally *install.Tally, exactly, atMost map[string]int) {
	t.Helper()
	exact, limited := map[string]int{}, maps.Clone(atMost)
	for call, count := range tally.Counts() {
		switch most, isLimited := atMost[call]; {
		case !isLimited:
			exact[call] = count
		case count > most:
			limited[call] = count
		}
	}
	expect(t, "calls of a "+what, exactly, exact)
	expect(t, "calls of a "+what+", at most", atMost, limited)
	t.Logf("calls of a %s: %v", what, tally.Counts())
}
