// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package workflowexecution

import (
	"testing"
	"time"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clientgotesting "k8s.io/client-go/testing"
	rtesting "knative.dev/pkg/reconciler/testing"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	given "kubernaut.ai/workflowexecution/pkg/reconciler/testing"
)

// startRefused is how the API server answers a JSON patch whose test fails.
func startRefused() []clientgotesting.ReactionFunc {
	return []clientgotesting.ReactionFunc{given.Refuse("patch", "pipelineruns",
		apierrors.NewInvalid(schema.GroupKind{Group: "tekton.dev", Kind: "PipelineRun"}, runName, nil))}
}

func TestStart(t *testing.T) {
	held, lease := execution(given.RunCreated), given.LockLease(execution(), time.Minute)
	pending := given.Run(execution())
	const patchFails = "failed to start PipelineRun kubernaut-workflows/fix-bd45276987: inducing failure for patch pipelineruns"
	const patchRefused = `failed to start PipelineRun kubernaut-workflows/fix-bd45276987: PipelineRun.tekton.dev "fix-bd45276987" is invalid`
	run(t, rtesting.TableTest{{
		Name:              "reference stored, lock ours",
		Objects:           []runtime.Object{held, pending, lease},
		WantPatches:       patches(startPatch()),
		WantStatusUpdates: status(execution(given.Started(0))),
		WantEvents:        []string{started},
	}, {
		// The cache does not know the run yet, or lost it with its label.
		Name:              "the run is hidden from the cache",
		Objects:           []runtime.Object{held, lease},
		OtherTestData:     given.With(given.Live(pending)),
		WantPatches:       patches(startPatch()),
		WantStatusUpdates: status(execution(given.Started(0))),
		WantEvents:        []string{started},
	}, {
		// The controller crashed after the patch: the start is Tekton's.
		Name:              "started already, which the cache does not know",
		Objects:           []runtime.Object{held, pending, lease},
		OtherTestData:     given.With(given.Live(given.Run(execution(), given.Running(10*time.Second)))),
		WithReactors:      startRefused(),
		WantPatches:       patches(startPatch()),
		WantStatusUpdates: status(execution(given.Started(10 * time.Second))),
		WantEvents:        []string{started},
	}, {
		Name:              "started already, which Tekton has not noticed",
		Objects:           []runtime.Object{held, pending, lease},
		OtherTestData:     given.With(given.Live(given.Run(execution(), given.NotPending))),
		WithReactors:      startRefused(),
		WantPatches:       patches(startPatch()),
		WantStatusUpdates: status(execution(given.Started(0))),
		WantEvents:        []string{started},
	}, {
		// The cache will say so, and bring the next reconcile.
		Name:          "the run is gone, which the cache does not know",
		Objects:       []runtime.Object{held, pending, lease},
		OtherTestData: given.With(given.Gone(pending)),
		WithReactors:  []clientgotesting.ReactionFunc{given.Refuse("patch", "pipelineruns", apierrors.NewNotFound(pipelineRuns, runName))},
		WantPatches:   patches(startPatch()),
	}, {
		Name:              "the patch fails",
		Objects:           []runtime.Object{held, pending, lease},
		WithReactors:      []clientgotesting.ReactionFunc{rtesting.InduceFailure("patch", "pipelineruns")},
		WantErr:           true,
		WantPatches:       patches(startPatch()),
		WantStatusUpdates: status(execution(given.RunCreated, given.StartRetrying(patchFails))),
		WantEvents:        []string{internalError(patchFails)},
	}, {
		// The same answer as to a test that fails, but the run is pending: a policy refuses, or the schema of a newer Tekton.
		Name:              "the patch is refused",
		Objects:           []runtime.Object{held, pending, lease},
		WithReactors:      startRefused(),
		WantErr:           true,
		WantPatches:       patches(startPatch()),
		WantStatusUpdates: status(execution(given.RunCreated, given.StartRetrying(patchRefused))),
		WantEvents:        []string{internalError(patchRefused)},
	}, {
		Name: "the patch is refused past the pending deadline",
		Objects: []runtime.Object{
			execution(given.LockedFor(6*time.Minute), given.Referring), pending, given.LockLease(execution(), 6*time.Minute),
		},
		WithReactors: startRefused(),
		WantPatches:  patches(startPatch()),
		WantUpdates: updates(given.LockLease(execution(), 6*time.Minute, given.Fenced),
			free(failedUnstartedNow(v1alpha1.FailureConfigurationError, patchRefused+tried))),
		WantDeletes: deletions(runDeletion()),
		WantStatusUpdates: status(execution(given.RunCreated, given.FailedUnstarted(v1alpha1.FailureConfigurationError, patchRefused+tried),
			given.Failing(1, time.Minute))),
		WantEvents: []string{lockReleased, failed(v1alpha1.FailureConfigurationError, patchRefused+tried)},
		PostConditions: []func(*testing.T, *rtesting.TableRow){given.InOrder(
			"update leases", "delete pipelineruns", "update leases", "update workflowexecutions/status")},
	}, {
		// What cannot be started must not lock its target for ever.
		Name: "the patch fails past the pending deadline",
		Objects: []runtime.Object{
			execution(given.LockedFor(6*time.Minute), given.Referring), pending, given.LockLease(execution(), 6*time.Minute),
		},
		WithReactors: []clientgotesting.ReactionFunc{rtesting.InduceFailure("patch", "pipelineruns")},
		WantPatches:  patches(startPatch()),
		WantUpdates: updates(given.LockLease(execution(), 6*time.Minute, given.Fenced),
			free(failedUnstartedNow(v1alpha1.FailureUnknown, patchFails+tried))),
		WantDeletes: deletions(runDeletion()),
		WantStatusUpdates: status(execution(given.RunCreated, given.FailedUnstarted(v1alpha1.FailureUnknown, patchFails+tried),
			given.Failing(1, time.Minute))),
		WantEvents: []string{lockReleased, failed(v1alpha1.FailureUnknown, patchFails+tried)},
	}, {
		Name:         "the lock cannot be read",
		Objects:      []runtime.Object{held, pending, lease},
		WithReactors: []clientgotesting.ReactionFunc{rtesting.InduceFailure("get", "leases")},
		WantErr:      true,
		WantEvents: []string{internalError("failed to read the lease of target payment/deployments.apps/api: " +
			"inducing failure for get leases")},
	}, {
		Name:         "the execution cannot be read",
		Objects:      []runtime.Object{held, pending, lease},
		WithReactors: []clientgotesting.ReactionFunc{rtesting.InduceFailure("get", "workflowexecutions")},
		WantErr:      true,
		WantEvents:   []string{internalError("failed to read the execution: inducing failure for get workflowexecutions")},
	}})
}

