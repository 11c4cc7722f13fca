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

	"kubernaut.ai/workflowexecution/pkg/apis/config"
	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution"
	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	given "kubernaut.ai/workflowexecution/pkg/reconciler/testing"
	"kubernaut.ai/workflowexecution/pkg/targetlock"
)

func lease() runtime.Object {
	return given.LockLease(execution(), minutes(1))
}

func fenced() runtime.Object {
	return given.LockLease(execution(), minutes(1), given.Fenced)
}

// removed is what is remembered of an execution that is gone and may have worked.
func removed() targetlock.Entry {
	return given.Entry(execution(), 0, given.FailedFor(v1alpha1.FailureCancelled, "The execution was removed while it held its target"),
		given.Until(minutes(5)))
}

// A holder that lives keeps its target, whatever it does.
func TestHolderLives(t *testing.T) {
	run(t, rtesting.TableTest{
		quiet("and waits", execution(given.Locked), lease()),
		quiet("and waits with its run", execution(given.RunCreated), given.Run(execution()), lease()),
		quiet("and works", execution(given.Started(minutes(1))), given.Run(execution(), given.Running(minutes(1))), lease()),
		quiet("and cleans up", execution(given.Started(minutes(1)), given.Ended(0, nil)), given.Run(execution(), given.Running(minutes(1)), given.Succeeded(0)), lease()),
		quiet("and is being deleted", execution(given.Started(minutes(1)), given.Deleted(0)), given.Run(execution(), given.Running(minutes(1))), lease()),
		quiet("and its ledger is unreadable", execution(given.Locked), given.LockLease(execution(), 0, given.Ledger("{"))),
		quiet("and a cooldown is over meanwhile", execution(given.Locked), given.LockLease(execution(), 0, cooldown("drain", 0))),
		{
			// The cache has not heard of it yet.
			Name: "unknown to the cache", Objects: []runtime.Object{lease()},
			OtherTestData: given.With(given.Live(execution(given.Locked)), given.Requeues(2*time.Second)),
		},
	})
}

// A dead holder never frees its target itself. What works is ended first, in the order of a deletion.
func TestHolderIsDead(t *testing.T) {
	works := given.Run(execution(), given.Running(minutes(1)))
	done := given.Run(execution(), given.Running(minutes(60)), given.Succeeded(minutes(1)))
	justDone := given.Run(execution(), given.Running(minutes(60)), given.Succeeded(time.Second))
	freed := func(entry targetlock.Entry) []clientgotesting.UpdateActionImpl {
		return updates(fenced(), given.FreeLease(given.Remembers("restart", entry)))
	}
	again := given.With(given.Requeues(2 * time.Second))
	run(t, rtesting.TableTest{{
		Name: "over, and its target was never freed", Objects: []runtime.Object{over(), done, lease()},
		WantUpdates: freed(given.Entry(execution(), minutes(1), given.FreedAgo(0), given.Until(minutes(4)))),
	}, {
		Name: "over, with a failure that blocks", Objects: []runtime.Object{failedExecution(func(wfe *v1alpha1.WorkflowExecution) {
			wfe.Status.FailureDetails.WasExecutionFailure = true
		}), lease()},
		WantUpdates: freed(given.Entry(execution(), minutes(1), given.FreedAgo(0), given.FailedFor(v1alpha1.FailureTaskFailed, ""),
			given.Until(minutes(4)), given.Blocks(v1alpha1.SkipPreviousExecutionFailed))),
	}, {
		Name: "gone", Objects: []runtime.Object{lease()}, WantUpdates: freed(removed()),
	}, {
		Name: "gone, and the configuration says how long its workflow waits", Objects: []runtime.Object{lease()},
		OtherTestData: given.With(given.Configured(func(c *config.WorkflowExecution) { c.CooldownPeriod = time.Hour })),
		WantUpdates: freed(given.Entry(execution(), 0, given.FailedFor(v1alpha1.FailureCancelled, "The execution was removed while it held its target"),
			given.Until(time.Hour))),
	}, {
		Name: "gone, and another has its name", Objects: []runtime.Object{execution(given.WithUID("later")), lease()}, WantUpdates: freed(removed()),
	}, {
		// Nothing ran, so nothing is remembered.
		Name: "gone, and its run never started", Objects: []runtime.Object{given.Run(execution()), lease()},
		WantUpdates: updates(fenced()), WantDeletes: deletions(runDeletion(works), leaseDeletion()),
		PostConditions: []func(*testing.T, *rtesting.TableRow){given.InOrder("update leases", "delete pipelineruns", "delete leases")},
	}, {
		Name: "gone, and its run works", Objects: []runtime.Object{works, lease()}, OtherTestData: given.With(given.Requeues(minutes(1))),
		WantUpdates: updates(fenced()),
		WantPatches: []clientgotesting.PatchActionImpl{{
			Name: works.Name, Patch: []byte(`{"metadata":{"annotations":{"kubernaut.ai/cancel-reason":"Cancelled",` +
				`"kubernaut.ai/cancelled-at":"2026-03-01T12:00:00Z"},"uid":"run-of-uid-fix"},"spec":{"status":"CancelledRunFinally"}}`),
		}},
	}, {
		Name: "gone, and its finally tasks work", Objects: []runtime.Object{
			given.LockLease(execution(), minutes(1), given.Fenced),
			given.Run(execution(), given.Running(minutes(1)), given.Cancelled(v1alpha1.FailureCancelled), given.CancelledAt(10*time.Second)),
		},
		OtherTestData: given.With(given.Requeues(50 * time.Second)),
	}, {
		Name: "over, and its pod works", Objects: []runtime.Object{over(), done, given.Pod(done, "drain"), lease()}, OtherTestData: again,
		WantUpdates: updates(fenced()), WantDeletes: deletions(deletion("pods", given.RunNamespace, done.Name+"-drain-pod")),
	}, {
		Name: "over, and its TaskRun works", Objects: []runtime.Object{over(), justDone, given.TaskRun(justDone, "drain"), lease()},
		WantUpdates: updates(fenced()), OtherTestData: again,
	}, {
		Name: "over, and its TaskRun works a minute later", Objects: []runtime.Object{over(), done, given.TaskRun(done, "drain"), lease()},
		WantUpdates: updates(fenced()), WantDeletes: deletions(deletion("taskruns", given.RunNamespace, done.Name+"-drain")), OtherTestData: given.With(given.Requeues(15 * time.Second)),
	}, {
		// The cache is old: somebody has freed the target, and noted what there was to note.
		Name: "over, which is known already", Objects: []runtime.Object{over(), done, lease()},
		OtherTestData: given.With(given.Live(given.FreeLease(given.Remembers("restart", given.Entry(execution(), minutes(1), given.Until(minutes(4))))))),
	}, {
		// The cache is old: the next one has it.
		Name: "over, and another has the target", Objects: []runtime.Object{over(), done, lease()},
		OtherTestData: given.With(given.Live(given.LockLease(given.Execution("billing/other"), 0))),
	}, {
		Name: "as far as the cache knows", Objects: []runtime.Object{lease()},
		WithReactors: []clientgotesting.ReactionFunc{rtesting.InduceFailure("get", "workflowexecutions")},
		WantErr:      true, OtherTestData: given.With(given.Fails("failed to read the execution payments/fix, which holds the target")),
	}})
}

