// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package workflowexecution

import (
	"testing"
	"time"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgotesting "k8s.io/client-go/testing"
	rtesting "knative.dev/pkg/reconciler/testing"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	given "kubernaut.ai/workflowexecution/pkg/reconciler/testing"
)

// ledgerText is how much of a message the ledger keeps, in bytes.
const ledgerText = 256

func alteration(how string) string {
	return "PipelineRun kubernaut-workflows/fix-bd45276987 is not stored as it was sent: " + how + ". A mutating webhook has changed it, " +
		"such as that of a queue: exclude namespace kubernaut-workflows from it, since only the lock of the target may start a workflow"
}

// storedAs answers the creation of the run with what a webhook made of it.
func storedAs(run *tektonv1.PipelineRun) []clientgotesting.ReactionFunc {
	return []clientgotesting.ReactionFunc{func(action clientgotesting.Action) (bool, runtime.Object, error) {
		return action.Matches("create", "pipelineruns"), run, nil
	}}
}

// What starts a run, or keeps Tekton from it, in our place does not obey the lock.
func TestAltered(t *testing.T) {
	locked, lease := execution(given.Locked), given.LockLease(execution(), time.Minute)
	managed := alteration(`spec.managedBy is "kueue.x-k8s.io/multikueue" instead of unset`)
	begun := alteration(`spec.status is "" instead of "PipelineRunPending"`)
	unstarted := func(name string, row rtesting.TableRow) rtesting.TableRow {
		row.Name = name
		row.WantCreates = []runtime.Object{newRun()}
		row.WantUpdates = updates(given.LockLease(execution(), time.Minute, given.Fenced),
			free(failedUnstartedNow(v1alpha1.FailureConfigurationError, v1alpha1.Cut(managed, ledgerText))))
		row.WantDeletes = deletions(runDeletion())
		row.WantStatusUpdates = status(execution(given.Locked, given.FailedUnstarted(v1alpha1.FailureConfigurationError, managed),
			given.Failing(1, time.Minute)))
		row.WantEvents = []string{lockReleased, failed(v1alpha1.FailureConfigurationError, managed)}
		row.PostConditions = []func(*testing.T, *rtesting.TableRow){given.InOrder("update leases", "delete pipelineruns", "update leases")}
		return row
	}
	taken := given.Run(execution(), given.ManagedByAnother)
	run(t, rtesting.TableTest{
		unstarted("handed to a queue", rtesting.TableRow{
			Objects: []runtime.Object{locked, lease}, OtherTestData: given.With(given.Live(taken)), WithReactors: storedAs(taken),
		}),
		unstarted("handed to a queue, and adopted", rtesting.TableRow{Objects: []runtime.Object{locked, taken, lease}}),
		{
			// It may be running by now, so that it is cancelled at once, and its reference stored as that of any run that ends.
			Name: "started", Objects: []runtime.Object{locked, lease},
			OtherTestData:     given.With(given.Live(given.Run(execution(), given.NotPending))),
			WithReactors:      storedAs(given.Run(execution(), given.NotPending)),
			WantCreates:       []runtime.Object{newRun()},
			WantPatches:       patches(cancelPatch(v1alpha1.FailureConfigurationError)),
			WantStatusUpdates: status(execution(given.RunAltered(begun))),
			WantEvents:        []string{runCreated},
		},
		{
			// Nobody takes it for a run that was started after the checks: its reference is not stored before.
			Name: "started, and it cannot be cancelled", Objects: []runtime.Object{locked, lease},
			OtherTestData: given.With(given.Live(given.Run(execution(), given.NotPending))),
			WithReactors: append(storedAs(given.Run(execution(), given.NotPending)),
				rtesting.InduceFailure("patch", "pipelineruns")),
			WantErr:     true,
			WantCreates: []runtime.Object{newRun()},
			WantPatches: patches(cancelPatch(v1alpha1.FailureConfigurationError)),
			WantEvents: []string{internalError("failed to cancel PipelineRun kubernaut-workflows/fix-bd45276987: " +
				"inducing failure for patch pipelineruns")},
		},
		{
			// The cause is who started it, not what was cancelled therefore.
			Name: "started, and it has ended",
			Objects: []runtime.Object{
				execution(given.RunAltered(begun), given.Started(time.Minute)),
				given.Run(execution(), given.Running(time.Minute), given.Cancelled(v1alpha1.FailureConfigurationError),
					given.Failed(0, tektonv1.PipelineRunReasonCancelled)), lease,
			},
			WantStatusUpdates: status(execution(given.RunAltered(begun), given.Started(time.Minute),
				given.Mirroring(done("False", "Cancelled")), given.Ended(0, &v1alpha1.FailureDetails{
					Reason: v1alpha1.FailureConfigurationError, Message: begun, FailedAt: given.Ago(0),
					ExecutionTimeBeforeFailure: &metav1.Duration{Duration: time.Minute}, WasExecutionFailure: true,
				}))),
		},
		{
			Name: "named as Tekton's own", Objects: []runtime.Object{locked, lease},
			WithReactors:      storedAs(given.Run(execution(), func(run *tektonv1.PipelineRun) { run.Spec.ManagedBy = new("tekton.dev/pipeline") })),
			WantCreates:       []runtime.Object{newRun()},
			WantStatusUpdates: status(execution(given.RunCreated)),
			WantEvents:        []string{runCreated},
		},
	})
}