// Whatever differs at the API server from the copy this reconcile rests on: the run is not started, and
// no lock is taken either.
func TestStartOnOldCopy(t *testing.T) {
	old := func(name string, live *v1alpha1.WorkflowExecution, objects ...runtime.Object) rtesting.TableRow {
		return rtesting.TableRow{
			Name: name, Objects: append(objects, execution(given.RunCreated), given.Run(execution())),
			OtherTestData: given.With(given.Live(live)),
		}
	}
	lease := given.LockLease(execution(), time.Minute)
	run(t, rtesting.TableTest{
		old("being deleted", execution(given.RunCreated, given.Deleted(0)), lease),
		old("another one of that name", execution(given.RunCreated, given.WithUID("later")), lease),
		old("without the reference", execution(given.Locked), lease),
		old("with another reference", execution(given.RunCreated, withRunUID("another-run")), lease),
		old("started", execution(given.Started(time.Minute)), lease),
		old("ended", execution(given.Started(time.Minute), given.Ended(0, nil)), lease),
		old("over, and the target is free", execution(given.Started(time.Minute), given.Ended(0, nil), given.Released)),
		old("over, and the target is another's", execution(given.Started(time.Minute), given.Ended(0, nil), given.Released),
			given.LockLease(other(), time.Second)),
		{
			Name: "gone", Objects: []runtime.Object{execution(given.RunCreated), given.Run(execution()), lease},
			OtherTestData: given.With(given.Gone(execution())),
		},
	})
}

// Tekton's clock is another. What it notes of a start that a reconcile before a crash has made counts as far as it can be true.
func TestClockOfTekton(t *testing.T) {
	notes := func(name string, ago, want time.Duration) rtesting.TableRow {
		return rtesting.TableRow{
			Name: name,
			Objects: []runtime.Object{
				execution(given.LockedFor(10*time.Second), given.Referring), given.Run(execution(), given.Running(ago)), given.LockLease(execution(), 10*time.Second),
			},
			WantStatusUpdates: status(execution(given.Started(want), given.Mirroring(working(0)))), WantEvents: []string{started},
			OtherTestData: given.With(given.Requeues(30*time.Minute - want)),
		}
	}
	ahead := given.Run(execution(), given.Running(time.Minute), given.Succeeded(-time.Hour))
	run(t, rtesting.TableTest{
		notes("is right", 5*time.Second, 5*time.Second),
		notes("is an hour behind", time.Hour, 10*time.Second),
		notes("is an hour ahead", -time.Hour, 0),
		{
			// The cooldown is not longer for it.
			Name:              "is an hour ahead at the end",
			Objects:           []runtime.Object{running(), ahead, given.LockLease(execution(), time.Minute)},
			WantUpdates:       updates(free(succeededNow())),
			WantStatusUpdates: status(endedWell(given.NextIn(5*time.Minute), given.Released)),
			WantEvents:        []string{lockReleased, completed},
		},
	})
}