// Somebody has edited away what target the Lease of a dead holder is for. A run on the target says it; where
// there is none, nothing has to be ended. What another annotation names is nobody's business here.
func TestHolderWithoutTarget(t *testing.T) {
	elsewhere := func(lease *coordinationv1.Lease) {
		lease.Annotations[workflowexecution.TargetAnnotation] = "payment/deployments.apps/web"
	}
	nameless := func(lease *coordinationv1.Lease) { delete(lease.Annotations, workflowexecution.TargetAnnotation) }
	const freed = `Warning LockDiscarded Freed the target: the lease was edited by hand, its holder "payments/fix/uid-fix" cannot free it, and nothing works on it`
	table := rtesting.TableTest{}
	for name, edited := range map[string]func(*coordinationv1.Lease){"removed": nameless, "another": elsewhere} {
		lease := given.LockLease(execution(), minutes(1), edited)
		table = append(table, rtesting.TableRow{
			Name: name + ", no run", Objects: []runtime.Object{lease},
			WantDeletes: deletions(leaseDeletion()), WantEvents: []string{freed},
		}, rtesting.TableRow{
			Name: name + ", no run, and the holder lives, which the cache does not know", Objects: []runtime.Object{lease},
			OtherTestData: given.With(given.Live(execution(given.Locked)), given.Requeues(2*time.Second)),
		}, rtesting.TableRow{
			Name: name + ", a run that works", Objects: []runtime.Object{lease, given.Run(execution(), given.Running(minutes(1)))},
			OtherTestData: given.With(given.Requeues(minutes(1))),
			WantUpdates:   updates(given.LockLease(execution(), minutes(1), edited, given.Fenced)),
			WantPatches: []clientgotesting.PatchActionImpl{{
				Name: given.Run(execution()).Name, Patch: []byte(`{"metadata":{"annotations":{"kubernaut.ai/cancel-reason":"Cancelled",` +
					`"kubernaut.ai/cancelled-at":"2026-03-01T12:00:00Z"},"uid":"run-of-uid-fix"},"spec":{"status":"CancelledRunFinally"}}`),
			}},
		})
	}
	run(t, table)
}
