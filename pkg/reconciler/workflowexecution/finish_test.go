// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package workflowexecution

import (
	"slices"
	"testing"
	"time"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgotesting "k8s.io/client-go/testing"
	"k8s.io/utils/ptr"
	"knative.dev/pkg/apis"
	rtesting "knative.dev/pkg/reconciler/testing"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	given "kubernaut.ai/workflowexecution/pkg/reconciler/testing"
)

// running is an execution whose run has been working for a minute.
func running() *v1alpha1.WorkflowExecution {
	return execution(given.Started(time.Minute), given.Mirroring(working(0)))
}

func succeeded() *tektonv1.PipelineRun {
	return given.Run(execution(), given.Running(time.Minute), given.Succeeded(0))
}

func failedRun(facts ...given.RunOption) *tektonv1.PipelineRun {
	run := given.Run(execution(), given.Running(time.Minute), given.Failed(0, tektonv1.PipelineRunReasonFailed))
	for _, fact := range facts {
		fact(run)
	}
	return run
}

// endedWell has its success stored, not its release.
func endedWell(facts ...given.ExecutionOption) *v1alpha1.WorkflowExecution {
	return execution(append([]given.ExecutionOption{
		given.Started(time.Minute), given.Mirroring(done(corev1.ConditionTrue, "Succeeded")), given.Ended(0, nil),
	}, facts...)...)
}

// endedBadly has its failure stored, not its release.
func endedBadly(details *v1alpha1.FailureDetails, facts ...given.ExecutionOption) *v1alpha1.WorkflowExecution {
	return execution(append([]given.ExecutionOption{
		given.Started(time.Minute), given.Mirroring(done(corev1.ConditionFalse, "Failed")), given.Ended(0, details),
	}, facts...)...)
}

func taskFailed() *v1alpha1.FailureDetails {
	return &v1alpha1.FailureDetails{
		Reason: v1alpha1.FailureTaskFailed, Message: "Step evict of task drain (1 of 3) ended with exit code 3",
		FailedTaskName: "drain", FailedTaskIndex: ptr.To[int32](0), FailedTaskRunName: runName + "-drain",
		FailedStepName: "evict", ExitCode: ptr.To[int32](3), FailedAt: given.Ago(0),
		ExecutionTimeBeforeFailure: &metav1.Duration{Duration: time.Minute}, WasExecutionFailure: true,
		NaturalLanguageSummary: "Workflow restart (version 1.2.0) failed on payment/Deployment/api in task drain (1 of 3), step evict, 1m0s after its start: " +
			"a step ended with an error. Step evict of task drain (1 of 3) ended with exit code 3. " +
			"Steps of the workflow were or may have been executed, so it may have changed the target. " +
			"Next: read the log of the step and check the state of the target before anything is repeated.",
	}
}

