// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package workflowexecution

import (
	"testing"
	"time"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgotesting "k8s.io/client-go/testing"
	rtesting "knative.dev/pkg/reconciler/testing"

	"kubernaut.ai/workflowexecution/pkg/apis/config"
	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution"
	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	given "kubernaut.ai/workflowexecution/pkg/reconciler/testing"
)

// neverRan is the outcome of an execution that was deleted before its run was started.
func neverRan(facts ...given.ExecutionOption) *v1alpha1.WorkflowExecution {
	return execution(append(facts, given.FailedUnstarted(v1alpha1.FailureCancelled, cancelledMessage))...)
}

// made is an execution of which more is to be said.
func made(wfe *v1alpha1.WorkflowExecution, facts ...given.ExecutionOption) *v1alpha1.WorkflowExecution {
	for _, fact := range facts {
		fact(wfe)
	}
	return wfe
}

func TestDeletedBeforeStart(t *testing.T) {
	lease := given.LockLease(execution(), time.Minute)
	fenced := []clientgotesting.UpdateActionImpl{update(given.LockLease(execution(), time.Minute, given.Fenced))}
	nothingRan := failed(v1alpha1.FailureCancelled, cancelledMessage)
	initialised := func(wfe *v1alpha1.WorkflowExecution) { wfe.Status.InitializeConditions() }
	run(t, rtesting.TableTest{{
		// The outcome is stored before the finalizer goes: Knative drops a status set in that reconcile.
		Name:              "before anything was done",
		Objects:           []runtime.Object{execution(given.Deleted(0))},
		WantStatusUpdates: status(neverRan(given.Deleted(0), initialised)),
		WantEvents:        []string{nothingRan},
	}, {
		Name:        "and its outcome is stored",
		Objects:     []runtime.Object{recorded(neverRan(given.Deleted(0), given.Locked))},
		WantPatches: patches(removesFinalizer()),
		WantEvents:  []string{finalizer},
	}, {
		Name:              "with the lock",
		Objects:           []runtime.Object{execution(given.Deleted(0), given.Locked), lease},
		WantUpdates:       fenced,
		WantDeletes:       deletions(leaseDeletion()),
		WantStatusUpdates: status(neverRan(given.Deleted(0), given.Locked)),
		WantEvents:        []string{lockReleased, nothingRan},
		PostConditions:    []func(*testing.T, *rtesting.TableRow){given.InOrder("update leases", "delete leases")},
	}, {
		// The lock was taken by a reconcile that could not store it.
		Name:              "with a lock that was not noted",
		Objects:           []runtime.Object{execution(given.Deleted(0)), lease},
		WantUpdates:       fenced,
		WantDeletes:       deletions(leaseDeletion()),
		WantStatusUpdates: status(made(neverRan(given.Deleted(0), initialised), given.TargetFreed(0))),
		WantEvents:        []string{nothingRan},
	}, {
		// A reconcile before a crash has freed the target, and nothing tells when.
		Name:              "with a lock that was freed, which was not noted",
		Objects:           []runtime.Object{execution(given.Deleted(0), given.Locked)},
		WantStatusUpdates: status(made(neverRan(given.Deleted(0), given.Locked), given.FreedUnseen)),
		WantEvents:        []string{lockReleased, nothingRan},
	}, {
		// Fence, then the run by UID and version, then the lock.
		Name:              "with a run that is pending",
		Objects:           []runtime.Object{execution(given.Deleted(0), given.RunCreated), given.Run(execution()), lease},
		WantUpdates:       fenced,
		WantDeletes:       deletions(runDeletion(), leaseDeletion()),
		WantStatusUpdates: status(neverRan(given.Deleted(0), given.RunCreated)),
		WantEvents:        []string{lockReleased, nothingRan},
		PostConditions: []func(*testing.T, *rtesting.TableRow){given.InOrder(
			"update leases", "delete pipelineruns", "delete leases", "update workflowexecutions/status")},
	}, {
		// Created by a reconcile that could not store it, and unknown to the cache.
		Name:              "with a run that was not noted",
		Objects:           []runtime.Object{execution(given.Deleted(0), given.Locked), lease},
		OtherTestData:     given.With(given.Live(given.Run(execution()))),
		WantUpdates:       fenced,
		WantDeletes:       deletions(runDeletion(), leaseDeletion()),
		WantStatusUpdates: status(neverRan(given.Deleted(0), given.Locked)),
		WantEvents:        []string{lockReleased, nothingRan},
	}, {
		// Another replica has just started it: it is not deleted, and the lock stays.
		Name:    "with a run that was started meanwhile",
		Objects: []runtime.Object{execution(given.Deleted(0), given.RunCreated), given.Run(execution()), lease},
		OtherTestData: given.With(given.Live(given.Run(execution(), given.NotPending, func(run *tektonv1.PipelineRun) {
			run.ResourceVersion = "8"
		}))),
		WantErr:     true,
		WantUpdates: fenced,
		WantDeletes: deletions(runDeletion()),
		WantEvents: []string{internalError("failed to delete PipelineRun kubernaut-workflows/fix-bd45276987 before it starts: " +
			`Operation cannot be fulfilled on pipelineruns.tekton.dev "fix-bd45276987": Conflict: the preconditions do not hold`)},
	}, {
		// A stranger's run of that name and a stranger's lock are left alone.
		Name: "while lock and run of that name are another's",
		Objects: []runtime.Object{
			execution(given.Deleted(0)), given.Run(execution(), given.Foreign), given.LockLease(other(), time.Minute),
		},
		WantStatusUpdates: status(neverRan(given.Deleted(0), initialised)),
		WantEvents:        []string{nothingRan},
	}, {
		Name:         "and the lock cannot be fenced",
		Objects:      []runtime.Object{execution(given.Deleted(0), given.RunCreated), given.Run(execution()), lease},
		WithReactors: []clientgotesting.ReactionFunc{rtesting.InduceFailure("update", "leases")},
		WantErr:      true, WantUpdates: fenced,
		WantEvents: []string{internalError("failed to fence the lease of target payment/deployments.apps/api: " +
			"inducing failure for update leases")},
	}})
}