func TestStartWithoutLock(t *testing.T) {
	held, pending := execution(given.RunCreated), given.Run(execution())
	refusedOther := given.Entry(other(), 0, given.NeverRan(1, v1alpha1.FailureUnknown, "no"), given.Until(time.Minute))
	const fencedMessage = "The lock was fenced before the workflow started; nothing ran"
	run(t, rtesting.TableTest{{
		// Somebody deleted the Lease by hand. It is taken again first; the run starts in the next reconcile.
		Name:          "the lock is gone",
		Objects:       []runtime.Object{held, pending},
		WantCreates:   []runtime.Object{newLease(execution())},
		OtherTestData: given.With(given.Requeues(0)),
	}, {
		// The run never started, so it is deleted, by UID and version, and the execution is skipped.
		Name:              "the lock is another's",
		Objects:           []runtime.Object{held, pending, other(given.Started(0)), given.LockLease(other(), time.Minute)},
		WantDeletes:       deletions(runDeletion()),
		WantStatusUpdates: status(execution(given.RunCreated, given.SkippedFor(other(), time.Minute))),
		WantEvents:        []string{skipped(other())},
	}, {
		// It was started after all, which the cache does not know: it is not deleted.
		Name:    "the lock is another's and the run has changed",
		Objects: []runtime.Object{held, pending, other(given.Started(0)), given.LockLease(other(), time.Minute)},
		OtherTestData: given.With(given.Fails("preconditions"), given.Live(given.Run(execution(), given.NotPending, func(run *tektonv1.PipelineRun) {
			run.ResourceVersion = "8"
		}))),
		WantErr:     true,
		WantDeletes: deletions(runDeletion()),
		WantEvents: []string{internalError("failed to delete PipelineRun kubernaut-workflows/fix-bd45276987 before it starts: " +
			`Operation cannot be fulfilled on pipelineruns.tekton.dev "fix-bd45276987": Conflict: the preconditions do not hold`)},
	}, {
		// Its holder is dead: the target is taken from it. The run starts in the next reconcile.
		Name:    "the lock is a dead one's",
		Objects: []runtime.Object{held, pending, other(given.Observed, given.FailedUnstarted(v1alpha1.FailureUnknown, "no")), given.LockLease(other(), 0)},
		WantUpdates: updates(given.LockLease(other(), 0, given.Fenced), given.FreeLease(given.Remembers("drain", refusedOther)),
			given.LockLease(execution(), 0, given.Remembers("drain", refusedOther))),
		OtherTestData: given.With(given.Requeues(0)),
	}, {
		// A reconcile ended the execution, freed the target and did not get to store that. Something has made a run since.
		Name: "the ledger says that it has ended",
		Objects: []runtime.Object{
			held, pending, free(failedUnstartedNow(v1alpha1.FailureForbidden, "no")),
		},
		WantDeletes: deletions(runDeletion()),
		WantStatusUpdates: status(execution(given.RunCreated, given.EndedUnstarted(0, &v1alpha1.FailureDetails{
			Reason: v1alpha1.FailureForbidden, Message: "no", FailedAt: given.Ago(0),
		}), given.Failing(1, time.Minute), given.Released)),
		WantEvents: []string{lockReleased, failed(v1alpha1.FailureForbidden, "no")},
	}, {
		// The ledger cannot be read, so nothing may run.
		Name:        "the ledger is unreadable",
		Objects:     []runtime.Object{held, pending, given.FreeLease(given.Ledger("{"))},
		WantDeletes: deletions(runDeletion()),
		WantStatusUpdates: status(execution(given.RunCreated, given.FailedUnstarted(v1alpha1.FailureConfigurationError,
			unreadableLedger), given.FreedUnseen)),
		WantEvents: []string{lockReleased, failed(v1alpha1.FailureConfigurationError, unreadableLedger)},
	}, {
		// Somebody was about to end the execution and crashed: what is fenced never starts.
		Name:              "the lock is fenced",
		Objects:           []runtime.Object{held, pending, given.LockLease(execution(), time.Minute, given.Fenced)},
		WantDeletes:       deletions(runDeletion(), leaseDeletion()),
		WantStatusUpdates: status(execution(given.RunCreated, given.FailedUnstarted(v1alpha1.FailureCancelled, fencedMessage))),
		WantEvents:        []string{lockReleased, failed(v1alpha1.FailureCancelled, fencedMessage)},
		PostConditions:    []func(*testing.T, *rtesting.TableRow){given.InOrder("delete pipelineruns", "delete leases")},
	}, {
		// The run has to go first, otherwise it stays for ever.
		Name:         "the lock is fenced and the run cannot be deleted",
		Objects:      []runtime.Object{held, pending, given.LockLease(execution(), time.Minute, given.Fenced)},
		WithReactors: []clientgotesting.ReactionFunc{rtesting.InduceFailure("delete", "pipelineruns")},
		WantErr:      true,
		WantDeletes:  deletions(runDeletion()),
		WantEvents: []string{internalError("failed to delete PipelineRun kubernaut-workflows/fix-bd45276987 before it starts: " +
			"inducing failure for delete pipelineruns")},
	}})
}

