// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package targetlease

import (
	"errors"
	"testing"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clientgotesting "k8s.io/client-go/testing"
	rtesting "knative.dev/pkg/reconciler/testing"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution"
	given "kubernaut.ai/workflowexecution/pkg/reconciler/testing"
)

func garbage(lease *coordinationv1.Lease) {
	lease.Spec.HolderIdentity = new("somebody")
}

// Somebody deleted or edited the Lease while an execution works: it gets its target back.
func TestRestore(t *testing.T) {
	works, done := given.Run(execution(), given.Running(minutes(1))), given.Run(execution(), given.Running(minutes(60)), given.Succeeded(0))
	alive := execution(given.Started(minutes(1)))
	again := given.LockLease(execution(), 0)
	run(t, rtesting.TableTest{{
		Name: "the Lease is gone and a run works", Objects: []runtime.Object{alive, works},
		WantCreates: []runtime.Object{given.LockLease(execution(), 0, given.Unversioned)},
	}, {
		Name: "the Lease is gone and a pod works", Objects: []runtime.Object{alive, done, given.Pod(done, "drain")},
		WantCreates: []runtime.Object{given.LockLease(execution(), 0, given.Unversioned)},
	}, {
		// Its holder is dead, which the next reconcile finds.
		Name: "the Lease is gone and a run works whose execution is gone", Objects: []runtime.Object{works},
		WantCreates: []runtime.Object{given.LockLease(execution(), 0, given.Unversioned)},
	}, {
		Name: "the Lease is free and a run works", Objects: []runtime.Object{alive, works, given.FreeLease(cooldown("drain", 0))},
		WantUpdates: updates(given.LockLease(execution(), 0, cooldown("drain", 0))),
	}, {
		Name: "the Lease names nobody and a run works", Objects: []runtime.Object{alive, works, given.LockLease(execution(), minutes(1), garbage)},
		WantUpdates: updates(again),
	}, {
		Name: "the Lease is free in the cache only", Objects: []runtime.Object{alive, works, given.FreeLease()},
		OtherTestData: given.With(given.Live(given.LockLease(execution(), 0))),
		WantDeletes:   deletions(leaseDeletion()),
		WithReactors:  []clientgotesting.ReactionFunc{given.Refuse("delete", "leases", conflict())},
	}, {
		Name: "the Lease is gone in the cache only", Objects: []runtime.Object{alive, works},
		OtherTestData: given.With(given.Live(given.LockLease(execution(), 0))),
	}, {
		// Two replicas look after it: the other one was faster.
		Name: "the Lease comes back meanwhile", Objects: []runtime.Object{alive, works},
		WithReactors: []clientgotesting.ReactionFunc{given.Refuse("create", "leases", apierrors.NewAlreadyExists(leaseResource, given.LeaseName))},
		WantCreates:  []runtime.Object{given.LockLease(execution(), 0, given.Unversioned)},
	}, {
		Name: "the Lease cannot be created", Objects: []runtime.Object{alive, works},
		WithReactors: []clientgotesting.ReactionFunc{rtesting.InduceFailure("create", "leases")},
		WantErr:      true, WantCreates: []runtime.Object{given.LockLease(execution(), 0, given.Unversioned)},
	}, {
		Name: "nobody knows whether the run works", Objects: []runtime.Object{alive, works},
		WithReactors: []clientgotesting.ReactionFunc{rtesting.InduceFailure("get", "pipelineruns")},
		WantErr:      true, OtherTestData: given.With(given.Fails("failed to read PipelineRun kubernaut-workflows/" + works.Name)),
	}})
}

// What does not work, or not on this target, gets no target.
func TestRestoreNot(t *testing.T) {
	works, done := given.Run(execution(), given.Running(minutes(1))), given.Run(execution(), given.Running(minutes(60)), given.Succeeded(0))
	elsewhere := given.Run(execution(), given.Running(minutes(1)))
	elsewhere.Annotations[workflowexecution.TargetAnnotation] = "payment/deployments.apps/web"
	alive := execution(given.Started(minutes(1)))
	run(t, rtesting.TableTest{
		quiet("the run has ended", over(), done),
		quiet("the run and its pods have ended", over(), done, given.Pod(done, "drain", given.PodEnded)),
		{
			Name: "the run waits to be started", Objects: []runtime.Object{execution(given.RunCreated), given.Run(execution())},
		},
		{
			Name: "the run has ended, which the cache does not know", Objects: []runtime.Object{alive, works},
			OtherTestData: given.With(given.Live(done)),
		},
		{
			Name: "the pod has ended, which the cache does not know", Objects: []runtime.Object{alive, done, given.Pod(done, "drain")},
			OtherTestData: given.With(given.Live(given.Pod(done, "drain", given.PodEnded))),
		},
		{
			// Somebody has edited its annotation: it says that it works on another target.
			Name: "the run works elsewhere", Objects: []runtime.Object{alive, elsewhere},
		},
	})
}

// A Lease that names no execution is freed once nothing works. What it remembers stays.
func TestDiscard(t *testing.T) {
	const freed = `Warning LockDiscarded Freed the target: the lease was edited by hand, its holder "somebody" cannot free it, and nothing works on it`
	remembers := cooldown("drain", minutes(1))
	run(t, rtesting.TableTest{{
		Name: "that remembers nothing", Objects: []runtime.Object{given.LockLease(execution(), minutes(1), garbage)},
		WantDeletes: deletions(leaseDeletion()), WantEvents: []string{freed},
	}, {
		Name: "that remembers something", Objects: []runtime.Object{given.LockLease(execution(), minutes(1), garbage, remembers)},
		WantUpdates: updates(given.FreeLease(remembers)), WantEvents: []string{freed},
	}, {
		Name: "that is unreadable too", Objects: []runtime.Object{given.LockLease(execution(), minutes(1), garbage, given.Ledger("{"))},
		WantUpdates: updates(given.FreeLease(given.Ledger("{"))), WantEvents: []string{freed},
	}, {
		// The cache is old: somebody has repaired it.
		Name: "in the cache only", Objects: []runtime.Object{given.LockLease(execution(), minutes(1), garbage)},
		WithReactors: []clientgotesting.ReactionFunc{given.Refuse("delete", "leases", conflict())},
		WantDeletes:  deletions(leaseDeletion()),
	}})
}

var leaseResource = schema.GroupResource{Group: "coordination.k8s.io", Resource: "leases"}

func conflict() error {
	return apierrors.NewConflict(leaseResource, given.LeaseName, errors.New("modified"))
}

// A Lease edited to name an execution that never was is freed first; the reconcile after that finds who runs.
func TestRestoreAfterWrongHolder(t *testing.T) {
	ghost := given.Execution("nowhere/ghost")
	works := given.Run(execution(), given.Running(minutes(1)))
	remembers := given.Remembers("restart", given.Entry(ghost, 0,
		given.FailedFor("Cancelled", "The execution was removed while it held its target"), given.Until(minutes(5))))
	run(t, rtesting.TableTest{{
		Name: "first", Objects: []runtime.Object{execution(given.Started(minutes(1))), works, given.LockLease(ghost, 0)},
		WantUpdates: updates(given.LockLease(ghost, 0, given.Fenced), given.FreeLease(remembers)),
	}, {
		Name: "then", Objects: []runtime.Object{execution(given.Started(minutes(1))), works, given.FreeLease(remembers)},
		WantUpdates: updates(given.LockLease(execution(), 0, remembers)),
	}})
}
