// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package workflowexecution

import (
	"errors"
	"strings"
	"testing"
	"time"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	clientgotesting "k8s.io/client-go/testing"
	rtesting "knative.dev/pkg/reconciler/testing"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	given "kubernaut.ai/workflowexecution/pkg/reconciler/testing"
)

// formerNamespace was the execution namespace before it was configured anew.
const formerNamespace = "former-workflows"

// elsewhere is an execution whose run was created there.
func elsewhere(facts ...given.ExecutionOption) *v1alpha1.WorkflowExecution {
	moved := func(wfe *v1alpha1.WorkflowExecution) { wfe.Status.PipelineRunRef.Namespace = formerNamespace }
	return execution(append(facts, moved)...)
}

// runElsewhere is its run. Nothing of it is watched, so that it belongs among the live objects of a row.
func runElsewhere(facts ...given.RunOption) *tektonv1.PipelineRun {
	moved := func(run *tektonv1.PipelineRun) { run.Namespace = formerNamespace }
	return given.Run(execution(), append(facts, moved)...)
}

// noRights are an installation that has moved them to the new namespace.
func noRights(verb, resource string) clientgotesting.ReactionFunc {
	return given.Refuse(verb, resource, apierrors.NewForbidden(pipelineRuns, runName, errors.New("RBAC")))
}

const whatToGrant = "the run is in a namespace that is not the execution namespace any more: give the controller's ServiceAccount in namespace " +
	"former-workflows what the Role workflowexecution-controller grants in kubernaut-workflows, until no execution has a run there: "

func unreachable(message string) given.ExecutionOption {
	return func(wfe *v1alpha1.WorkflowExecution) { wfe.Status.MarkUnreachable(whatToGrant + message) }
}

func TestRunElsewhereIsFollowed(t *testing.T) {
	lease := given.LockLease(execution(), time.Minute)
	works := runElsewhere(given.Running(time.Minute))
	mirrored := elsewhere(given.Started(time.Minute), given.Mirroring(working(0)))
	soon := given.Requeues(5 * time.Second)
	const noRead = `failed to read PipelineRun former-workflows/fix-bd45276987: pipelineruns.tekton.dev "fix-bd45276987" is forbidden: RBAC`
	run(t, rtesting.TableTest{{
		// No watch announces anything of it: it is looked at again soon.
		Name:          "nothing new",
		Objects:       []runtime.Object{mirrored, lease},
		OtherTestData: given.With(soon, given.Live(works, given.Pod(works, "drain"))),
	}, {
		Name:              "a task has ended",
		Objects:           []runtime.Object{mirrored, lease},
		OtherTestData:     given.With(soon, given.Live(works, given.Pod(works, "drain", given.PodEnded))),
		WantStatusUpdates: status(elsewhere(given.Started(time.Minute), given.Mirroring(working(1)))),
	}, {
		Name:          "its deadline comes before the next look",
		Objects:       []runtime.Object{elsewhere(given.Started(30*time.Minute-time.Second), given.Mirroring(working(0))), lease},
		OtherTestData: given.With(given.Requeues(time.Second), given.Live(works)),
	}, {
		Name:          "its deadline is reached",
		Objects:       []runtime.Object{elsewhere(given.Started(30*time.Minute), given.Mirroring(working(0))), lease},
		OtherTestData: given.With(soon, given.Live(works)),
		WantPatches:   patches(cancelPatch(v1alpha1.FailureDeadlineExceeded)),
	}, {
		Name:              "it has succeeded",
		Objects:           []runtime.Object{mirrored, lease},
		OtherTestData:     given.With(given.Live(runElsewhere(given.Running(time.Minute), given.Succeeded(0)))),
		WantUpdates:       updates(free(succeededNow())),
		WantStatusUpdates: status(elsewhere(endsWell, given.NextIn(5*time.Minute), given.Released)),
		WantEvents:        []string{lockReleased, completed},
	}, {
		Name:              "it has succeeded, and a pod of it works",
		Objects:           []runtime.Object{mirrored, lease},
		OtherTestData:     given.With(soon, given.Live(runElsewhere(given.Running(time.Minute), given.Succeeded(0)), given.Pod(works, "drain"))),
		WantStatusUpdates: status(elsewhere(endsWell)),
	}, {
		Name:         "the controller has no rights there",
		Objects:      []runtime.Object{mirrored, lease},
		WithReactors: []clientgotesting.ReactionFunc{noRights("get", "pipelineruns")},
		WantErr:      true,
		WantStatusUpdates: status(elsewhere(given.Started(time.Minute), given.Mirroring(working(0)),
			unreachable(noRead))),
		WantEvents: []string{internalError(whatToGrant + noRead)},
	}, {
		// It says so once.
		Name:         "the controller still has no rights there",
		Objects:      []runtime.Object{elsewhere(given.Started(time.Minute), given.Mirroring(working(0)), unreachable(noRead)), lease},
		WithReactors: []clientgotesting.ReactionFunc{noRights("get", "pipelineruns")},
		WantErr:      true,
		WantEvents:   []string{internalError(whatToGrant + noRead)},
	}, {
		Name:              "the controller has rights there again",
		Objects:           []runtime.Object{elsewhere(given.Started(time.Minute), given.Mirroring(working(0)), unreachable(noRead)), lease},
		OtherTestData:     given.With(soon, given.Live(works)),
		WantStatusUpdates: status(mirrored),
	}, {
		// A run that waits to be started is started where it is.
		Name:              "it was not started yet",
		Objects:           []runtime.Object{elsewhere(given.RunCreated), lease},
		OtherTestData:     given.With(soon, given.Live(runElsewhere())),
		WantPatches:       patches(startPatch()),
		WantStatusUpdates: status(elsewhere(given.Started(0))),
		WantEvents:        []string{started},
	}, {
		// Whoever takes over has to know where it is.
		Name:          "it was not started yet, and its Lease was deleted",
		Objects:       []runtime.Object{elsewhere(given.RunCreated)},
		OtherTestData: given.With(given.Requeues(0), given.Live(runElsewhere())),
		WantCreates:   []runtime.Object{newLease(execution(), given.RunIn(formerNamespace))},
	}, {
		Name:              "it was not started yet, and the controller has no rights there",
		Objects:           []runtime.Object{elsewhere(given.RunCreated), lease},
		WithReactors:      []clientgotesting.ReactionFunc{noRights("get", "pipelineruns")},
		WantErr:           true,
		WantStatusUpdates: status(elsewhere(given.RunCreated, unreachable(noRead))),
		WantEvents:        []string{internalError(whatToGrant + noRead)},
	}, {
		Name:          "its execution is deleted",
		Objects:       []runtime.Object{made(mirrored.DeepCopy(), given.Deleted(0)), lease},
		OtherTestData: given.With(soon, given.Live(works)),
		WantPatches:   patches(cancelPatch(v1alpha1.FailureCancelled)),
	}, {
		// A status that is stored first brings the next reconcile, but what that waits for may come later.
		Name:              "its execution is deleted, and it has ended",
		Objects:           []runtime.Object{made(mirrored.DeepCopy(), given.Deleted(time.Minute)), lease},
		OtherTestData:     given.With(soon, given.Live(runElsewhere(given.Running(time.Minute), given.Succeeded(0)))),
		WantStatusUpdates: status(made(elsewhere(endsWell), given.Deleted(time.Minute))),
	}})
}

