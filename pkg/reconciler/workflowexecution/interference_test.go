// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package workflowexecution

import (
	"testing"
	"time"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clientgotesting "k8s.io/client-go/testing"
	rtesting "knative.dev/pkg/reconciler/testing"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	given "kubernaut.ai/workflowexecution/pkg/reconciler/testing"
)

// setBack is a run that was started and then, by somebody, made pending again. Its tasks run on.
func setBack(ago time.Duration) *tektonv1.PipelineRun {
	return given.Run(execution(), given.Running(ago), given.SetBack)
}

// What somebody else does to a run is brought to what the lock demands.
func TestStartedByOthers(t *testing.T) {
	created := execution(given.RunCreated)
	starts := given.Run(execution(), given.Running(0))
	lease := given.LockLease(execution(), time.Minute)
	noted := status(execution(given.Started(0), given.Mirroring(working(0))))
	cancels := patches(cancelPatch(v1alpha1.FailureCancelled))
	again := given.With(given.Requeues(time.Minute))
	run(t, rtesting.TableTest{{
		// Nobody can tell whether a reconcile before a crash has done it.
		Name:              "under our lock",
		Objects:           []runtime.Object{created, starts, lease},
		WantStatusUpdates: noted, WantEvents: []string{started}, OtherTestData: given.With(given.Requeues(30 * time.Minute)),
	}, {
		Name:        "under a lock that is fenced",
		Objects:     []runtime.Object{created, starts, given.LockLease(execution(), time.Minute, given.Fenced)},
		WantPatches: cancels, OtherTestData: again,
	}, {
		// Its finally tasks would run beside the other.
		Name:        "under the lock of another",
		Objects:     []runtime.Object{created, starts, given.LockLease(given.Execution("billing/other"), time.Minute), given.Execution("billing/other", given.Locked)},
		WantPatches: patches(stopPatch()), OtherTestData: again,
	}, {
		Name:        "without any lock",
		Objects:     []runtime.Object{created, starts},
		WantPatches: cancels, OtherTestData: again,
	}, {
		// Somebody has edited the Lease, or both were started by hand.
		Name:        "while another runs on the target",
		Objects:     []runtime.Object{created, starts, lease, given.Run(given.Execution("billing/other"), given.Running(time.Minute))},
		WantPatches: patches(stopPatch()), OtherTestData: again,
	}, {
		Name: "and cancelled by way of its finally tasks, while another has the target",
		Objects: []runtime.Object{
			created, given.Run(execution(), given.Running(0), given.Cancelled(v1alpha1.FailureCancelled)),
			given.LockLease(given.Execution("billing/other"), time.Minute), given.Execution("billing/other", given.Locked),
		},
		WantPatches: patches(stopPatch()), OtherTestData: again,
	}, {
		Name:         "and nobody knows of the lock",
		Objects:      []runtime.Object{created, starts, lease},
		WithReactors: []clientgotesting.ReactionFunc{rtesting.InduceFailure("get", "leases")},
		WantErr:      true,
		WantEvents:   []string{internalError("failed to read the lease of target payment/deployments.apps/api: inducing failure for get leases")},
	}, {
		// It goes on as what it is: one that is cancelled.
		Name:              "and cancelled already",
		Objects:           []runtime.Object{created, given.Run(execution(), given.Running(0), given.Cancelled(v1alpha1.FailureCancelled), given.CancelledAt(0))},
		WantStatusUpdates: noted, WantEvents: []string{started}, OtherTestData: given.With(given.Requeues(5 * time.Minute)),
	}})
}

