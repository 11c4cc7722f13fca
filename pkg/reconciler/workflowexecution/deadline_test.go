// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package workflowexecution

import (
	"testing"
	"time"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgotesting "k8s.io/client-go/testing"
	rtesting "knative.dev/pkg/reconciler/testing"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution"
	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	given "kubernaut.ai/workflowexecution/pkg/reconciler/testing"
)

// A run that a person has cancelled does not say when. What counts is when it was first seen, which may be long before the deadline.
func TestRunCancelledByAPersonDoesNotEnd(t *testing.T) {
	const stuck = "PipelineRun kubernaut-workflows/" + runName + " was cancelled and does not end: look at the log of Tekton's controller and at " +
		"the TaskRuns of the run; if nothing of it runs any more, delete it"
	cancelled := given.Run(execution(), given.Running(10*time.Minute), func(run *tektonv1.PipelineRun) {
		run.Spec.Status = tektonv1.PipelineRunSpecStatusCancelled
	})
	unseen := execution(given.Started(10*time.Minute), given.Mirroring(working(0)))
	seen := func(ago time.Duration, facts ...given.ExecutionOption) *v1alpha1.WorkflowExecution {
		return made(unseen.DeepCopy(), append(facts, func(wfe *v1alpha1.WorkflowExecution) {
			wfe.Status.Annotations[workflowexecution.CancelledAtAnnotation] = given.Ago(ago).UTC().Format(time.RFC3339)
		})...)
	}
	lease := given.LockLease(execution(), 10*time.Minute)
	run(t, rtesting.TableTest{{
		Name: "is seen", Objects: []runtime.Object{unseen, cancelled, lease},
		WantStatusUpdates: status(seen(0)), OtherTestData: given.With(given.Requeues(5 * time.Minute)),
	}, {
		Name: "has a minute left", Objects: []runtime.Object{seen(4 * time.Minute), cancelled, lease}, OtherTestData: given.With(given.Requeues(time.Minute)),
	}, {
		Name: "should have ended", Objects: []runtime.Object{seen(5 * time.Minute), cancelled, lease},
		WantStatusUpdates: status(seen(5*time.Minute, func(wfe *v1alpha1.WorkflowExecution) { wfe.Status.MarkNotEnding(stuck) })),
		WantEvents:        []string{"Warning TargetStaysLocked " + stuck}, OtherTestData: given.With(given.Requeues(2 * time.Second)),
	}})
}