// The execution namespace was configured anew after the run was created, and before its reference was stored. The Lease knows
// where it is: there is no second one.
func TestRunElsewhereIsFound(t *testing.T) {
	lease := given.LockLease(execution(), 0, given.RunIn(formerNamespace))
	sent := runElsewhere(func(run *tektonv1.PipelineRun) { run.UID, run.ResourceVersion = "", "" })
	for name, wfe := range map[string]*v1alpha1.WorkflowExecution{"the lock is noted": execution(given.Locked), "nothing is noted": execution()} {
		row := rtesting.TableRow{
			Name: name, Objects: []runtime.Object{wfe, lease}, WantCreates: []runtime.Object{sent},
			WantStatusUpdates: status(execution(given.Locked, func(wfe *v1alpha1.WorkflowExecution) {
				wfe.Status.MarkPipelineRunCreated(v1alpha1.PipelineRunRef{Namespace: formerNamespace, Name: runName, UID: given.RunUID("uid-fix")})
			})),
			WantEvents:    []string{strings.Replace(runCreated, given.RunNamespace, formerNamespace, 1)},
			OtherTestData: given.With(given.Requeues(5*time.Second), given.Live(runElsewhere())),
		}
		if name == "nothing is noted" {
			row.WantEvents = append([]string{lockAcquired}, row.WantEvents...)
		}
		run(t, rtesting.TableTest{row})
	}
	const deletedFirst = "The execution was deleted before its workflow started; nothing ran"
	run(t, rtesting.TableTest{{
		Name:              "the execution is deleted",
		Objects:           []runtime.Object{execution(given.Locked, given.Deleted(0)), lease},
		OtherTestData:     given.With(given.Live(runElsewhere())),
		WantUpdates:       updates(given.LockLease(execution(), 0, given.RunIn(formerNamespace), given.Fenced)),
		WantDeletes:       deletions(deletion("pipelineruns", formerNamespace, runName), leaseDeletion()),
		WantStatusUpdates: status(execution(given.Locked, given.Deleted(0), given.FailedUnstarted(v1alpha1.FailureCancelled, deletedFirst))),
		WantEvents:        []string{lockReleased, failed(v1alpha1.FailureCancelled, deletedFirst)},
	}})
}