func TestDeletedWhileRunning(t *testing.T) {
	lease := given.LockLease(execution(), time.Minute)
	runningAnd := func(ago time.Duration) *v1alpha1.WorkflowExecution {
		return execution(given.Deleted(ago), given.Started(time.Minute), given.Mirroring(working(0)))
	}
	works := given.Run(execution(), given.Running(time.Minute))
	cancelled := given.Run(execution(), given.Running(time.Minute), given.Cancelled(v1alpha1.FailureCancelled))
	stuck := given.TaskRun(cancelled, "uncordon", func(taskRun *tektonv1.TaskRun) { taskRun.Status.PodName = runName + "-uncordon-pod" })
	waits := given.Pod(cancelled, "uncordon", unschedulable, withGate)
	const forNode = "Unschedulable: task uncordon: 0/1 nodes: Insufficient cpu"
	stranded := &v1alpha1.FailureDetails{
		Reason: v1alpha1.FailureCancelled, FailedAt: given.Ago(0), FailedTaskName: "uncordon",
		FailedTaskIndex: new(int32(2)), FailedTaskRunName: runName + "-uncordon",
		Message: "The execution was deleted while its workflow ran, which was cancelled; its finally tasks were allowed to run, " +
			"but task uncordon (3 of 3) never started: it waited for Unschedulable (0/1 nodes: Insufficient cpu)",
		ExecutionTimeBeforeFailure: &metav1.Duration{Duration: time.Minute}, WasExecutionFailure: true,
		NaturalLanguageSummary: "Workflow restart (version 1.2.0) failed on payment/Deployment/api in task uncordon (3 of 3), 1m0s after its start: somebody ended it. " +
			"The execution was deleted while its workflow ran, which was cancelled; its finally tasks were allowed to run, " +
			"but task uncordon (3 of 3) never started: it waited for Unschedulable (0/1 nodes: Insufficient cpu). " +
			"Steps of the workflow were or may have been executed, so it may have changed the target. " +
			"Its finally task uncordon never started, so what it puts right is still to be done. " +
			"Next: ask who ended it and why before it is repeated; check the state of the target if steps were executed.",
	}
	run(t, rtesting.TableTest{{
		Name:          "it is cancelled",
		Objects:       []runtime.Object{runningAnd(0), works, lease},
		WantPatches:   patches(cancelPatch(v1alpha1.FailureCancelled)),
		OtherTestData: given.With(given.Requeues(time.Minute)),
	}, {
		Name:          "it is cancelled only once",
		Objects:       []runtime.Object{runningAnd(seconds(20)), cancelled, lease},
		OtherTestData: given.With(given.Requeues(seconds(40))),
	}, {
		// No controller was up when it was deleted: its finally tasks get their time all the same.
		Name:          "it is cancelled late",
		Objects:       []runtime.Object{runningAnd(time.Hour), works, lease},
		WantPatches:   patches(cancelPatch(v1alpha1.FailureCancelled)),
		OtherTestData: given.With(given.Requeues(time.Minute)),
	}, {
		Name: "it was cancelled late",
		Objects: []runtime.Object{runningAnd(time.Hour), given.Run(execution(), given.Running(time.Minute),
			given.Cancelled(v1alpha1.FailureCancelled), given.CancelledAt(seconds(20))), lease},
		OtherTestData: given.With(given.Requeues(seconds(40))),
	}, {
		// The cache of runs is older than that of executions: it is not taken for one that never started. What
		// the cache hears of it brings the next reconcile.
		Name:          "the cache has it as pending",
		Objects:       []runtime.Object{execution(given.Deleted(0), given.Started(0)), given.Run(execution()), lease},
		WantPatches:   patches(cancelPatch(v1alpha1.FailureCancelled)),
		OtherTestData: given.With(given.Live(works), given.Requeues(time.Minute)),
	}, {
		// The same, and somebody has deleted the run meanwhile. Its pod works on, so that the lock stays.
		Name:          "the cache has it as pending, and it is gone",
		Objects:       []runtime.Object{execution(given.Deleted(0), given.Started(0)), given.Run(execution()), given.Pod(works, "drain"), lease},
		WantPatches:   patches(cancelPatch(v1alpha1.FailureCancelled)),
		OtherTestData: given.With(given.Gone(works), given.Requeues(time.Minute)),
	}, {
		// Somebody has removed the settings of the run: those of now hold.
		Name:        "its settings are gone",
		Objects:     []runtime.Object{runningAnd(0), given.Run(execution(), given.Running(time.Minute), given.Without(workflowexecution.SettingsAnnotation)), lease},
		WantPatches: patches(cancelPatch(v1alpha1.FailureCancelled)),
		OtherTestData: given.With(given.Requeues(3*time.Minute), given.Configured(func(c *config.WorkflowExecution) {
			c.CancelGrace = 3 * time.Minute
		})),
	}, {
		Name:         "it cannot be cancelled",
		Objects:      []runtime.Object{runningAnd(0), works, lease},
		WithReactors: []clientgotesting.ReactionFunc{rtesting.InduceFailure("patch", "pipelineruns")},
		WantErr:      true,
		WantPatches:  patches(cancelPatch(v1alpha1.FailureCancelled)),
		WantEvents: []string{internalError("failed to cancel PipelineRun kubernaut-workflows/fix-bd45276987: " +
			"inducing failure for patch pipelineruns")},
	}, {
		// What is to be told goes with the run, so it is stored first.
		Name:              "the grace is over",
		Objects:           []runtime.Object{runningAnd(time.Minute), cancelled, stuck, waits, lease},
		WantStatusUpdates: status(made(runningAnd(time.Minute), given.Mirroring(waiting(forNode)), given.Ended(0, stranded))),
	}, {
		Name:         "the grace is over, and its TaskRuns cannot be listed",
		Objects:      []runtime.Object{runningAnd(time.Minute), cancelled, lease},
		WithReactors: []clientgotesting.ReactionFunc{rtesting.InduceFailure("list", "taskruns")},
		WantErr:      true,
		WantEvents:   []string{internalError("failed to list the TaskRuns of the run: inducing failure for list taskruns")},
	}, {
		// In the foreground, so that it stays until its pods are gone. The lock stays too.
		Name:        "the grace is over, and that is stored",
		Objects:     []runtime.Object{made(runningAnd(time.Minute), given.Ended(0, stranded)), cancelled, lease},
		WantDeletes: deletions(runDeletion()), OtherTestData: given.With(given.Requeues(seconds(2))),
	}, {
		Name: "the grace is over and the run is being deleted",
		Objects: []runtime.Object{
			made(runningAnd(2*time.Minute), given.Ended(0, stranded)),
			given.Run(execution(), given.Running(time.Minute), given.Cancelled(v1alpha1.FailureCancelled), given.RunDeleted), lease,
		},
		OtherTestData: given.With(given.Requeues(seconds(2))),
	}, {
		// Mirrored to the end, for whoever waits for the deletion.
		Name:              "progress is mirrored",
		Objects:           []runtime.Object{execution(given.Deleted(0), given.RunCreated), cancelled, lease},
		WantStatusUpdates: status(execution(given.Deleted(0), given.Started(time.Minute), given.Mirroring(working(0)))),
		WantEvents:        []string{started},
		OtherTestData:     given.With(given.Requeues(time.Minute)),
	}})
}

