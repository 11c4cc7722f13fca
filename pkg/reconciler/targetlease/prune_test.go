// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package targetlease

import (
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgotesting "k8s.io/client-go/testing"
	rtesting "knative.dev/pkg/reconciler/testing"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	given "kubernaut.ai/workflowexecution/pkg/reconciler/testing"
	"kubernaut.ai/workflowexecution/pkg/targetlock"
)

func minutes(n int) time.Duration { return time.Duration(n) * time.Minute }

// cooldown of a workflow that ends that long from now.
func cooldown(workflowID string, until time.Duration) func(*coordinationv1.Lease) {
	return given.Remembers(workflowID, given.Entry(execution(), minutes(1), given.Until(until)))
}

// block of an execution that ran and failed, whose cooldown ends that long from now.
func block(until time.Duration) targetlock.Entry {
	return given.Entry(execution(), minutes(1), given.FailedFor(v1alpha1.FailureTaskFailed, "no"),
		given.Until(until), given.Blocks(v1alpha1.SkipPreviousExecutionFailed))
}

func unblocked(until time.Duration) targetlock.Entry {
	entry := block(until)
	entry.Blocks = ""
	return entry
}

func failedExecution(facts ...given.ExecutionOption) *v1alpha1.WorkflowExecution {
	return execution(append([]given.ExecutionOption{
		given.Started(minutes(60)), given.Ended(minutes(1), &v1alpha1.FailureDetails{Reason: v1alpha1.FailureTaskFailed, FailedAt: given.Ago(minutes(1))}),
		given.Blocking(0), given.Released,
	}, facts...)...)
}

// What a free target remembers is dropped exactly when it is due, without polling.
func TestPrune(t *testing.T) {
	due := func(row rtesting.TableRow, after time.Duration) rtesting.TableRow {
		row.OtherTestData = given.With(given.Requeues(after))
		return row
	}
	run(t, rtesting.TableTest{
		due(quiet("a cooldown runs", given.FreeLease(cooldown("restart", minutes(4)))), minutes(4)),
		due(quiet("a cooldown ends in a moment", given.FreeLease(cooldown("restart", time.Millisecond))), time.Millisecond),
		due(quiet("the first of two is awaited", given.FreeLease(cooldown("restart", minutes(4)), cooldown("drain", minutes(3)))), minutes(3)),
		quiet("an execution blocks, whose cooldown is over", failedExecution(), given.FreeLease(given.Remembers("restart", block(-minutes(1))))),
		due(quiet("an execution blocks, and a cooldown runs", failedExecution(),
			given.FreeLease(given.Remembers("restart", block(minutes(4))), cooldown("drain", minutes(2)))), minutes(2)),
		quiet("a failure before execution is counted on from", failedExecution(), given.FreeLease(given.Remembers("restart",
			given.Entry(execution(), minutes(60), given.NeverRan(2, v1alpha1.FailureForbidden, "no"), given.Until(-minutes(1)))))),
		{
			Name: "nothing is remembered", Objects: []runtime.Object{given.FreeLease()},
			WantDeletes: deletions(leaseDeletion()),
		},
		{
			Name: "the cooldown is over now", Objects: []runtime.Object{given.FreeLease(cooldown("restart", 0))},
			WantDeletes: deletions(leaseDeletion()),
		},
		{
			Name:        "one cooldown of two is over",
			Objects:     []runtime.Object{given.FreeLease(cooldown("restart", -time.Second), cooldown("drain", minutes(3)))},
			WantUpdates: updates(given.FreeLease(cooldown("drain", minutes(3)))), OtherTestData: given.With(given.Requeues(minutes(3))),
		},
	})
}