// Somebody deleted the Lease of an execution whose run is elsewhere. No cache has the run, but the execution refers to it.
func TestLeaseGoneWhileAnotherRunsElsewhere(t *testing.T) {
	theirs := other(given.Started(time.Minute), func(wfe *v1alpha1.WorkflowExecution) { wfe.Status.PipelineRunRef.Namespace = formerNamespace })
	moved := func(run *tektonv1.PipelineRun) { run.Namespace = formerNamespace }
	works := given.Run(theirs, given.Running(time.Minute), moved)
	ended := given.Run(theirs, given.Running(time.Minute), given.Succeeded(0), moved)
	run(t, rtesting.TableTest{{
		Name: "its run works", Objects: []runtime.Object{execution(), theirs}, OtherTestData: given.With(given.Live(works)),
		WantStatusUpdates: status(execution(given.SkippedFor(other(), time.Minute))), WantEvents: []string{skipped(other())},
	}, {
		Name:              "a pod of it works",
		Objects:           []runtime.Object{execution(), theirs},
		OtherTestData:     given.With(given.Live(ended, given.Pod(ended, "drain", given.PodCreated(time.Minute)))),
		WantStatusUpdates: status(execution(given.SkippedFor(other(), time.Minute))), WantEvents: []string{skipped(other())},
	}, {
		Name:          "its run works, and this one has got the lock before",
		Objects:       []runtime.Object{execution(given.RunCreated), given.Run(execution()), given.LockLease(execution(), 0), theirs},
		OtherTestData: given.With(given.Live(works)), WantDeletes: deletions(runDeletion()),
		WantStatusUpdates: status(execution(given.RunCreated, given.SkippedFor(other(), time.Minute))), WantEvents: []string{skipped(other())},
	}, {
		Name: "it has ended", Objects: []runtime.Object{execution(), theirs}, OtherTestData: given.With(given.Live(ended)),
		WantCreates:       []runtime.Object{newLease(execution()), newRun()},
		WantStatusUpdates: status(execution(given.RunCreated)), WantEvents: []string{lockAcquired, runCreated},
	}, {
		Name: "and nobody can look", Objects: []runtime.Object{execution(given.Observed), theirs}, WantErr: true,
		WithReactors: []clientgotesting.ReactionFunc{given.Refuse("list", "pods", errors.New("timeout"))}, OtherTestData: given.With(given.Live(works)),
		WantEvents: []string{internalError("failed to list the pods of the run: timeout")},
	}})
}

func endsWell(wfe *v1alpha1.WorkflowExecution) {
	for _, fact := range []given.ExecutionOption{
		given.Started(time.Minute), given.Mirroring(done(corev1.ConditionTrue, "Succeeded")), given.Ended(0, nil),
	} {
		fact(wfe)
	}
}

// TestDeadHolderElsewhere: as long as the controller may not look at what a dead holder left, the target is busy.
func TestDeadHolderElsewhere(t *testing.T) {
	holder := other(given.RunCreated, given.Started(time.Minute), given.Ended(0, nil), given.Released,
		func(wfe *v1alpha1.WorkflowExecution) { wfe.Status.PipelineRunRef.Namespace = formerNamespace })
	lease := given.LockLease(other(), time.Minute)
	noRightsThere := func(action clientgotesting.Action) (bool, runtime.Object, error) {
		if action.GetNamespace() != formerNamespace {
			return false, nil, nil
		}
		return noRights("get", "pipelineruns")(action)
	}
	run(t, rtesting.TableTest{{
		Name:              "which the controller may not look at",
		Objects:           []runtime.Object{execution(), holder, lease},
		WithReactors:      []clientgotesting.ReactionFunc{noRightsThere},
		WantUpdates:       updates(given.LockLease(other(), time.Minute, given.Fenced)),
		WantStatusUpdates: status(execution(given.SkippedFor(other(), time.Minute))),
		WantEvents: []string{"Normal WorkflowSkipped ResourceBusy: Target payment/deployments.apps/api is held by billing/other (workflow drain) " +
			"since 2026-03-01T11:59:00Z; create a new execution once that one has ended"},
	}})
}