// While this replica was held up between its look at the lock and its patch, another one fenced the lock, and somebody has
// started the run. It is not taken for a start of ours.
func TestStartedByOthersBeforeOurPatch(t *testing.T) {
	starts := given.Run(execution(), given.Running(0))
	fenced := given.LockLease(execution(), time.Minute, given.Fenced)
	row := rtesting.TableRow{
		Name: "under a lock that was fenced meanwhile", Objects: []runtime.Object{execution(given.RunCreated), given.Run(execution()), fenced},
		WithReactors:  []clientgotesting.ReactionFunc{onlyStartRefused, once("get", "leases", given.LockLease(execution(), time.Minute))},
		WantPatches:   patches(startPatch(), cancelPatch(v1alpha1.FailureCancelled)),
		OtherTestData: given.With(given.Live(starts), given.Requeues(time.Minute)),
	}
	run(t, rtesting.TableTest{row})
}

// onlyStartRefused lets other patches than that of the start through.
func onlyStartRefused(action clientgotesting.Action) (bool, runtime.Object, error) {
	if patch, ok := action.(clientgotesting.PatchAction); !ok || patch.GetPatchType() != types.JSONPatchType {
		return false, nil, nil
	}
	return startRefused()[0](action)
}

// once answers one request with an object, as it was before.
func once(verb, resource string, object runtime.Object) clientgotesting.ReactionFunc {
	isAnswered := false
	return func(action clientgotesting.Action) (bool, runtime.Object, error) {
		if isAnswered || !action.Matches(verb, resource) {
			return false, nil, nil
		}
		isAnswered = true
		return true, object, nil
	}
}

// A reconcile has created the run and crashed before it noted it. Another one is about to skip the execution, because
// of a copy of that run.
func TestSkipWithARunThatWasNotNoted(t *testing.T) {
	lease, copied := given.LockLease(execution(), time.Minute), rerun(given.Running(time.Minute))
	skipped := execution(given.SkippedWith(skippedFor(copied)))
	skips := []string{"Normal WorkflowSkipped ResourceBusy: " + skipped.Status.SkipDetails.Message}
	started := given.Run(execution(), given.Running(0))
	noted := status(execution(given.Locked, given.RunAltered(alteration(`spec.status is "" instead of "PipelineRunPending"`))))
	run(t, rtesting.TableTest{{
		Name:              "there is none",
		Objects:           []runtime.Object{execution(), copied, lease},
		WantStatusUpdates: status(skipped), WantEvents: skips,
	}, {
		Name:              "that is pending",
		Objects:           []runtime.Object{execution(), copied, lease},
		OtherTestData:     given.With(given.Live(given.Run(execution()))),
		WantDeletes:       deletions(runDeletion()),
		WantStatusUpdates: status(skipped), WantEvents: skips,
	}, {
		// It cannot be said any more that nothing ran.
		Name:              "that somebody has started",
		Objects:           []runtime.Object{execution(), copied, lease},
		OtherTestData:     given.With(given.Live(started)),
		WantPatches:       patches(cancelPatch(v1alpha1.FailureConfigurationError)),
		WantStatusUpdates: noted, WantEvents: []string{lockAcquired, runCreated},
	}, {
		Name:              "that somebody has started, and it has ended",
		Objects:           []runtime.Object{execution(), copied, lease},
		OtherTestData:     given.With(given.Live(succeeded())),
		WantStatusUpdates: noted, WantEvents: []string{lockAcquired, runCreated},
	}, {
		Name:         "and nobody knows whether there is one",
		Objects:      []runtime.Object{execution(), other(given.Started(0)), given.LockLease(other(), 0)},
		WithReactors: []clientgotesting.ReactionFunc{rtesting.InduceFailure("get", "pipelineruns")},
		WantErr:      true, WantStatusUpdates: status(execution(unnoticed)),
		WantEvents: []string{internalError("failed to read PipelineRun kubernaut-workflows/fix-bd45276987: inducing failure for get pipelineruns")},
	}})
}

