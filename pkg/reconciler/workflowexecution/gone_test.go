// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package workflowexecution

import (
	"context"
	"slices"
	"testing"
	"time"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgotesting "k8s.io/client-go/testing"
	"k8s.io/client-go/tools/cache"
	clocktesting "k8s.io/utils/clock/testing"
	"knative.dev/pkg/controller"
	rtesting "knative.dev/pkg/reconciler/testing"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/pkg/reconciler/pipelinerun"
	given "kubernaut.ai/workflowexecution/pkg/reconciler/testing"
	"kubernaut.ai/workflowexecution/pkg/targetlock"
)

// A reconcile freed the target and crashed before it stored that. The run is gone by now, and the ledger says how it ended.
func TestFinishPruned(t *testing.T) {
	const message = "failed to start PipelineRun: no"
	remembered := given.Entry(execution(), time.Minute, given.FreedAgo(seconds(37)), given.Until(4*time.Minute))
	freed := []given.ExecutionOption{given.NextIn(4 * time.Minute), given.Released, given.TargetFreed(seconds(37))}
	wasRunning := []given.ExecutionOption{given.Started(2 * time.Minute), given.Mirroring(working(0))}
	unfinished := execution(wasRunning...)
	finished := execution(slices.Concat(wasRunning, []given.ExecutionOption{given.Ended(time.Minute, nil)}, freed)...)
	deleted := given.Deleted(time.Second)
	unstarted := &v1alpha1.FailureDetails{Reason: v1alpha1.FailureUnknown, Message: message, FailedAt: given.Ago(0)}
	run(t, rtesting.TableTest{{
		Name:              "the target is free",
		Objects:           []runtime.Object{unfinished, free(remembered)},
		WantStatusUpdates: status(finished),
		WantEvents:        []string{lockReleased, completed},
	}, {
		Name:              "the target is another's",
		Objects:           []runtime.Object{unfinished, given.LockLease(other(), 0, given.Remembers("restart", remembered))},
		WantStatusUpdates: status(finished),
		WantEvents:        []string{lockReleased, completed},
	}, {
		// That of another execution of the same workflow tells nothing.
		Name:    "the entry is another's",
		Objects: []runtime.Object{unfinished, free(given.Entry(given.Execution("payments/later"), 0, given.Until(5*time.Minute)))},
		WantStatusUpdates: status(execution(slices.Concat(wasRunning, []given.ExecutionOption{
			given.Ended(0, wasDeleted(2*time.Minute)),
		})...)),
	}, {
		Name:    "its start was not noted",
		Objects: []runtime.Object{execution(given.RunCreated), free(remembered)},
		WantStatusUpdates: status(execution(given.RunCreated, given.Ended(time.Minute, nil), given.NextIn(4*time.Minute),
			given.Released, given.TargetFreed(seconds(37)))),
		WantEvents: []string{lockReleased, completed},
	}, {
		// The pending run was deleted before the target was freed: nothing has run.
		Name:    "it could not be started",
		Objects: []runtime.Object{execution(given.RunCreated), free(failedUnstartedNow(v1alpha1.FailureUnknown, message))},
		WantStatusUpdates: status(execution(given.RunCreated, given.EndedUnstarted(0, unstarted), given.Failing(1, time.Minute),
			given.Released)),
		WantEvents: []string{lockReleased, failed(v1alpha1.FailureUnknown, message)},
	}, {
		// What is stored knows more than the ledger.
		Name:          "the copy of the execution is old",
		Objects:       []runtime.Object{unfinished, free(remembered)},
		OtherTestData: given.With(given.Live(finished)),
	}, {
		Name:         "the lock cannot be read",
		Objects:      []runtime.Object{unfinished, free(remembered)},
		WithReactors: []clientgotesting.ReactionFunc{rtesting.InduceFailure("get", "leases")},
		WantErr:      true,
		WantEvents: []string{internalError("failed to read the lease of target payment/deployments.apps/api: " +
			"inducing failure for get leases")},
	}, {
		Name:              "the execution was deleted meanwhile",
		Objects:           []runtime.Object{made(execution(wasRunning...), deleted), free(remembered)},
		WantStatusUpdates: status(made(finished.DeepCopy(), deleted)),
		WantEvents:        []string{lockReleased, completed},
	}, {
		// Somebody has emptied its status as well.
		Name:              "the execution was deleted, and nothing is known of it",
		Objects:           []runtime.Object{execution(deleted, given.Observed), free(remembered)},
		WantStatusUpdates: status(execution(deleted, given.Locked, hadRun, given.Ended(time.Minute, nil), given.NextIn(4*time.Minute), given.Released, given.TargetFreed(seconds(37)))),
		WantEvents:        []string{lockAcquired, lockReleased, completed},
	}})
}

// wasDeleted is what there is to tell of a run that somebody deleted, that long after its start.
func wasDeleted(after time.Duration) *v1alpha1.FailureDetails {
	return &v1alpha1.FailureDetails{
		Reason: v1alpha1.FailurePipelineRunDeleted, Message: "The PipelineRun was deleted before it ended",
		FailedAt: given.Ago(0), ExecutionTimeBeforeFailure: &metav1.Duration{Duration: after}, WasExecutionFailure: true,
	}
}

