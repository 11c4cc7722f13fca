// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package workflowexecution

import (
	"bytes"
	"testing"
	"time"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgotesting "k8s.io/client-go/testing"
	rtesting "knative.dev/pkg/reconciler/testing"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	given "kubernaut.ai/workflowexecution/pkg/reconciler/testing"
)

func endedAMinuteAgo(run *tektonv1.PipelineRun) *tektonv1.PipelineRun {
	run.Status.CompletionTime = new(given.Ago(time.Minute))
	return run
}

// endedAWhileAgo has its success stored since a minute, not its release.
func endedAWhileAgo(facts ...given.ExecutionOption) *v1alpha1.WorkflowExecution {
	return execution(append([]given.ExecutionOption{
		given.Started(time.Hour), given.Mirroring(done(corev1.ConditionTrue, "Succeeded")), given.Ended(time.Minute, nil),
	}, facts...)...)
}

func TestRelease(t *testing.T) {
	lease := given.LockLease(execution(), time.Minute)
	const drainPod = runName + "-drain-pod"
	freedAWhileAgo := given.Entry(execution(), time.Minute, given.FreedAgo(seconds(40)), given.Until(4*time.Minute))
	podDeletion := deletion("pods", given.RunNamespace, drainPod)
	run(t, rtesting.TableTest{{
		Name:              "after a success",
		Objects:           []runtime.Object{endedWell(), succeeded(), lease},
		WantUpdates:       updates(free(succeededNow())),
		WantStatusUpdates: status(endedWell(given.NextIn(5*time.Minute), given.Released)),
		WantEvents:        []string{lockReleased, completed},
	}, {
		// The same, as it is written.
		Name:    "after a success, for people",
		Objects: []runtime.Object{endedWell(), succeeded(), lease},
		WantUpdates: updates(given.FreeLease(given.Ledger(`{"restart":{"execution":"payments/fix/uid-fix","outcome":"Completed",` +
			`"ran":true,"completedAt":"2026-03-01T12:00:00Z","releasedAt":"2026-03-01T12:00:00Z","nextAllowed":"2026-03-01T12:05:00Z"}}`))),
		WantStatusUpdates: status(endedWell(given.NextIn(5*time.Minute), given.Released)),
		WantEvents:        []string{lockReleased, completed},
	}, {
		Name:              "after a failure",
		Objects:           []runtime.Object{endedBadly(taskFailed()), failedRun(), lease},
		WantUpdates:       updates(free(failedNow(taskFailed()))),
		WantStatusUpdates: status(endedBadly(taskFailed(), given.Blocking(0), given.Released)),
		WantEvents:        []string{lockReleased, failed(v1alpha1.FailureTaskFailed, taskFailed().Message)},
		PostConditions: []func(*testing.T, *rtesting.TableRow){given.InOrder(
			"update leases", "update workflowexecutions/status")},
	}, {
		// Somebody deleted the Lease by hand. What it is to remember counts all the same.
		Name:              "the lock is gone",
		Objects:           []runtime.Object{endedWell(), succeeded()},
		WantCreates:       []runtime.Object{given.FreeLease(given.Unversioned, given.Remembers("restart", succeededNow()))},
		WantStatusUpdates: status(endedWell(given.NextIn(5*time.Minute), given.Released)),
		WantEvents:        []string{lockReleased, completed},
	}, {
		// The controller crashed after it freed the target, and the next one has taken it.
		Name:              "the lock is another's",
		Objects:           []runtime.Object{endedWell(), succeeded(), given.LockLease(other(), 0)},
		WantStatusUpdates: status(endedWell(given.Released, given.FreedUnseen)),
		WantEvents:        []string{lockReleased, completed},
	}, {
		// The same, and what the ledger remembers tells when.
		Name: "the lock is another's, of another workflow",
		Objects: []runtime.Object{
			endedAWhileAgo(), succeeded(), given.LockLease(other(), 0, given.Remembers("restart", freedAWhileAgo)),
		},
		WantStatusUpdates: status(endedAWhileAgo(given.NextIn(4*time.Minute), given.Released, given.TargetFreed(seconds(40)))),
		WantEvents:        []string{lockReleased, completed},
	}, {
		Name:              "the lock was freed, which was not noted",
		Objects:           []runtime.Object{endedAWhileAgo(), succeeded(), free(freedAWhileAgo)},
		WantStatusUpdates: status(endedAWhileAgo(given.NextIn(4*time.Minute), given.Released, given.TargetFreed(seconds(40)))),
		WantEvents:        []string{lockReleased, completed},
	}, {
		Name:         "the lock cannot be freed",
		Objects:      []runtime.Object{endedWell(), succeeded(), lease},
		WithReactors: []clientgotesting.ReactionFunc{rtesting.InduceFailure("update", "leases")},
		WantErr:      true,
		WantUpdates:  updates(free(succeededNow())),
		WantEvents: []string{internalError("failed to free the lease of target payment/deployments.apps/api: " +
			"inducing failure for update leases")},
	}, {
		// Deleted by UID, never by force, and not released before it has ended.
		Name:              "a pod that never started is left",
		Objects:           []runtime.Object{endedBadly(taskFailed()), failedRun(), given.Pod(failedRun(), "drain", given.NeverStarted), lease},
		WantDeletes:       deletions(podDeletion),
		WantStatusUpdates: status(endedBadly(taskFailed(), given.WaitingFor("pod "+drainPod))),
	}, {
		// Our label was removed from the run before its pods were made, so no watch will tell of this one.
		Name: "a pod without our label is left",
		Objects: []runtime.Object{
			endedBadly(taskFailed()), failedRun(), given.Pod(failedRun(), "drain", given.NeverStarted, given.PodUnlabelled), lease,
		},
		WantDeletes:       deletions(podDeletion),
		WantStatusUpdates: status(endedBadly(taskFailed(), given.WaitingFor("pod "+drainPod))),
		OtherTestData:     given.With(given.Requeues(2 * time.Second)),
	}, {
		// It has been asked to end, and works on: wait, write nothing.
		Name:          "a pod that ignores its termination is left",
		OtherTestData: given.With(given.Requeues(seconds(29))),
		Objects: []runtime.Object{
			endedBadly(taskFailed(), given.WaitingFor("pod "+drainPod)), failedRun(),
			given.Pod(failedRun(), "drain", given.PodDeleted), lease,
		},
	}, {
		// The containers have ended, though the phase does not say so yet.
		Name:              "a pod that has ended is left",
		Objects:           []runtime.Object{endedBadly(taskFailed()), failedRun(), given.Pod(failedRun(), "drain", given.PodEnded), lease},
		WantUpdates:       updates(free(failedNow(taskFailed()))),
		WantStatusUpdates: status(endedBadly(taskFailed(), given.Blocking(0), given.Released)),
		WantEvents:        []string{lockReleased, failed(v1alpha1.FailureTaskFailed, taskFailed().Message)},
	}, {
		Name:         "the pod cannot be deleted",
		Objects:      []runtime.Object{endedBadly(taskFailed()), failedRun(), given.Pod(failedRun(), "drain"), lease},
		WithReactors: []clientgotesting.ReactionFunc{rtesting.InduceFailure("delete", "pods")},
		WantErr:      true, WantDeletes: deletions(podDeletion),
		WantStatusUpdates: status(endedBadly(taskFailed(), given.WaitingFor("pod "+drainPod))),
		WantEvents: []string{internalError("failed to delete pod kubernaut-workflows/" + drainPod +
			" of the ended run: inducing failure for delete pods")},
	}, {
		// Its pod is not deleted yet: the TaskRun would make another one. TaskRuns are not watched.
		Name: "a TaskRun works",
		Objects: []runtime.Object{
			endedBadly(taskFailed()), failedRun(), given.TaskRun(failedRun(), "drain"), given.Pod(failedRun(), "drain"), lease,
		},
		WantStatusUpdates: status(endedBadly(taskFailed(), given.WaitingFor("TaskRun "+runName+"-drain, pod "+drainPod))),
		OtherTestData:     given.With(given.Requeues(seconds(2))),
	}, {
		// Tekton has forgotten it. It is deleted after its pod, and the target is not free before.
		Name: "a TaskRun works a minute after its run has ended",
		Objects: []runtime.Object{
			endedBadly(taskFailed()), endedAMinuteAgo(failedRun()), given.TaskRun(failedRun(), "drain"), given.Pod(failedRun(), "drain"), lease,
		},
		WantDeletes:       deletions(deletion("taskruns", given.RunNamespace, runName+"-drain")),
		WantStatusUpdates: status(endedBadly(taskFailed(), given.WaitingFor("TaskRun "+runName+"-drain, pod "+drainPod))),
		OtherTestData:     given.With(given.Requeues(seconds(15))),
	}, {
		Name: "a TaskRun is being deleted",
		Objects: []runtime.Object{
			endedBadly(taskFailed(), given.WaitingFor("TaskRun "+runName+"-drain")), endedAMinuteAgo(failedRun()),
			given.TaskRun(failedRun(), "drain", given.TaskRunDeleted), lease,
		},
		OtherTestData: given.With(given.Requeues(seconds(15))),
	}, {
		Name: "the TaskRun cannot be deleted",
		Objects: []runtime.Object{
			endedBadly(taskFailed(), given.WaitingFor("TaskRun "+runName+"-drain")), endedAMinuteAgo(failedRun()), given.TaskRun(failedRun(), "drain"), lease,
		},
		WithReactors: []clientgotesting.ReactionFunc{rtesting.InduceFailure("delete", "taskruns")},
		WantErr:      true, WantDeletes: deletions(deletion("taskruns", given.RunNamespace, runName+"-drain")),
		WantEvents: []string{internalError("failed to delete TaskRun kubernaut-workflows/" + runName +
			"-drain of the ended run: inducing failure for delete taskruns")},
	}, {
		Name:              "a CustomRun works",
		Objects:           []runtime.Object{endedBadly(taskFailed()), failedRun(), given.CustomRun(failedRun(), "approve"), lease},
		WantStatusUpdates: status(endedBadly(taskFailed(), given.WaitingFor("CustomRun "+runName+"-approve"))),
		OtherTestData:     given.With(given.Requeues(seconds(2))),
	}, {
		// Whatever the cache believed: the API server says that the run has not ended. It is ended.
		Name:              "the run runs",
		Objects:           []runtime.Object{endedWell(), succeeded(), lease},
		OtherTestData:     given.With(given.Live(given.Run(execution(), given.Running(time.Minute))), given.Requeues(time.Minute)),
		WantPatches:       patches(cancelPatch(v1alpha1.FailureCancelled)),
		WantStatusUpdates: status(endedWell(given.WaitingFor("the PipelineRun"))),
	}, {
		// A stranger's run of that name, without our marks, is not looked at, and keeps no target.
		Name:              "another run of that name runs",
		Objects:           []runtime.Object{endedWell(), given.Run(execution(), given.Foreign, given.Running(time.Second)), lease},
		WantUpdates:       updates(free(succeededNow())),
		WantStatusUpdates: status(endedWell(given.NextIn(5*time.Minute), given.Released)),
		WantEvents:        []string{lockReleased, completed},
	}, {
		// Somebody has made it in the likeness of ours: it is ended first.
		Name:          "a rerun runs",
		Objects:       []runtime.Object{endedWell(), succeeded(), rerun(given.Running(time.Second)), lease},
		OtherTestData: given.With(given.Requeues(time.Minute)),
		WantPatches: []clientgotesting.PatchActionImpl{{
			Name: runName + "-rerun", Patch: bytes.ReplaceAll(cancelPatch(v1alpha1.FailureCancelled).Patch, []byte("run-of-uid-fix"), []byte("rerun")),
		}},
		WantStatusUpdates: status(endedWell(given.WaitingFor("PipelineRun " + runName + "-rerun"))),
	}, {
		// So is what a pipeline in its pipeline has made, which carries our marks too. Its pod outlives it.
		Name: "a run of a pipeline in the pipeline has left a pod",
		Objects: []runtime.Object{
			endedWell(), succeeded(), rerun(given.Running(time.Second), given.Succeeded(0)),
			given.Pod(rerun(), "drain"), lease,
		},
		WantDeletes:       deletions(deletion("pods", given.RunNamespace, runName+"-rerun-drain-pod")),
		WantStatusUpdates: status(endedWell(given.WaitingFor("pod " + runName + "-rerun-drain-pod"))),
		OtherTestData:     given.With(given.Requeues(seconds(2))),
	}, {
		Name:         "the run cannot be read",
		Objects:      []runtime.Object{endedWell(), succeeded(), lease},
		WithReactors: []clientgotesting.ReactionFunc{rtesting.InduceFailure("get", "pipelineruns")},
		WantErr:      true,
		WantEvents: []string{internalError("failed to read PipelineRun kubernaut-workflows/fix-bd45276987: " +
			"inducing failure for get pipelineruns")},
	}, {
		Name:         "the CustomRuns cannot be listed",
		Objects:      []runtime.Object{endedWell(), succeeded(), lease},
		WithReactors: []clientgotesting.ReactionFunc{rtesting.InduceFailure("list", "customruns")},
		WantErr:      true,
		WantEvents:   []string{internalError("failed to list the CustomRuns of the run: inducing failure for list customruns")},
	}, {
		// A pod that was deleted by another hand in between is deleted enough.
		Name:    "the pod is another one by now",
		Objects: []runtime.Object{endedBadly(taskFailed()), failedRun(), given.Pod(failedRun(), "drain"), lease},
		WithReactors: []clientgotesting.ReactionFunc{func(action clientgotesting.Action) (bool, runtime.Object, error) {
			if !action.Matches("list", "pods") {
				return false, nil, nil
			}
			pod := given.Pod(failedRun(), "drain")
			pod.UID = "earlier"
			return true, &corev1.PodList{Items: []corev1.Pod{*pod}}, nil
		}},
		WantDeletes:       deletions(podDeletion),
		WantStatusUpdates: status(endedBadly(taskFailed(), given.WaitingFor("pod "+drainPod))),
	}})
}

// rerun is a copy of the run, with all its marks, that somebody has made of it.
func rerun(facts ...given.RunOption) *tektonv1.PipelineRun {
	run := given.Run(execution(), facts...)
	run.Name, run.UID = runName+"-rerun", "rerun"
	return run
}