func skippedFor(run *tektonv1.PipelineRun) v1alpha1.SkipDetails {
	return v1alpha1.SkipDetails{
		Reason: v1alpha1.SkipResourceBusy, SkippedAt: given.Ago(0),
		Message: "PipelineRun kubernaut-workflows/" + run.Name + " is on target payment/deployments.apps/api since 2026-03-01T11:59:00Z " +
			"without its lock: somebody has made it in the likeness of another; it is being ended, create a new execution once it has",
		ConflictingWorkflow: &v1alpha1.ConflictingWorkflow{
			Namespace: "payments", Name: "fix", WorkflowID: given.WorkflowID, TargetResource: given.Target, StartedAt: given.Ago(time.Minute),
		},
	}
}

func TestSetBackToPending(t *testing.T) {
	lease := given.LockLease(execution(), time.Minute)
	alive := execution(given.Started(time.Minute), given.Mirroring(working(0)))
	late := execution(given.Started(time.Hour), given.Mirroring(working(0)))
	other := given.Run(given.Execution("billing/other"), given.Running(time.Minute))
	cancels := patches(cancelPatch(v1alpha1.FailureCancelled))
	run(t, rtesting.TableTest{{
		Name:          "it is started again",
		Objects:       []runtime.Object{alive, setBack(time.Minute), lease},
		WantPatches:   patches(startPatch()),
		OtherTestData: given.With(given.Requeues(29 * time.Minute)),
	}, {
		// The cache is older than that of executions, as after each start.
		Name:          "only the cache says so",
		Objects:       []runtime.Object{alive, given.Run(execution()), lease},
		OtherTestData: given.With(given.Live(given.Run(execution(), given.Running(time.Minute)))),
	}, {
		// What its own pipeline has made is no other's work.
		Name: "it is started again beside a run of a pipeline in its pipeline",
		Objects: []runtime.Object{alive, setBack(time.Minute), lease, rerun(given.Running(0), func(run *tektonv1.PipelineRun) {
			own := given.Run(execution())
			run.OwnerReferences = []metav1.OwnerReference{{APIVersion: "tekton.dev/v1", Kind: "PipelineRun", Name: own.Name, UID: own.UID, Controller: new(true)}}
		})},
		WantPatches:   patches(startPatch()),
		OtherTestData: given.With(given.Requeues(29 * time.Minute)),
	}, {
		// Its deadline holds, whatever becomes of the start.
		Name:         "it cannot be started again",
		Objects:      []runtime.Object{alive, setBack(time.Minute), lease},
		WithReactors: []clientgotesting.ReactionFunc{rtesting.InduceFailure("patch", "pipelineruns")},
		WantPatches:  patches(startPatch()), OtherTestData: given.With(given.Requeues(5 * time.Second)),
	}, {
		Name:          "at the deadline it is ended",
		Objects:       []runtime.Object{late, setBack(time.Hour), lease},
		WantPatches:   patches(startPatch(), cancelPatch(v1alpha1.FailureDeadlineExceeded)),
		OtherTestData: given.With(given.Requeues(5 * time.Minute)),
	}, {
		Name:        "the lock is fenced",
		Objects:     []runtime.Object{alive, setBack(time.Minute), given.LockLease(execution(), time.Minute, given.Fenced)},
		WantPatches: cancels, OtherTestData: given.With(given.Requeues(time.Minute)),
	}, {
		Name:        "another works on the target",
		Objects:     []runtime.Object{alive, setBack(time.Minute), lease, other},
		WantPatches: patches(stopPatch()), OtherTestData: given.With(given.Requeues(time.Minute)),
	}, {
		// It may have been started by somebody, and set back, before anything was noted.
		Name:              "no start was noted",
		Objects:           []runtime.Object{execution(given.RunCreated), setBack(time.Minute), lease},
		WantPatches:       patches(startPatch()),
		WantStatusUpdates: status(execution(given.Started(time.Minute), given.Mirroring(working(0)))), WantEvents: []string{started},
		OtherTestData: given.With(given.Requeues(29 * time.Minute)),
	}, {
		// A start is noted only where it counts: once it is, nobody asks for the lock any more.
		Name:        "no start was noted, and the lock is fenced",
		Objects:     []runtime.Object{execution(given.RunCreated), setBack(time.Minute), given.LockLease(execution(), time.Minute, given.Fenced)},
		WantPatches: cancels, OtherTestData: given.With(given.Requeues(time.Minute)),
	}, {
		Name:         "no start was noted, the lock is fenced, and it cannot be cancelled",
		Objects:      []runtime.Object{execution(given.RunCreated), setBack(time.Minute), given.LockLease(execution(), time.Minute, given.Fenced)},
		WithReactors: []clientgotesting.ReactionFunc{rtesting.InduceFailure("patch", "pipelineruns")},
		WantErr:      true, WantPatches: cancels,
		WantEvents: []string{internalError("failed to cancel PipelineRun kubernaut-workflows/fix-bd45276987: inducing failure for patch pipelineruns")},
	}, {
		// It is not taken for one that never started.
		Name:          "and the execution is deleted",
		Objects:       []runtime.Object{execution(given.Deleted(0), given.Started(time.Minute), given.Mirroring(working(0))), setBack(time.Minute), lease},
		WantPatches:   cancels,
		OtherTestData: given.With(given.Requeues(time.Minute)),
	}, {
		Name:              "and the execution is deleted, before a start was noted",
		Objects:           []runtime.Object{execution(given.Deleted(0), given.RunCreated), setBack(time.Minute), lease},
		WantPatches:       cancels,
		WantStatusUpdates: status(execution(given.Deleted(0), given.Started(time.Minute), given.Mirroring(working(0)))), WantEvents: []string{started},
		OtherTestData: given.With(given.Requeues(time.Minute)),
	}})
}

