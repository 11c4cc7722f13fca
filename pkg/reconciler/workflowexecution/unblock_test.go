// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package workflowexecution

import (
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgotesting "k8s.io/client-go/testing"
	rtesting "knative.dev/pkg/reconciler/testing"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	given "kubernaut.ai/workflowexecution/pkg/reconciler/testing"
)

// blocking is an execution that ran, failed and freed its target.
func blocking(facts ...given.ExecutionOption) *v1alpha1.WorkflowExecution {
	return endedBadly(taskFailed(), append([]given.ExecutionOption{given.Blocking(0), given.Released}, facts...)...)
}

const clearedByAlice = "Normal BlockCleared alice cleared the block of workflow restart on target payment/Deployment/api: rolled back by hand"

// A person has cleared the block: the ledger forgets it, and the workflow may run at once.
func TestLiftCleared(t *testing.T) {
	blocked := given.Remembers("restart", failedNow(taskFailed()))
	others := given.Remembers("drain", given.Entry(other(), 0, given.Until(time.Minute)))
	cleared := blocking(given.Cleared(0))
	lifts := func(name string, change func(*rtesting.TableRow), objects ...runtime.Object) rtesting.TableRow {
		row := rtesting.TableRow{
			Name: name, Objects: append(objects, cleared),
			WantStatusUpdates: status(blocking(given.Cleared(0), given.Unblocked)), WantEvents: []string{clearedByAlice},
		}
		change(&row)
		return row
	}
	writes := func(lease *coordinationv1.Lease) func(*rtesting.TableRow) {
		return func(row *rtesting.TableRow) { row.WantUpdates = updates(lease) }
	}
	nothing := func(*rtesting.TableRow) {}
	run(t, rtesting.TableTest{
		lifts("and nothing else is remembered", func(row *rtesting.TableRow) { row.WantDeletes = deletions(leaseDeletion()) },
			given.FreeLease(blocked)),
		lifts("and another workflow's cooldown stays", writes(given.FreeLease(others)), given.FreeLease(others, blocked)),
		lifts("while another holds the target", writes(given.LockLease(other(), 0)), other(given.Started(0)), given.LockLease(other(), 0, blocked)),
		lifts("which the ledger knows already", nothing, given.FreeLease(others)),
		lifts("and the Lease is gone", nothing),
		// What a later execution did stays remembered.
		lifts("after another execution of the workflow ended", nothing, given.FreeLease(given.Remembers("restart", blocks()))),
		lifts("and the ledger is unreadable", nothing, given.FreeLease(given.Ledger("{"))),
		{
			Name:         "but the ledger cannot be written",
			Objects:      []runtime.Object{cleared, given.FreeLease(others, blocked)},
			WithReactors: []clientgotesting.ReactionFunc{rtesting.InduceFailure("update", "leases")},
			WantErr:      true, WantUpdates: updates(given.FreeLease(others)),
			WantEvents: []string{internalError("failed to write the ledger of target payment/deployments.apps/api: inducing failure for update leases")},
		},
	})
}

// Nothing is asked of the API server for what is over.
func TestOverAsksNothing(t *testing.T) {
	blocked := given.FreeLease(given.Remembers("restart", failedNow(taskFailed())))
	quiet := func(name string, wfe *v1alpha1.WorkflowExecution) rtesting.TableRow {
		return rtesting.TableRow{
			Name: name, Objects: []runtime.Object{wfe, blocked},
			PostConditions: []func(*testing.T, *rtesting.TableRow){given.AsksNothing},
		}
	}
	run(t, rtesting.TableTest{
		quiet("completed", endedWell(given.NextIn(5*time.Minute), given.Released)),
		quiet("blocking", blocking()),
		quiet("cleared, and lifted", blocking(given.Cleared(time.Hour), given.Unblocked)),
		quiet("skipped", execution(given.SkippedFor(other(), time.Minute))),
	})
}

// Nobody could clear the block of an execution that is gone.
func TestLiftDeleted(t *testing.T) {
	const event = "Normal BlockCleared The block of workflow restart on target payment/Deployment/api ends with the execution that was deleted"
	entry := failedNow(taskFailed())
	blocked := given.Remembers("restart", entry)
	given.Blocks("")(&entry)
	deleted := blocking(given.Deleted(0))
	goes := func(name string, wfe *v1alpha1.WorkflowExecution, lease *coordinationv1.Lease) rtesting.TableRow {
		return rtesting.TableRow{
			Name: name, Objects: []runtime.Object{recorded(wfe), failedRun(), lease},
			WantDeletes: deletions(runDeletion()), WantPatches: patches(removesFinalizer()), WantEvents: []string{finalizer},
		}
	}
	lifted := goes("a block, and the cooldown stays", deleted, given.FreeLease(blocked))
	lifted.WantUpdates, lifted.WantEvents = updates(free(entry)), []string{event, finalizer}
	lifted.PostConditions = []func(*testing.T, *rtesting.TableRow){given.InOrder("update leases", "delete pipelineruns", "patch workflowexecutions")}

	late := goes("a block whose cooldown is over", deleted, given.FreeLease(given.Remembers("restart", given.Entry(execution(), time.Hour,
		given.FailedFor(v1alpha1.FailureTaskFailed, "no"), given.Until(-time.Minute), given.Blocks(v1alpha1.SkipPreviousExecutionFailed)))))
	late.WantDeletes, late.WantEvents = deletions(leaseDeletion(), runDeletion()), []string{event, finalizer}

	exhausted := execution(given.Locked, given.FailedUnstarted(v1alpha1.FailureForbidden, "no"), given.Blocking(5), given.Deleted(0))
	counted := given.Entry(execution(), 0, given.NeverRan(5, v1alpha1.FailureForbidden, "no"), given.Until(time.Minute), given.Blocks(v1alpha1.SkipExhaustedRetries))
	uncounted := given.Entry(execution(), 0, given.NeverRan(0, v1alpha1.FailureForbidden, "no"), given.Until(time.Minute))
	tries := goes("exhausted retries, and their count", exhausted, given.FreeLease(given.Remembers("restart", counted)))
	tries.WantDeletes, tries.WantUpdates, tries.WantEvents = nil, updates(free(uncounted)), []string{event, finalizer}

	fails := goes("not, because the ledger cannot be written", deleted, given.FreeLease(blocked))
	fails.WithReactors, fails.WantErr = []clientgotesting.ReactionFunc{rtesting.InduceFailure("update", "leases")}, true
	fails.WantDeletes, fails.WantPatches, fails.WantUpdates = nil, nil, updates(free(entry))
	fails.WantEvents = []string{internalError("failed to write the ledger of target payment/deployments.apps/api: inducing failure for update leases")}

	// It was cleared a moment ago, so that its workflow has not to wait either.
	cleared := goes("a block that was cleared, and with it the cooldown", blocking(given.Cleared(0), given.Deleted(0)), given.FreeLease(blocked))
	cleared.WantDeletes = deletions(leaseDeletion(), runDeletion())
	cleared.WantEvents = []string{clearedByAlice, finalizer}

	run(t, rtesting.TableTest{
		lifted, late, tries, fails, cleared,
		// The ledger is a later execution's.
		goes("nothing of a later execution's", deleted, given.FreeLease(given.Remembers("restart", blocks()))),
		goes("nothing, because it was cleared", blocking(given.Cleared(time.Hour), given.Unblocked, given.Deleted(0)),
			given.FreeLease(given.Remembers("drain", blocks()))),
	})
}