// The generation of a pending run counts what updates have changed, the defaults of another Tekton for one. Nothing of it has run.
func TestStartOfChangedRun(t *testing.T) {
	changed := given.Run(execution(), func(run *tektonv1.PipelineRun) { run.Generation = 2 })
	lease := given.LockLease(execution(), 0)
	const deletedFirst = "The execution was deleted before its workflow started; nothing ran"
	run(t, rtesting.TableTest{{
		Name:              "under its lock",
		Objects:           []runtime.Object{execution(given.RunCreated), changed, lease},
		WantPatches:       patches(startPatch()),
		WantStatusUpdates: status(execution(given.Started(0))), WantEvents: []string{started},
	}, {
		Name: "while another has the target",
		Objects: []runtime.Object{
			execution(given.RunCreated), changed, other(given.Started(0)), given.Run(other(), given.Running(0)), given.LockLease(other(), time.Minute),
		},
		WantDeletes:       deletions(runDeletion()),
		WantStatusUpdates: status(execution(given.RunCreated, given.SkippedFor(other(), time.Minute))), WantEvents: []string{skipped(other())},
	}, {
		Name:        "the execution is deleted",
		Objects:     []runtime.Object{execution(given.RunCreated, given.Deleted(0)), changed, lease},
		WantUpdates: updates(given.LockLease(execution(), 0, given.Fenced)), WantDeletes: deletions(runDeletion(), leaseDeletion()),
		WantStatusUpdates: status(execution(given.RunCreated, given.Deleted(0), given.FailedUnstarted(v1alpha1.FailureCancelled, deletedFirst))),
		WantEvents:        []string{lockReleased, failed(v1alpha1.FailureCancelled, deletedFirst)},
	}, {
		Name:    "nobody can tell whether something was made of it",
		Objects: []runtime.Object{execution(given.RunCreated), changed, lease}, WantErr: true,
		WithReactors: []clientgotesting.ReactionFunc{rtesting.InduceFailure("list", "taskruns")},
		WantEvents:   []string{internalError("failed to list the TaskRuns of the run: inducing failure for list taskruns")},
	}})
}

// While this replica was held up, another execution has taken the target and come as far as its run, and
// somebody has deleted its Lease. What this one has taken meanwhile stays for whoever frees the targets of
// the dead.
func TestStartBesideAnother(t *testing.T) {
	held, pending, lease := execution(given.RunCreated), given.Run(execution()), given.LockLease(execution(), 0)
	beside := func(name string, rival *tektonv1.PipelineRun) rtesting.TableRow {
		return rtesting.TableRow{
			Name: name, Objects: []runtime.Object{held, pending, lease, rival},
			WantDeletes:       deletions(runDeletion()),
			WantStatusUpdates: status(execution(given.RunCreated, given.SkippedFor(other(), time.Minute))),
			WantEvents:        []string{skipped(other())},
		}
	}
	works := given.Run(other(), given.Running(time.Minute))
	unreadable := beside("whose run cannot be read", works)
	unreadable.WithReactors = []clientgotesting.ReactionFunc{rtesting.InduceFailure("get", "pipelineruns")}
	unreadable.WantErr, unreadable.WantDeletes, unreadable.WantStatusUpdates = true, nil, nil
	unreadable.WantEvents = []string{internalError("failed to read PipelineRun kubernaut-workflows/" + works.Name + ": inducing failure for get pipelineruns")}
	ended := beside("whose run has ended", given.Run(other(), given.Running(time.Hour), given.Succeeded(0)))
	ended.WantDeletes, ended.WantPatches = nil, patches(startPatch())
	ended.WantStatusUpdates, ended.WantEvents = status(execution(given.Started(0))), []string{started}
	run(t, rtesting.TableTest{beside("whose run is running", works), beside("whose run is pending", given.Run(other(), createdAMinuteAgo)), unreadable, ended})
}