func TestDeletedAndEnded(t *testing.T) {
	lease := given.LockLease(execution(), time.Minute)
	deleted := given.Deleted(seconds(20))
	details := &v1alpha1.FailureDetails{
		Reason: v1alpha1.FailureCancelled, Message: "The execution was deleted while its workflow ran, which was cancelled; its finally tasks were allowed to run", FailedAt: given.Ago(0),
		ExecutionTimeBeforeFailure: &metav1.Duration{Duration: time.Minute}, WasExecutionFailure: true,
	}
	ended := given.Run(execution(), given.Running(time.Minute), given.Cancelled(v1alpha1.FailureCancelled),
		given.Failed(0, tektonv1.PipelineRunReasonCancelled))
	before := []given.ExecutionOption{deleted, given.Started(time.Minute), given.Mirroring(working(0))}
	after := func(facts ...given.ExecutionOption) *v1alpha1.WorkflowExecution {
		return execution(append(append([]given.ExecutionOption{}, before...), facts...)...)
	}
	// Nobody could clear a block of it any more, so there is none; the cooldown applies.
	cancelledNow := given.Entry(execution(), 0, given.FailedFor(v1alpha1.FailureCancelled, details.Message), given.Until(5*time.Minute))
	vanished := *details
	vanished.Message = "The PipelineRun was deleted before it ended"
	run(t, rtesting.TableTest{{
		// The outcome is stored first, before anything is cleaned away.
		Name:              "cancelled",
		Objects:           []runtime.Object{after(), ended, lease},
		WantStatusUpdates: status(after(given.Mirroring(done("False", "Cancelled")), given.Ended(0, details))),
	}, {
		// It had failed by itself, before it could be cancelled: that is the reason.
		Name:              "failed by itself",
		Objects:           []runtime.Object{after(), failedRun(), given.TaskRun(failedRun(), "drain", given.TaskFailed(3)), lease},
		WantStatusUpdates: status(after(given.Mirroring(done("False", "Failed")), given.Ended(0, taskFailed()))),
	}, {
		// All of it is done, though the last that was seen of it was less.
		Name:              "succeeded before it could be cancelled",
		Objects:           []runtime.Object{after(), succeeded(), lease},
		WantStatusUpdates: status(after(given.Mirroring(done("True", "Succeeded")), given.Ended(0, nil))),
	}, {
		Name:              "and its run is gone",
		Objects:           []runtime.Object{after(), lease},
		WantStatusUpdates: status(after(given.Ended(0, &vanished))),
	}, {
		// The finalizer stays: the terminal phase has to be stored first.
		Name:              "with its outcome stored",
		Objects:           []runtime.Object{after(given.Ended(0, details)), ended, lease},
		WantDeletes:       deletions(runDeletion()),
		WantUpdates:       updates(free(cancelledNow)),
		WantStatusUpdates: status(after(given.Ended(0, details), given.NextIn(5*time.Minute), given.Released)),
		WantEvents:        []string{lockReleased, failed(v1alpha1.FailureCancelled, details.Message)},
		PostConditions:    []func(*testing.T, *rtesting.TableRow){given.InOrder("delete pipelineruns", "update leases")},
	}, {
		Name:              "with its outcome stored and a pod left",
		Objects:           []runtime.Object{after(given.Ended(0, details)), ended, given.Pod(ended, "drain"), lease},
		WantDeletes:       deletions(runDeletion(), deletion("pods", given.RunNamespace, runName+"-drain-pod")),
		WantStatusUpdates: status(after(given.Ended(0, details), given.WaitingFor("pod "+runName+"-drain-pod"))),
	}, {
		Name:         "with its outcome stored and a run that cannot be deleted",
		Objects:      []runtime.Object{after(given.Ended(0, details)), ended, lease},
		WithReactors: []clientgotesting.ReactionFunc{rtesting.InduceFailure("delete", "pipelineruns")},
		WantErr:      true, WantDeletes: deletions(runDeletion()),
		WantEvents: []string{internalError("failed to delete PipelineRun kubernaut-workflows/fix-bd45276987: " +
			"inducing failure for delete pipelineruns")},
	}})
}