// A run that was cancelled at its deadline, half an hour ago, and does not end.
func TestCancelledRunDoesNotEnd(t *testing.T) {
	const (
		stuck = "PipelineRun kubernaut-workflows/" + runName + " was cancelled and does not end: look at the log of Tekton's controller and at " +
			"the TaskRuns of the run; if nothing of it runs any more, delete it"
		queued = "PipelineRun kubernaut-workflows/" + runName + ` was cancelled and does not end: its field spec.managedBy hands it to "queue.example/jobs", ` +
			"so Tekton leaves it alone; exclude the namespace from whatever sets that field"
	)
	late := func(facts ...given.ExecutionOption) *v1alpha1.WorkflowExecution {
		return execution(append([]given.ExecutionOption{given.Started(time.Hour), given.Mirroring(working(0))}, facts...)...)
	}
	notEnding := func(message string) given.ExecutionOption {
		return func(wfe *v1alpha1.WorkflowExecution) { wfe.Status.MarkNotEnding(message) }
	}
	cancelled := []given.RunOption{given.Running(time.Hour), given.Cancelled(v1alpha1.FailureDeadlineExceeded), given.CancelledAt(30 * time.Minute)}
	made := func(facts ...given.RunOption) *tektonv1.PipelineRun {
		return given.Run(execution(), append(append([]given.RunOption{}, cancelled...), facts...)...)
	}
	managed := func(run *tektonv1.PipelineRun) { run.Spec.ManagedBy = new("queue.example/jobs") }
	empty := func(run *tektonv1.PipelineRun) { run.Status.ChildReferences = nil }
	neverBegan := &v1alpha1.FailureDetails{
		Reason: v1alpha1.FailureDeadlineExceeded, FailedAt: given.Ago(0), ExecutionTimeBeforeFailure: &metav1.Duration{Duration: time.Hour},
		Message: "The workflow did not end within its timeout and was cancelled; its finally tasks were allowed to run, " +
			"but task uncordon (3 of 3) never started",
	}
	lease := given.LockLease(execution(), time.Hour)
	// A quarter of the 25 minutes that it is overdue, which is more than the longest wait.
	again := given.With(given.Requeues(5 * time.Minute))
	run(t, rtesting.TableTest{{
		Name: "a person is told", Objects: []runtime.Object{late(), made(), lease},
		WantStatusUpdates: status(late(notEnding(stuck))), WantEvents: []string{"Warning TargetStaysLocked " + stuck}, OtherTestData: again,
	}, {
		Name: "once", Objects: []runtime.Object{late(notEnding(stuck)), made(), lease}, OtherTestData: again,
	}, {
		Name: "because somebody else manages it", Objects: []runtime.Object{late(), made(managed), lease},
		WantStatusUpdates: status(late(notEnding(queued))), WantEvents: []string{"Warning TargetStaysLocked " + queued}, OtherTestData: again,
	}, {
		// It may have been made and not noted.
		Name: "and nothing is noted of what was made", Objects: []runtime.Object{
			late(), made(empty), given.TaskRun(made(empty), "drain"), lease,
		},
		WantStatusUpdates: status(late(notEnding(stuck))),
		WantEvents:        []string{"Warning TargetStaysLocked " + stuck}, OtherTestData: again,
	}, {
		Name: "and nobody can tell what was made", Objects: []runtime.Object{late(), made(empty), lease},
		WithReactors: []clientgotesting.ReactionFunc{rtesting.InduceFailure("list", "taskruns")}, WantErr: true,
		WantEvents: []string{internalError("failed to list the TaskRuns of the run: inducing failure for list taskruns")},
	}, {
		// Nothing of it can ever have run, once it is deleted as it was read.
		Name: "and nothing was ever made of it", Objects: []runtime.Object{late(), made(empty), lease},
		WantDeletes: deletions(runDeletion()), WantStatusUpdates: status(late(given.Ended(0, neverBegan))),
	}, {
		// Tekton has come back.
		Name: "and nothing was made of it, but something has changed it since", Objects: []runtime.Object{late(), made(empty), lease},
		OtherTestData: given.With(given.Fails("preconditions"), given.Live(made(empty, func(run *tektonv1.PipelineRun) { run.ResourceVersion = "8" }))),
		WantErr:       true, WantDeletes: deletions(runDeletion()),
		WantEvents: []string{internalError("failed to delete PipelineRun kubernaut-workflows/fix-bd45276987 before it starts: " +
			`Operation cannot be fulfilled on pipelineruns.tekton.dev "fix-bd45276987": Conflict: the preconditions do not hold`)},
	}, {
		Name: "and nothing was made of it, but somebody else has deleted it since", Objects: []runtime.Object{late(), made(empty), lease},
		WithReactors: []clientgotesting.ReactionFunc{given.Refuse("delete", "pipelineruns", apierrors.NewNotFound(pipelineRuns, runName))},
		WantErr:      true, WantDeletes: deletions(runDeletion()),
		WantEvents: []string{internalError("failed to delete PipelineRun kubernaut-workflows/fix-bd45276987 before it starts: " +
			`pipelineruns.tekton.dev "fix-bd45276987" not found`)},
	}, {
		Name: "and nothing was ever made of it, which is stored", Objects: []runtime.Object{late(given.Ended(0, neverBegan)), made(empty), lease},
		WantDeletes:       deletions(runDeletion()),
		WantStatusUpdates: status(late(given.Ended(0, neverBegan), given.WaitingFor("the PipelineRun"))),
		OtherTestData:     given.With(given.Requeues(5 * time.Minute)),
	}})
}
