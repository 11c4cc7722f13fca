// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package workflowexecution

import (
	"slices"
	"strings"
	"testing"
	"time"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgotesting "k8s.io/client-go/testing"
	rtesting "knative.dev/pkg/reconciler/testing"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution"
	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	given "kubernaut.ai/workflowexecution/pkg/reconciler/testing"
	"kubernaut.ai/workflowexecution/pkg/targetlock"
)

// A dead holder has left its lock, and nothing else: its target is fenced, freed and taken. What is to be
// remembered of it is noted with the release, and kept by the next one.
func TestTakeOver(t *testing.T) {
	lease := given.LockLease(other(), time.Minute)
	takes := func(name string, entry targetlock.Entry, objects ...runtime.Object) rtesting.TableRow {
		remembers := given.Remembers("drain", entry)
		return rtesting.TableRow{
			Name: name, Objects: append(objects, execution(), lease),
			WantCreates: []runtime.Object{newRun()},
			WantUpdates: updates(given.LockLease(other(), time.Minute, given.Fenced), given.FreeLease(remembers),
				given.LockLease(execution(), 0, remembers)),
			WantStatusUpdates: status(execution(given.RunCreated)),
			WantEvents:        []string{lockAcquired, runCreated},
			PostConditions:    []func(*testing.T, *rtesting.TableRow){given.InOrder("update leases", "update leases", "create pipelineruns")},
		}
	}
	over := other(given.Started(time.Hour), given.Ended(time.Minute, nil), given.Released)
	theirs := given.Run(other(), given.Running(time.Hour), given.Succeeded(time.Minute))
	gone := given.Entry(other(), 0, given.FailedFor(v1alpha1.FailureCancelled, "The execution was removed while it held its target"),
		given.Until(5*time.Minute))
	ended := given.Entry(other(), time.Minute, given.FreedAgo(0), given.Until(4*time.Minute))
	run(t, rtesting.TableTest{
		takes("from an execution that is gone", gone),
		takes("from an execution that is over", ended, over, theirs),
		takes("from an execution whose name another has now", gone, other(given.WithUID("later"))),
		takes("whose pods have all ended", ended, over, theirs, given.Pod(theirs, "drain", given.PodEnded)),
	})
}

// Somebody has edited or removed what the Lease says of its target: its name decides.
func TestTakeOverOfMislabelledLease(t *testing.T) {
	remembers := given.Remembers("drain", given.Entry(other(), 0,
		given.FailedFor(v1alpha1.FailureCancelled, "The execution was removed while it held its target"), given.Until(5*time.Minute)))
	for name, says := range map[string]func(*coordinationv1.Lease){
		"another target": func(lease *coordinationv1.Lease) {
			lease.Annotations[workflowexecution.TargetAnnotation] = "payment/deployments.apps/web"
		},
		"no target": func(lease *coordinationv1.Lease) { delete(lease.Annotations, workflowexecution.TargetAnnotation) },
	} {
		run(t, rtesting.TableTest{{
			Name:        name,
			Objects:     []runtime.Object{execution(), given.LockLease(other(), time.Minute, says)},
			WantCreates: []runtime.Object{newRun()},
			WantUpdates: updates(given.LockLease(other(), time.Minute, says, given.Fenced), given.FreeLease(says, remembers),
				given.LockLease(execution(), 0, remembers)),
			WantStatusUpdates: status(execution(given.RunCreated)),
			WantEvents:        []string{lockAcquired, runCreated},
		}})
	}
}

// The dead holder's workflow is the same, so that its cooldown counts as soon as its target is free.
func TestTakeOverOfSameWorkflow(t *testing.T) {
	theirs := given.Execution("billing/other")
	entry := given.Entry(theirs, 0, given.FailedFor(v1alpha1.FailureCancelled, "The execution was removed while it held its target"),
		given.Until(5*time.Minute))
	details := recently(entry, "Workflow restart ran on target payment/deployments.apps/api in execution billing/other, "+
		"which ended at 2026-03-01T12:00:00Z (Failed); it may run there again at 2026-03-01T12:05:00Z", 5*time.Minute)
	run(t, rtesting.TableTest{{
		Name:              "from an execution that is gone",
		Objects:           []runtime.Object{execution(), given.LockLease(theirs, time.Minute)},
		WantUpdates:       updates(given.LockLease(theirs, time.Minute, given.Fenced), free(entry)),
		WantStatusUpdates: status(execution(given.SkippedWith(details))),
		WantEvents:        []string{skips(details)},
	}})
}