func TestFinishWell(t *testing.T) {
	lease := given.LockLease(execution(), time.Minute)
	drained := given.TaskRun(succeeded(), "drain", given.TaskSucceeded)
	run(t, rtesting.TableTest{{
		// Free before the terminal phase: who reacts to Completed is never told that the target is busy.
		Name:              "nothing is left",
		Objects:           []runtime.Object{running(), succeeded(), drained, given.Pod(succeeded(), "drain", given.PodEnded), lease},
		WantUpdates:       updates(free(succeededNow())),
		WantStatusUpdates: status(endedWell(given.NextIn(5*time.Minute), given.Released)),
		WantEvents:        []string{lockReleased, completed},
		PostConditions: []func(*testing.T, *rtesting.TableRow){given.InOrder(
			"update leases", "update workflowexecutions/status")},
	}, {
		Name:              "a pod still works",
		Objects:           []runtime.Object{running(), succeeded(), drained, given.Pod(succeeded(), "drain"), lease},
		WantStatusUpdates: status(endedWell()),
	}, {
		// The cache does not know this pod: what counts is what the API server has.
		Name:              "a pod still works, unknown to the cache",
		Objects:           []runtime.Object{running(), succeeded(), drained, lease},
		OtherTestData:     given.With(given.Live(given.Pod(succeeded(), "drain"))),
		WantStatusUpdates: status(endedWell()),
	}, {
		// A container that ended in a pod that is to go: the next one is another's.
		Name:              "a TaskRun still works",
		Objects:           []runtime.Object{running(), succeeded(), given.TaskRun(succeeded(), "drain"), lease},
		WantStatusUpdates: status(endedWell()),
	}, {
		Name:              "a CustomRun still works",
		Objects:           []runtime.Object{running(), succeeded(), given.CustomRun(succeeded(), "approve"), lease},
		WantStatusUpdates: status(endedWell()),
	}, {
		// Another execution's pods are none of ours.
		Name:              "a pod of another execution works",
		Objects:           []runtime.Object{running(), succeeded(), given.Pod(given.Run(other()), "drain"), lease},
		WantUpdates:       updates(free(succeededNow())),
		WantStatusUpdates: status(endedWell(given.NextIn(5*time.Minute), given.Released)),
		WantEvents:        []string{lockReleased, completed},
	}, {
		// Somebody deleted the Lease by hand, and another execution has the target: it keeps it.
		Name:              "the lock is another's",
		Objects:           []runtime.Object{running(), succeeded(), given.LockLease(other(), 0)},
		WantStatusUpdates: status(endedWell(given.Released, given.FreedUnseen)),
		WantEvents:        []string{lockReleased, completed},
	}, {
		// The phase is not terminal before the target is free.
		Name:              "the lock cannot be freed",
		Objects:           []runtime.Object{running(), succeeded(), lease},
		WithReactors:      []clientgotesting.ReactionFunc{rtesting.InduceFailure("update", "leases")},
		WantErr:           true,
		WantUpdates:       updates(free(succeededNow())),
		WantStatusUpdates: status(endedWell()),
		WantEvents: []string{internalError("failed to free the lease of target payment/deployments.apps/api: " +
			"inducing failure for update leases")},
	}, {
		Name:              "the pods cannot be listed",
		Objects:           []runtime.Object{running(), succeeded(), lease},
		WithReactors:      []clientgotesting.ReactionFunc{rtesting.InduceFailure("list", "pods")},
		WantErr:           true,
		WantStatusUpdates: status(endedWell()),
		WantEvents:        []string{internalError("failed to list the pods of the run: inducing failure for list pods")},
	}, {
		// Tekton's success stands although the run had been cancelled.
		Name: "the deadline struck, and the run succeeded all the same",
		Objects: []runtime.Object{running(), given.Run(execution(), given.Running(time.Minute),
			given.Cancelled(v1alpha1.FailureDeadlineExceeded), given.Succeeded(0)), lease},
		WantUpdates:       updates(free(succeededNow())),
		WantStatusUpdates: status(endedWell(given.NextIn(5*time.Minute), given.Released)),
		WantEvents:        []string{lockReleased, completed},
	}})
}

func TestFinishBadly(t *testing.T) {
	lease := given.LockLease(execution(), time.Minute)
	broken := given.TaskRun(failedRun(), "drain", given.TaskFailed(3))
	deadline := &v1alpha1.FailureDetails{
		Reason:   v1alpha1.FailureDeadlineExceeded,
		Message:  "The workflow did not end within its timeout and was cancelled; its finally tasks were allowed to run",
		FailedAt: given.Ago(0), ExecutionTimeBeforeFailure: &metav1.Duration{Duration: time.Minute}, WasExecutionFailure: true,
	}
	run(t, rtesting.TableTest{{
		// The evidence is stored first, although nothing is left: the next reconcile frees the target.
		Name:              "a step failed",
		Objects:           []runtime.Object{running(), failedRun(), broken, lease},
		WantStatusUpdates: status(endedBadly(taskFailed())),
	}, {
		Name:         "a step failed and the TaskRuns cannot be listed",
		Objects:      []runtime.Object{running(), failedRun(), broken, lease},
		WithReactors: []clientgotesting.ReactionFunc{rtesting.InduceFailure("list", "taskruns")},
		WantErr:      true,
		WantStatusUpdates: status(execution(given.Started(time.Minute),
			given.Mirroring(done(corev1.ConditionFalse, "Failed")))),
		WantEvents: []string{internalError("failed to list the TaskRuns of the run: inducing failure for list taskruns")},
	}, {
		// The controller cancelled the run itself, and left a note why.
		Name:              "the deadline struck",
		Objects:           []runtime.Object{running(), failedRun(given.Cancelled(v1alpha1.FailureDeadlineExceeded)), lease},
		WantStatusUpdates: status(endedBadly(deadline)),
	}, {
		// No reconcile saw it work.
		Name:              "it failed while no controller was up",
		Objects:           []runtime.Object{execution(given.RunCreated), failedRun(), broken, lease},
		WantStatusUpdates: status(endedBadly(taskFailed())),
		WantEvents:        []string{started},
	}})
}

