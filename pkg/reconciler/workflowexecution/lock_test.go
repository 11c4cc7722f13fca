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

func newLease(holder *v1alpha1.WorkflowExecution, facts ...func(*coordinationv1.Lease)) runtime.Object {
	return given.LockLease(holder, 0, append(facts, given.Unversioned)...)
}

func skipped(winner *v1alpha1.WorkflowExecution) string {
	return skips(*execution(given.SkippedFor(winner, time.Minute)).Status.SkipDetails)
}

func TestLock(t *testing.T) {
	run(t, rtesting.TableTest{{
		Name: "a key that is none",
		Key:  "too/many/parts",
	}, {
		Name: "an execution that is gone",
		Key:  "payments/nowhere",
	}, {
		// The run is created pending: it is not started before its reference is stored.
		Name:              "a new execution gets its target and a run",
		Objects:           []runtime.Object{execution(given.WithoutFinalizer)},
		WantCreates:       []runtime.Object{newLease(execution()), newRun()},
		WantPatches:       patches(patch("fix", `{"metadata":{"finalizers":["kubernaut.ai/workflowexecution"],"resourceVersion":""}}`)),
		WantStatusUpdates: status(execution(given.WithoutFinalizer, given.RunCreated)),
		WantEvents:        []string{finalizer, lockAcquired, runCreated},
		PostConditions: []func(*testing.T, *rtesting.TableRow){given.InOrder(
			"patch workflowexecutions payments/fix",
			"create leases kubernaut-system/"+given.LeaseName,
			"create pipelineruns kubernaut-workflows/"+runName,
			"update workflowexecutions/status payments/fix")},
	}, {
		// The webhook has put the finalizer on it: one write less.
		Name:              "a new execution with its finalizer",
		Objects:           []runtime.Object{execution()},
		WantCreates:       []runtime.Object{newLease(execution()), newRun()},
		WantStatusUpdates: status(execution(given.RunCreated)),
		WantEvents:        []string{lockAcquired, runCreated},
	}, {
		// Nothing is written but the status: no Lease, no run, and the winner is left alone.
		Name: "the target is held by another execution",
		Objects: []runtime.Object{
			execution(), other(given.Started(time.Minute)), given.LockLease(other(), time.Minute),
		},
		WantStatusUpdates: status(execution(given.SkippedFor(other(), time.Minute))),
		WantEvents:        []string{skipped(other())},
	}, {
		// A fenced lock is still a lock: what it guarded may be ending.
		Name: "the target is held by another execution whose lock is fenced",
		Objects: []runtime.Object{
			execution(), other(given.Started(time.Minute)), given.LockLease(other(), time.Minute, given.Fenced),
		},
		WantStatusUpdates: status(execution(given.SkippedFor(other(), time.Minute))),
		WantEvents:        []string{skipped(other())},
	}, {
		// The controller crashed after it took the lock.
		Name:              "the target is held by this execution",
		Objects:           []runtime.Object{execution(), given.LockLease(execution(), time.Minute)},
		WantCreates:       []runtime.Object{newRun()},
		WantStatusUpdates: status(execution(given.RunCreated)),
		WantEvents:        []string{lockAcquired, runCreated},
	}})
}

func TestLockFails(t *testing.T) {
	run(t, rtesting.TableTest{{
		Name:              "the lease cannot be created",
		Objects:           []runtime.Object{execution()},
		WithReactors:      []clientgotesting.ReactionFunc{rtesting.InduceFailure("create", "leases")},
		WantErr:           true,
		WantCreates:       []runtime.Object{newLease(execution())},
		WantStatusUpdates: status(execution(unnoticed)),
		WantEvents: []string{internalError("failed to create the lease of target payment/deployments.apps/api: " +
			"inducing failure for create leases")},
		OtherTestData: given.With(given.Fails("failed to create the lease")),
	}, {
		// It comes and goes between two looks: decide again, skip nothing, and not for ever.
		Name:         "the lease changes again and again",
		Objects:      []runtime.Object{execution()},
		WithReactors: []clientgotesting.ReactionFunc{given.Refuse("create", "leases", alreadyExists("leases"))},
		WantErr:      true,
		WantCreates: []runtime.Object{
			newLease(execution()), newLease(execution()), newLease(execution()), newLease(execution()), newLease(execution()),
		},
		WantStatusUpdates: status(execution(unnoticed)),
		WantEvents: []string{internalError("failed to create the lease of target payment/deployments.apps/api: " +
			`the lock has changed meanwhile: leases "it" already exists`)},
	}, {
		Name:         "the execution cannot be read before it takes the lock",
		Objects:      []runtime.Object{execution()},
		WithReactors: []clientgotesting.ReactionFunc{rtesting.InduceFailure("get", "workflowexecutions")},
		WantErr:      true, WantStatusUpdates: status(execution(unnoticed)),
		WantEvents: []string{internalError("failed to read the execution: inducing failure for get workflowexecutions")},
	}})
}

// A reconcile on an old copy of the execution writes nothing at all: it would take a target that nobody
// frees, or overwrite what is stored.
func TestLockOnOldCopy(t *testing.T) {
	old := func(name string, live *v1alpha1.WorkflowExecution) rtesting.TableRow {
		return rtesting.TableRow{
			Name: name, Objects: []runtime.Object{execution()}, OtherTestData: given.With(given.Live(live)),
		}
	}
	run(t, rtesting.TableTest{
		old("which has the lock", execution(given.Locked, given.Retrying("later"))),
		old("which has a run", execution(given.RunCreated)),
		old("which is over", execution(given.Started(time.Minute), given.Ended(0, nil), given.Released)),
		old("which was skipped", execution(given.SkippedFor(other(), time.Minute))),
		old("which is being deleted", execution(given.Deleted(0))),
		old("which is another one", execution(given.WithUID("later"))),
		{
			Name: "which is gone", Objects: []runtime.Object{execution()},
			OtherTestData: given.With(given.Gone(execution())),
		},
	})
}

func TestOverIsOver(t *testing.T) {
	over := func(facts ...given.ExecutionOption) []runtime.Object {
		// A Lease of this execution, a run that is done and a pod would tempt it.
		run := given.Run(execution(), given.Running(time.Hour), given.Succeeded(time.Minute))
		return []runtime.Object{execution(facts...), run, given.Pod(run, "drain"), given.LockLease(execution(), time.Hour)}
	}
	details := &v1alpha1.FailureDetails{Reason: v1alpha1.FailureTaskFailed, FailedAt: given.Ago(time.Minute)}
	run(t, rtesting.TableTest{
		{Name: "completed", Objects: over(given.Started(time.Hour), given.Ended(time.Minute, nil), given.Released)},
		{Name: "failed", Objects: over(given.Started(time.Hour), given.Ended(time.Minute, details), given.Released)},
		{Name: "skipped", Objects: over(given.SkippedFor(other(), time.Hour))},
		{Name: "refused", Objects: over(given.Observed, given.FailedUnstarted(v1alpha1.FailureConfigurationError, "no"))},
	})
}
