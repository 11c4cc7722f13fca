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
	held, lease := execution(given.Held), given.LockLease(execution(), time.Minute)
	pending := given.Run(execution())
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
		OtherTestData:     given.With(given.Live(given.Run(execution(), given.Works(10*time.Second)))),
		WithReactors:      startRefused(),
		WantPatches:       patches(startPatch()),
		WantStatusUpdates: status(execution(given.Started(10 * time.Second))),
		WantEvents:        []string{started},
	}, {
		Name:              "started already, which Tekton has not noticed",
		Objects:           []runtime.Object{held, pending, lease},
		OtherTestData:     given.With(given.Live(given.Run(execution(), given.LetGo))),
		WithReactors:      startRefused(),
		WantPatches:       patches(startPatch()),
		WantStatusUpdates: status(execution(given.Started(0))),
		WantEvents:        []string{started},
	}, {
		// The cache will say so, and bring the next pass.
		Name:          "the run is gone, which the cache does not know",
		Objects:       []runtime.Object{held, pending, lease},
		OtherTestData: given.With(given.Gone(pending)),
		WithReactors:  []clientgotesting.ReactionFunc{given.Refuse("patch", "pipelineruns", apierrors.NewNotFound(pipelineRuns, runName))},
		WantPatches:   patches(startPatch()),
	}, {
		Name:         "the patch fails",
		Objects:      []runtime.Object{held, pending, lease},
		WithReactors: []clientgotesting.ReactionFunc{rtesting.InduceFailure("patch", "pipelineruns")},
		WantErr:      true,
		WantPatches:  patches(startPatch()),
		WantEvents: []string{internalError("failed to start PipelineRun kubernaut-workflows/fix-bd45276987: " +
			"inducing failure for patch pipelineruns")},
	}, {
		// What cannot be started must not lock its target for ever.
		Name: "the patch fails past the pending deadline",
		Objects: []runtime.Object{
			execution(given.LockedFor(6*time.Minute), given.Referring), pending, given.LockLease(execution(), 6*time.Minute),
		},
		WithReactors: []clientgotesting.ReactionFunc{rtesting.InduceFailure("patch", "pipelineruns")},
		WantPatches:  patches(startPatch()),
		WantUpdates:  []clientgotesting.UpdateActionImpl{update(given.LockLease(execution(), 6*time.Minute, given.Fenced))},
		WantDeletes:  deletions(runDeletion(), leaseDeletion()),
		WantStatusUpdates: status(execution(given.Held, given.Refused(v1alpha1.FailureUnknown,
			"failed to start PipelineRun kubernaut-workflows/fix-bd45276987: inducing failure for patch pipelineruns"))),
		WantEvents: []string{lockReleased, failed(v1alpha1.FailureUnknown,
			"failed to start PipelineRun kubernaut-workflows/fix-bd45276987: inducing failure for patch pipelineruns")},
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

// Whatever differs at the API server from the copy this pass rests on: the run is not started, and
// no lock is taken either.
func TestStartOnOldCopy(t *testing.T) {
	old := func(name string, live *v1alpha1.WorkflowExecution, objects ...runtime.Object) rtesting.TableRow {
		return rtesting.TableRow{
			Name: name, Objects: append(objects, execution(given.Held), given.Run(execution())),
			OtherTestData: given.With(given.Live(live)),
		}
	}
	lease := given.LockLease(execution(), time.Minute)
	run(t, rtesting.TableTest{
		old("being deleted", execution(given.Held, given.Deleted(0)), lease),
		old("another one of that name", execution(given.Held, given.WithUID("later")), lease),
		old("without the reference", execution(given.Locked), lease),
		old("with another reference", execution(given.Held, withRunUID("another-run")), lease),
		old("started", execution(given.Started(time.Minute)), lease),
		old("ended", execution(given.Started(time.Minute), given.Ended(0, nil)), lease),
		old("over, and the target is free", execution(given.Started(time.Minute), given.Ended(0, nil), given.Released)),
		old("over, and the target is another's", execution(given.Started(time.Minute), given.Ended(0, nil), given.Released),
			given.LockLease(other(), time.Second)),
		{
			Name: "gone", Objects: []runtime.Object{execution(given.Held), given.Run(execution()), lease},
			OtherTestData: given.With(given.Gone(execution())),
		},
	})
}

func TestStartWithoutLock(t *testing.T) {
	held, pending := execution(given.Held), given.Run(execution())
	const fencedMessage = "The lock was fenced before the workflow started; nothing ran"
	run(t, rtesting.TableTest{{
		// Somebody deleted the Lease by hand. It is taken again first; the run starts in the next pass.
		Name:          "the lock is gone",
		Objects:       []runtime.Object{held, pending},
		WantCreates:   []runtime.Object{newLease(execution())},
		OtherTestData: given.With(given.Requeues(0)),
	}, {
		// The run never started, so it is deleted, by UID and version, and the execution is skipped.
		Name:              "the lock is another's",
		Objects:           []runtime.Object{held, pending, given.LockLease(other(), time.Minute)},
		WantCreates:       []runtime.Object{newLease(execution())},
		WantDeletes:       deletions(runDeletion()),
		WantStatusUpdates: status(execution(given.Held, given.SkippedFor(other(), time.Minute))),
		WantEvents:        []string{skipped(other())},
	}, {
		// It was started after all, which the cache does not know: it is not deleted.
		Name:    "the lock is another's and the run has changed",
		Objects: []runtime.Object{held, pending, given.LockLease(other(), time.Minute)},
		OtherTestData: given.With(given.Fails("preconditions"), given.Live(given.Run(execution(), given.LetGo, func(run *tektonv1.PipelineRun) {
			run.ResourceVersion = "8"
		}))),
		WantErr:     true,
		WantCreates: []runtime.Object{newLease(execution())},
		WantDeletes: deletions(runDeletion()),
		WantEvents: []string{internalError("failed to delete PipelineRun kubernaut-workflows/fix-bd45276987, which never started: " +
			`Operation cannot be fulfilled on pipelineruns.tekton.dev "fix-bd45276987": Conflict: the preconditions do not hold`)},
	}, {
		// Somebody was about to give up and crashed: what is fenced never starts.
		Name:              "the lock is fenced",
		Objects:           []runtime.Object{held, pending, given.LockLease(execution(), time.Minute, given.Fenced)},
		WantCreates:       []runtime.Object{newLease(execution())},
		WantDeletes:       deletions(runDeletion(), leaseDeletion()),
		WantStatusUpdates: status(execution(given.Held, given.Refused(v1alpha1.FailureCancelled, fencedMessage))),
		WantEvents:        []string{lockReleased, failed(v1alpha1.FailureCancelled, fencedMessage)},
		PostConditions:    []func(*testing.T, *rtesting.TableRow){given.InOrder("delete pipelineruns", "delete leases")},
	}, {
		// The run has to go first, otherwise it stays for ever.
		Name:         "the lock is fenced and the run cannot be deleted",
		Objects:      []runtime.Object{held, pending, given.LockLease(execution(), time.Minute, given.Fenced)},
		WithReactors: []clientgotesting.ReactionFunc{rtesting.InduceFailure("delete", "pipelineruns")},
		WantErr:      true,
		WantCreates:  []runtime.Object{newLease(execution())},
		WantDeletes:  deletions(runDeletion()),
		WantEvents: []string{internalError("failed to delete PipelineRun kubernaut-workflows/fix-bd45276987, which never started: " +
			"inducing failure for delete pipelineruns")},
	}})
}