func TestFinishDeleted(t *testing.T) {
	lease := given.LockLease(execution(), time.Minute)
	deleted := &v1alpha1.FailureDetails{
		Reason: v1alpha1.FailurePipelineRunDeleted, Message: "The PipelineRun was deleted before it ended",
		FailedAt: given.Ago(0), ExecutionTimeBeforeFailure: &metav1.Duration{Duration: time.Minute}, WasExecutionFailure: true,
	}
	unstarted := &v1alpha1.FailureDetails{
		Reason: v1alpha1.FailurePipelineRunDeleted, Message: "The PipelineRun was deleted before it ended",
		FailedAt: given.Ago(0), WasExecutionFailure: true,
	}
	gone := execution(given.Started(time.Minute), given.Mirroring(working(0)), given.Ended(0, deleted))
	run(t, rtesting.TableTest{{
		Name:              "the run is gone",
		Objects:           []runtime.Object{running(), lease},
		WantStatusUpdates: status(gone),
	}, {
		// Nobody noted a start, which proves nothing: it may have been started and not noted.
		Name:              "the run is gone and its start was not noted",
		Objects:           []runtime.Object{execution(given.RunCreated), lease},
		WantStatusUpdates: status(execution(given.RunCreated, given.Ended(0, unstarted))),
	}, {
		// Somebody made a run of that name anew, with the same labels. It is not ours to touch.
		Name:              "the run is another one",
		Objects:           []runtime.Object{running(), given.Run(execution(), given.Again, given.Running(time.Second)), lease},
		WantStatusUpdates: status(gone),
	}, {
		// The other one waits to be started: we do not start it.
		Name:              "the run is another one, pending",
		Objects:           []runtime.Object{running(), given.Run(execution(), given.Again), lease},
		WantStatusUpdates: status(gone),
	}, {
		// Its children are being deleted after it.
		Name:          "the run is gone and a pod works",
		OtherTestData: given.With(given.Requeues(seconds(29))),
		Objects:       []runtime.Object{gone, given.Pod(succeeded(), "drain", given.PodDeleted), lease},
		WantStatusUpdates: status(execution(given.Started(time.Minute), given.Mirroring(working(0)), given.Ended(0, deleted),
			given.WaitingFor("pod fix-bd45276987-drain-pod"))),
	}, {
		Name:        "the run is gone and nothing is left",
		Objects:     []runtime.Object{gone, lease},
		WantUpdates: updates(free(failedNow(deleted))),
		WantStatusUpdates: status(execution(given.Started(time.Minute), given.Mirroring(working(0)), given.Ended(0, deleted),
			given.Blocking(0), given.Released)),
		WantEvents: []string{lockReleased, failed(deleted.Reason, deleted.Message)},
	}})
}

// An earlier version has ended it, which knew no condition for any end. Who waits for that after the upgrade does not wait for ever.
func TestFinishedByAnEarlierVersion(t *testing.T) {
	withoutFinished := func(wfe *v1alpha1.WorkflowExecution) {
		wfe.Status.Conditions = slices.DeleteFunc(wfe.Status.Conditions, func(c apis.Condition) bool { return c.Type == v1alpha1.ConditionFinished })
		wfe.Status.ReleasedTime = nil
	}
	row := func(name string, facts ...given.ExecutionOption) rtesting.TableRow {
		over := execution(append(facts, given.Audited, given.FreedUnseen)...)
		return rtesting.TableRow{
			Name: name, Objects: []runtime.Object{execution(append(facts, given.Audited, withoutFinished)...)}, WantStatusUpdates: status(over),
		}
	}
	run(t, rtesting.TableTest{
		row("Completed", given.Started(time.Minute), given.Ended(0, nil), given.Released),
		row("Failed", given.Started(time.Minute), given.Ended(0, taskFailed()), given.Released),
		row("Skipped", given.SkippedFor(other(), time.Minute)),
	})
}