// A run that somebody has made in the likeness of ours counts as work on the target, whoever it pretends to be.
func TestRerunKeepsTheTarget(t *testing.T) {
	runs := rerun(given.Running(time.Minute))
	nameless := rerun(given.Running(time.Minute))
	nameless.Annotations = nil
	pending := given.Run(execution())
	lease := given.LockLease(execution(), time.Minute)
	by := func(run *tektonv1.PipelineRun) string {
		return "PipelineRun kubernaut-workflows/" + run.Name + " is on target payment/deployments.apps/api since 2026-03-01T11:59:00Z " +
			"without its lock: somebody has made it in the likeness of another; it is being ended, create a new execution once it has"
	}
	skipped := func(message string, by *v1alpha1.ConflictingWorkflow, facts ...given.ExecutionOption) *v1alpha1.WorkflowExecution {
		return execution(append(facts, func(wfe *v1alpha1.WorkflowExecution) {
			given.Observed(wfe)
			wfe.Status.MarkSkipped(v1alpha1.SkipDetails{
				Reason: v1alpha1.SkipResourceBusy, Message: message, SkippedAt: given.Ago(0), ConflictingWorkflow: by,
			})
		})...)
	}
	copied := &v1alpha1.ConflictingWorkflow{
		Namespace: "payments", Name: "fix", WorkflowID: given.WorkflowID, TargetResource: given.Target, StartedAt: given.Ago(time.Minute),
	}
	run(t, rtesting.TableTest{{
		Name:              "from a new execution",
		Objects:           []runtime.Object{execution(), runs},
		WantStatusUpdates: status(skipped(by(runs), copied)),
		WantEvents:        []string{"Normal WorkflowSkipped ResourceBusy: " + by(runs)},
	}, {
		Name:              "whose annotations are gone",
		Objects:           []runtime.Object{execution(), nameless},
		WantStatusUpdates: status(skipped(by(nameless), nil)),
		WantEvents:        []string{"Normal WorkflowSkipped ResourceBusy: " + by(nameless)},
	}, {
		Name:              "from one that is about to start",
		Objects:           []runtime.Object{execution(given.RunCreated), pending, runs, lease},
		WantDeletes:       deletions(runDeletion()),
		WantStatusUpdates: status(skipped(by(runs), copied, given.RunCreated)),
		WantEvents:        []string{"Normal WorkflowSkipped ResourceBusy: " + by(runs)},
	}})
}