func TestDeletedWhenOver(t *testing.T) {
	deleted := given.Deleted(0)
	over := execution(deleted, given.Started(time.Minute), given.Ended(0, nil), given.Released, given.Audited)
	run(t, rtesting.TableTest{{
		// By UID, and without asking for a lock that is another's by now.
		Name:        "its run goes with it",
		Objects:     []runtime.Object{over, succeeded(), given.LockLease(other(), 0)},
		WantDeletes: deletions(runDeletion()),
		WantPatches: patches(removesFinalizer()),
		WantEvents:  []string{finalizer},
	}, {
		Name:        "its run is gone",
		Objects:     []runtime.Object{over},
		WantPatches: patches(removesFinalizer()),
		WantEvents:  []string{finalizer},
	}, {
		Name:        "another run of that name stays",
		Objects:     []runtime.Object{over, given.Run(execution(), given.Again)},
		WantPatches: patches(removesFinalizer()),
		WantEvents:  []string{finalizer},
	}, {
		Name:         "its run cannot be deleted",
		Objects:      []runtime.Object{over, succeeded()},
		WithReactors: []clientgotesting.ReactionFunc{rtesting.InduceFailure("delete", "pipelineruns")},
		WantErr:      true, WantDeletes: deletions(runDeletion()),
		WantEvents: []string{internalError("failed to delete PipelineRun kubernaut-workflows/fix-bd45276987: " +
			"inducing failure for delete pipelineruns")},
	}, {
		// It was skipped: the winner's run and lock are none of its business.
		Name: "the winner is left alone",
		Objects: []runtime.Object{
			execution(deleted, given.SkippedFor(other(), time.Minute), given.Audited), other(given.Started(time.Minute)),
			given.Run(other(), given.Running(time.Minute)), given.LockLease(other(), time.Minute),
			given.Pod(given.Run(other()), "drain"),
		},
		WantPatches: patches(removesFinalizer()),
		WantEvents:  []string{finalizer},
	}, {
		// Its finalizer is gone already, another one keeps it.
		Name: "and without its finalizer already",
		Objects: []runtime.Object{execution(deleted, given.SkippedFor(other(), time.Minute), func(wfe *v1alpha1.WorkflowExecution) {
			wfe.Finalizers = []string{"somebody.else/finalizer"}
		}), &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "payments", Name: "bystander"}}},
	}})
}