// The run ended and was deleted before its execution was looked at, and a watch told how it had ended.
func TestFinishAsLastSeen(t *testing.T) {
	lease := given.LockLease(execution(), time.Minute)
	broken := failedRun(withoutLog)
	lost := &v1alpha1.FailureDetails{
		Reason: v1alpha1.FailureUnknown, Message: "Tasks Completed: 1",
		FailedAt: given.Ago(0), ExecutionTimeBeforeFailure: &metav1.Duration{Duration: time.Minute}, WasExecutionFailure: true,
	}
	gone := func(name string, last any, want *v1alpha1.WorkflowExecution) finish {
		return finish{row: rtesting.TableRow{
			Name: name, Objects: []runtime.Object{running(), lease}, WantStatusUpdates: status(want),
		}, last: last}
	}
	well := func(name string, last any) finish {
		f := gone(name, last, endedWell(given.NextIn(5*time.Minute), given.Released))
		f.row.WantUpdates, f.row.WantEvents = updates(free(succeededNow())), []string{lockReleased, completed}
		return f
	}
	unnoticed := well("and its start was not noted", succeeded())
	unnoticed.row.Objects = []runtime.Object{execution(given.RunCreated), lease}
	unnoticed.row.WantEvents = append([]string{started}, unnoticed.row.WantEvents...)
	podLeft := gone("and a pod works on", succeeded(), endedWell())
	podLeft.row.Objects = append(podLeft.row.Objects, given.Pod(succeeded(), "drain"))
	deleted := gone("and the execution was deleted", succeeded(), made(endedWell(), given.Deleted(0)))
	deleted.row.Objects = []runtime.Object{made(running(), given.Deleted(0)), lease}
	ofDead := execution(given.Started(time.Minute), given.Mirroring(working(0)), given.Ended(0, wasDeleted(time.Minute)))
	for _, test := range []finish{
		well("well", succeeded()),
		well("well, and its deletion was missed", cache.DeletedFinalStateUnknown{Obj: succeeded()}),
		gone("badly", broken, endedBadly(lost)),
		unnoticed, podLeft, deleted,
		gone("in the middle of it", given.Run(execution(), given.Running(time.Minute)), ofDead),
		gone("nobody knows how: its deletion was missed", cache.DeletedFinalStateUnknown{Obj: given.Run(execution(), given.Running(time.Minute))}, ofDead),
		gone("nobody knows how: it is that of another run", madeRun(succeeded(), given.Again), ofDead),
		gone("nobody knows how", nil, ofDead),
	} {
		test.run(t)
	}
}

// finish is a row, and the last that a watch told of its run.
type finish struct {
	row  rtesting.TableRow
	last any
}

func (f finish) run(t *testing.T) {
	t.Helper()
	deletedRuns := pipelinerun.NewDeletedRuns(func(targetlock.Holder) bool { return false })
	deletedRuns.Remember(f.last)
	f.row.Key, f.row.SkipNamespaceValidation = key, true
	rtesting.TableTest{f.row}.Test(t, given.MakeFactory(func(ctx context.Context, listers *given.Listers, c *given.Circumstances) controller.Reconciler {
		return constructAfter(ctx, listers, c, clocktesting.NewFakePassiveClock(given.Now()), nil, deletedRuns)
	}))
}

func madeRun(run *tektonv1.PipelineRun, facts ...given.RunOption) *tektonv1.PipelineRun {
	for _, fact := range facts {
		fact(run)
	}
	return run
}

// Whoever is woken by a deletion finds what is remembered of it.
func TestDeletedRunIsRememberedFirst(t *testing.T) {
	var order []string
	handler := rememberAndTell(
		func(any) { order = append(order, "remembered") },
		func(any) { order = append(order, "told") },
	)
	handler.OnAdd(&corev1.Pod{}, false)
	handler.OnUpdate(&corev1.Pod{}, &corev1.Pod{})
	handler.OnDelete(&corev1.Pod{})
	if want := []string{"told", "told", "remembered", "told"}; !slices.Equal(order, want) {
		t.Errorf("%v, want %v", order, want)
	}
}

// What is known of an execution's end is not remembered once more.
func TestHasOutcomeInCache(t *testing.T) {
	for _, test := range []struct {
		name string
		wfe  *v1alpha1.WorkflowExecution
		want bool
	}{
		{"running", running(), false},
		{"its outcome is stored", endedWell(), true},
		{"another one has its name", made(endedWell(), given.WithUID("later")), false},
		{"unknown", other(), false},
	} {
		listers := given.NewListers([]runtime.Object{test.wfe})
		if got := hasOutcomeIn(listers.Executions())(pipelinerun.HolderOf(succeeded())); got != test.want {
			t.Errorf("%s: %t", test.name, got)
		}
	}
}