// The caches lag: the Lease is not what it was, and nothing is deleted. What has changed brings the
// next reconcile.
func TestPruneOldCopy(t *testing.T) {
	later := given.LockLease(execution(), 0)
	later.ResourceVersion = "4"
	run(t, rtesting.TableTest{{
		Name: "taken since", Objects: []runtime.Object{given.FreeLease()}, OtherTestData: given.With(given.Live(later)),
		WantDeletes: deletions(leaseDeletion()),
	}, {
		Name: "deleted since", Objects: []runtime.Object{given.FreeLease()}, OtherTestData: given.With(given.Gone(given.FreeLease())),
		WantDeletes: deletions(leaseDeletion()),
	}, {
		Name: "deleted since, with something to remember", Objects: []runtime.Object{given.FreeLease(cooldown("restart", 0), cooldown("drain", minutes(1)))},
		OtherTestData: given.With(given.Gone(given.FreeLease())),
		WantUpdates:   updates(given.FreeLease(cooldown("drain", minutes(1)))),
	}, {
		Name: "not known, since the API server is down", Objects: []runtime.Object{given.FreeLease()},
		WithReactors: []clientgotesting.ReactionFunc{rtesting.InduceFailure("delete", "leases")},
		WantErr:      true, WantDeletes: deletions(leaseDeletion()),
		OtherTestData: given.With(given.Fails("failed to prune the lease of target payment/deployments.apps/api")),
	}})
}

// A block ends with the execution that blocks. The cooldown does not.
func TestPruneBlockOfGone(t *testing.T) {
	const lifted = "Normal BlockCleared The block of workflow restart ends with the execution payments/fix/uid-fix, which is gone"
	blocked := given.FreeLease(given.Remembers("restart", block(minutes(4))))
	late := given.FreeLease(given.Remembers("restart", block(0)))
	shorter := given.FreeLease(given.Remembers("restart", unblocked(minutes(4))))
	counted := given.Entry(execution(), minutes(1), given.NeverRan(2, v1alpha1.FailureForbidden, "no"), given.Until(minutes(4)))
	uncounted := counted
	uncounted.ConsecutiveFailures = 0
	run(t, rtesting.TableTest{{
		Name: "and the cooldown runs", Objects: []runtime.Object{blocked},
		WantUpdates: updates(shorter), WantEvents: []string{lifted}, OtherTestData: given.With(given.Requeues(minutes(4))),
	}, {
		Name: "and the cooldown is over", Objects: []runtime.Object{late},
		WantDeletes: deletions(leaseDeletion()), WantEvents: []string{lifted},
	}, {
		Name: "and another has its name", Objects: []runtime.Object{blocked, failedExecution(given.WithUID("later"))},
		WantUpdates: updates(shorter), WantEvents: []string{lifted}, OtherTestData: given.With(given.Requeues(minutes(4))),
	}, {
		// It did not block, so that no block is lifted: the next failure counts from one.
		Name: "which did not block", Objects: []runtime.Object{given.FreeLease(given.Remembers("restart", counted))},
		WantUpdates: updates(given.FreeLease(given.Remembers("restart", uncounted))), OtherTestData: given.With(given.Requeues(minutes(4))),
	}, {
		// Another replica has made the entry, and only the cache does not have the execution yet.
		Name: "only in the cache", Objects: []runtime.Object{late},
		OtherTestData: given.With(given.Live(failedExecution())),
	}, {
		Name: "as far as anybody knows", Objects: []runtime.Object{blocked},
		WithReactors: []clientgotesting.ReactionFunc{rtesting.InduceFailure("get", "workflowexecutions")},
		WantErr:      true, OtherTestData: given.With(given.Fails("failed to read the execution payments/fix")),
	}, {
		// What was not written was not lifted.
		Name: "and the ledger cannot be written", Objects: []runtime.Object{blocked},
		WithReactors: []clientgotesting.ReactionFunc{rtesting.InduceFailure("update", "leases")},
		WantErr:      true, WantUpdates: updates(shorter),
	}})
}

// Nobody can tell what the ledger says: a person is told, and nothing is touched.
func TestUnreadableLedger(t *testing.T) {
	run(t, rtesting.TableTest{{
		Name: "no JSON", Objects: []runtime.Object{given.FreeLease(given.Ledger("{"))},
		WantEvents: []string{"Warning LedgerUnreadable Nothing may run on target payment/deployments.apps/api: repair annotation kubernaut.ai/ledger, " +
			"or remove it, and with it the cooldowns and blocks of the target: unexpected end of JSON input"},
		PostConditions: []func(*testing.T, *rtesting.TableRow){given.AsksNothing},
	}, {
		Name: "nothing", Objects: []runtime.Object{given.FreeLease(given.Ledger("null"))},
		WantEvents: []string{"Warning LedgerUnreadable Nothing may run on target payment/deployments.apps/api: repair annotation kubernaut.ai/ledger, " +
			`or remove it, and with it the cooldowns and blocks of the target: "null" is not an object`},
	}})
}
