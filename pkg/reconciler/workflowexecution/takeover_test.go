// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package workflowexecution

import (
	"slices"
	"strings"
	"testing"
	"time"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgotesting "k8s.io/client-go/testing"
	rtesting "knative.dev/pkg/reconciler/testing"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	given "kubernaut.ai/workflowexecution/pkg/reconciler/testing"
)

// A dead holder has left its lock, and nothing else: its target is fenced, freed and taken.
func TestTakeOver(t *testing.T) {
	lease := given.LockLease(other(), time.Minute)
	fenced := []clientgotesting.UpdateActionImpl{update(given.LockLease(other(), time.Minute, given.Fenced))}
	takes := func(name string, objects ...runtime.Object) rtesting.TableRow {
		return rtesting.TableRow{
			Name: name, Objects: append(objects, execution(), lease),
			WantCreates:       []runtime.Object{newLease(execution()), newLease(execution()), newRun()},
			WantUpdates:       fenced,
			WantDeletes:       deletions(leaseDeletion()),
			WantStatusUpdates: status(execution(given.Held)),
			WantEvents:        []string{lockAcquired, runCreated},
			PostConditions:    []func(*testing.T, *rtesting.TableRow){given.InOrder("update leases", "delete leases", "create pipelineruns")},
		}
	}
	over := other(given.Started(time.Hour), given.Ended(time.Minute, nil), given.Released)
	theirs := given.Run(other(), given.Works(time.Hour), given.Succeeded(time.Minute))
	run(t, rtesting.TableTest{
		takes("from an execution that is gone"),
		takes("from an execution that is over", over, theirs),
		takes("from an execution whose name another has now", other(given.WithUID("later"))),
		takes("whose pods have all ended", over, theirs, given.Pod(theirs, "drain", given.PodEnded)),
	})
}

// What a dead holder has left at work is ended first, as its own deletion would have; the target
// stays locked meanwhile.
func TestTakeOverOfWhatStillWorks(t *testing.T) {
	lease := given.LockLease(other(), time.Minute)
	fenced := []clientgotesting.UpdateActionImpl{update(given.LockLease(other(), time.Minute, given.Fenced))}
	skips := func(name string, row rtesting.TableRow, objects ...runtime.Object) rtesting.TableRow {
		row.Name, row.Objects = name, slices.Concat(objects, []runtime.Object{execution(), lease})
		row.WantCreates, row.WantUpdates = []runtime.Object{newLease(execution())}, fenced
		row.WantStatusUpdates = status(execution(given.SkippedFor(other(), time.Minute)))
		row.WantEvents = []string{skipped(other())}
		return row
	}
	works := given.Run(other(), given.Works(time.Minute))
	done := given.Run(other(), given.Works(time.Hour), given.Failed(time.Minute, tektonv1.PipelineRunReasonFailed))
	cancelled := func(ago time.Duration) *tektonv1.PipelineRun {
		return given.Run(other(), given.Works(time.Hour), given.Cancelled(v1alpha1.FailureCancelled), given.CancelledAt(ago))
	}
	run(t, rtesting.TableTest{
		skips("a run is cancelled, so that its finally tasks run", rtesting.TableRow{
			WantPatches: patches(cancelPatchOf(works)),
		}, works),
		skips("a cancelled run has its grace", rtesting.TableRow{}, cancelled(10*time.Second)),
		skips("a cancelled run is deleted after its grace", rtesting.TableRow{
			WantDeletes: deletions(deletionOf(cancelled(time.Hour))),
		}, cancelled(time.Hour)),
		skips("a TaskRun that outlives its run is waited for", rtesting.TableRow{}, done, given.TaskRun(done, "drain")),
		skips("a pod that works on is asked to end", rtesting.TableRow{
			WantDeletes: deletions(deletion("pods", given.RunNamespace, given.Pod(done, "drain").Name)),
		}, done, given.Pod(done, "drain")),
		skips("a pod that ignores that is waited for", rtesting.TableRow{}, done, given.Pod(done, "drain", given.PodDeleted)),
	})
}

// A run that never started cannot start any more, so it is deleted and the target taken at once.
func TestTakeOverOfUnstartedRun(t *testing.T) {
	theirs := given.Run(other())
	run(t, rtesting.TableTest{{
		Name:              "left by an execution that is gone",
		Objects:           []runtime.Object{execution(), theirs, given.LockLease(other(), time.Minute)},
		WantCreates:       []runtime.Object{newLease(execution()), newLease(execution()), newRun()},
		WantUpdates:       []clientgotesting.UpdateActionImpl{update(given.LockLease(other(), time.Minute, given.Fenced))},
		WantDeletes:       deletions(deletionOf(theirs), leaseDeletion()),
		WantStatusUpdates: status(execution(given.Held)),
		WantEvents:        []string{lockAcquired, runCreated},
		PostConditions: []func(*testing.T, *rtesting.TableRow){given.InOrder(
			"update leases", "delete pipelineruns", "delete leases", "create pipelineruns")},
	}, {
		Name:              "and the holder cannot be read",
		Objects:           []runtime.Object{execution(), theirs, given.LockLease(other(), time.Minute)},
		WithReactors:      []clientgotesting.ReactionFunc{rtesting.InduceFailure("list", "taskruns")},
		WantErr:           true,
		WantCreates:       []runtime.Object{newLease(execution())},
		WantUpdates:       []clientgotesting.UpdateActionImpl{update(given.LockLease(other(), time.Minute, given.Fenced))},
		WantDeletes:       deletions(deletionOf(theirs)),
		WantStatusUpdates: status(execution(unnoticed)),
		WantEvents:        []string{internalError("failed to list the TaskRuns of the run: inducing failure for list taskruns")},
	}})
}

func deletionOf(run *tektonv1.PipelineRun) clientgotesting.DeleteActionImpl {
	return deletion("pipelineruns", run.Namespace, run.Name)
}

func cancelPatchOf(run *tektonv1.PipelineRun) clientgotesting.PatchActionImpl {
	return patch(run.Name, strings.Replace(string(cancelPatch(v1alpha1.FailureCancelled).Patch), "run-of-uid-fix", string(run.UID), 1))
}
