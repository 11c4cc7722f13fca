// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package targetlease

import (
	"errors"
	"testing"
	"time"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clientgotesting "k8s.io/client-go/testing"
	rtesting "knative.dev/pkg/reconciler/testing"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	given "kubernaut.ai/workflowexecution/pkg/reconciler/testing"
	"kubernaut.ai/workflowexecution/pkg/targetlock"
)

// TestHolderElsewhere: the execution namespace was configured anew since the holder's run was created. Nothing of the
// run is watched, so that only the API server has it, and the Lease says where.
func TestHolderElsewhere(t *testing.T) {
	const former = "former-workflows"
	moved := given.RunIn(former)
	held := given.LockLease(execution(), minutes(1), moved)
	fencedThere := given.LockLease(execution(), minutes(1), moved, given.Fenced)
	runThere := func(facts ...given.RunOption) *tektonv1.PipelineRun {
		return given.Run(execution(), append(facts, func(run *tektonv1.PipelineRun) { run.Namespace = former })...)
	}
	works := runThere(given.Running(minutes(1)))
	done := runThere(given.Running(minutes(60)), given.Succeeded(minutes(1)))
	refersThere := func(wfe *v1alpha1.WorkflowExecution) { wfe.Status.PipelineRunRef.Namespace = former }
	again := given.Requeues(2 * time.Second)
	freed := func(entry targetlock.Entry) runtime.Object {
		return given.FreeLease(given.Remembers("restart", entry))
	}
	run(t, rtesting.TableTest{{
		Name: "and it works", Objects: []runtime.Object{held},
		OtherTestData: given.With(given.Requeues(5*time.Second), given.Live(works)),
		WantUpdates:   updates(fencedThere),
		WantPatches: []clientgotesting.PatchActionImpl{{
			Name: works.Name, Patch: []byte(`{"metadata":{"annotations":{"kubernaut.ai/cancel-reason":"Cancelled",` +
				`"kubernaut.ai/cancelled-at":"2026-03-01T12:00:00Z"},"uid":"run-of-uid-fix"},"spec":{"status":"CancelledRunFinally"}}`),
		}},
	}, {
		Name: "and it has ended, and a pod of it works", Objects: []runtime.Object{held},
		OtherTestData: given.With(again, given.Live(done, given.Pod(done, "drain"))),
		WantUpdates:   updates(fencedThere), WantDeletes: deletions(deletion("pods", former, done.Name+"-drain-pod")),
	}, {
		Name: "and it has ended", Objects: []runtime.Object{held}, OtherTestData: given.With(given.Live(done)),
		WantUpdates: updates(fencedThere, freed(removed())), WantDeletes: deletions(deletion("pipelineruns", former, done.Name)),
	}, {
		// Only a person can help, so a person is told.
		Name: "and the controller has no rights there", Objects: []runtime.Object{held},
		WithReactors: []clientgotesting.ReactionFunc{given.Refuse("get", "pipelineruns",
			apierrors.NewForbidden(schema.GroupResource{Group: "tekton.dev", Resource: "pipelineruns"}, works.Name, errors.New("RBAC")))},
		OtherTestData: given.With(given.Requeues(minutes(1))),
		WantUpdates:   updates(fencedThere),
		WantEvents: []string{corev1.EventTypeWarning + " TargetStaysLocked the run is in a namespace that is not the execution namespace any more: " +
			"give the controller's ServiceAccount in namespace former-workflows what the Role workflowexecution-controller grants in kubernaut-workflows, " +
			"until no execution has a run there: failed to read PipelineRun former-workflows/" + works.Name +
			`: pipelineruns.tekton.dev "` + works.Name + `" is forbidden: RBAC`},
	}, {
		// What the holder says counts before its Lease, which may have been edited.
		Name: "which only the holder says", Objects: []runtime.Object{over(refersThere), lease()},
		OtherTestData: given.With(again, given.Live(done, given.Pod(done, "drain"))),
		WantUpdates:   updates(fenced()), WantDeletes: deletions(deletion("pods", former, done.Name+"-drain-pod")),
	}, {
		// Of all that a cache has only the execution tells of the run.
		Name: "which lives, and whose Lease was deleted", Objects: []runtime.Object{execution(given.Started(minutes(1)), refersThere)},
		OtherTestData: given.With(given.Live(works)), WantCreates: []runtime.Object{given.LockLease(execution(), 0, moved, given.Unversioned)},
	}, {
		Name: "which lives, whose Lease was deleted, and whose run has ended", Objects: []runtime.Object{execution(given.Started(minutes(1)), refersThere)},
		OtherTestData: given.With(given.Live(done)),
	}})
}