// What a dead holder has left running is ended first, as its own deletion would have; the target
// stays locked meanwhile.
func TestTakeOverOfWhatStillWorks(t *testing.T) {
	lease := given.LockLease(other(), time.Minute)
	fenced := []clientgotesting.UpdateActionImpl{update(given.LockLease(other(), time.Minute, given.Fenced))}
	waits := func(name string, row rtesting.TableRow, objects ...runtime.Object) rtesting.TableRow {
		row.Name, row.Objects = name, slices.Concat(objects, []runtime.Object{execution(), lease})
		row.WantUpdates = fenced
		row.WantStatusUpdates = status(execution(given.SkippedFor(other(), time.Minute)))
		row.WantEvents = []string{skipped(other())}
		return row
	}
	works := given.Run(other(), given.Running(time.Minute))
	done := given.Run(other(), given.Running(time.Hour), given.Failed(time.Second, tektonv1.PipelineRunReasonFailed))
	longDone := given.Run(other(), given.Running(time.Hour), given.Failed(time.Minute, tektonv1.PipelineRunReasonFailed))
	cancelled := func(ago time.Duration) *tektonv1.PipelineRun {
		return given.Run(other(), given.Running(time.Hour), given.Cancelled(v1alpha1.FailureCancelled), given.CancelledAt(ago))
	}
	run(t, rtesting.TableTest{
		waits("a run is cancelled, so that its finally tasks run", rtesting.TableRow{
			WantPatches: patches(cancelPatchOf(works)),
		}, works),
		waits("a cancelled run has its grace", rtesting.TableRow{}, cancelled(10*time.Second)),
		waits("a cancelled run is deleted after its grace", rtesting.TableRow{
			WantDeletes: deletions(deletionOf(cancelled(time.Hour))),
		}, cancelled(time.Hour)),
		waits("a TaskRun that outlives its run is waited for", rtesting.TableRow{}, done, given.TaskRun(done, "drain")),
		waits("a TaskRun that outlives its run by a minute is deleted", rtesting.TableRow{
			WantDeletes: deletions(deletion("taskruns", given.RunNamespace, done.Name+"-drain")),
		}, longDone, given.TaskRun(longDone, "drain")),
		waits("a pod that works on is asked to end", rtesting.TableRow{
			WantDeletes: deletions(deletion("pods", given.RunNamespace, given.Pod(done, "drain").Name)),
		}, done, given.Pod(done, "drain")),
		waits("a pod that ignores that is waited for", rtesting.TableRow{}, done, given.Pod(done, "drain", given.PodDeleted)),
	})
}

// A run that never started cannot start any more, so it is deleted and the target taken at once.
func TestTakeOverOfUnstartedRun(t *testing.T) {
	theirs := given.Run(other())
	fenced := given.LockLease(other(), time.Minute, given.Fenced)
	run(t, rtesting.TableTest{{
		// Nothing is to be remembered, so the Lease goes with its holder.
		Name:              "left by an execution that is gone",
		Objects:           []runtime.Object{execution(), theirs, given.LockLease(other(), time.Minute)},
		WantCreates:       []runtime.Object{newLease(execution()), newRun()},
		WantUpdates:       updates(fenced),
		WantDeletes:       deletions(deletionOf(theirs), leaseDeletion()),
		WantStatusUpdates: status(execution(given.RunCreated)),
		WantEvents:        []string{lockAcquired, runCreated},
		PostConditions: []func(*testing.T, *rtesting.TableRow){given.InOrder(
			"update leases", "delete pipelineruns", "delete leases", "create leases", "create pipelineruns")},
	}, {
		Name:              "and the holder cannot be read",
		Objects:           []runtime.Object{execution(), theirs, given.LockLease(other(), time.Minute)},
		WithReactors:      []clientgotesting.ReactionFunc{rtesting.InduceFailure("list", "taskruns")},
		WantErr:           true,
		WantUpdates:       updates(fenced),
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
