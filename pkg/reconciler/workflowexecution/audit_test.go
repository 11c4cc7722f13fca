// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package workflowexecution

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clocktesting "k8s.io/utils/clock/testing"
	"knative.dev/pkg/apis"
	rtesting "knative.dev/pkg/reconciler/testing"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/pkg/audit"
	given "kubernaut.ai/workflowexecution/pkg/reconciler/testing"
)

// since has the execution in its terminal phase that long already.
func since(d time.Duration) given.ExecutionOption {
	return func(wfe *v1alpha1.WorkflowExecution) {
		for i := range wfe.Status.Conditions {
			wfe.Status.Conditions[i].LastTransitionTime = apis.VolatileTime{Inner: given.Ago(d)}
		}
	}
}

// startRecorded has a sink's answer for the start only.
func startRecorded(wfe *v1alpha1.WorkflowExecution) {
	started := audit.ID(wfe.UID, audit.WorkflowStarted)
	audit.Note(wfe, func(id uuid.UUID) (audit.Acknowledgement, bool) {
		return audit.Acknowledgement{At: given.Ago(time.Second)}, id == started
	})
}

// What the sink has answered for is noted, in the reconcile that the answer brings or any other after it.
func TestAuditTrail(t *testing.T) {
	over := []given.ExecutionOption{given.Started(time.Minute), given.Ended(0, nil), given.Released}
	row := func(name string, before, after *v1alpha1.WorkflowExecution) rtesting.TableRow {
		return rtesting.TableRow{
			Name: name, Objects: []runtime.Object{before}, OtherTestData: given.With(given.AuditSinkAnswers(before)), WantStatusUpdates: status(after),
		}
	}
	run(t, rtesting.TableTest{
		row("of a completed execution", execution(over...), recorded(execution(over...))),
		row("of one whose start is recorded", execution(append(over, startRecorded)...), recorded(execution(append(over, startRecorded)...))),
		row("of a skipped one", execution(given.SkippedFor(other(), time.Minute)), recorded(execution(given.SkippedFor(other(), time.Minute)))),
		{
			Name: "complete", Objects: []runtime.Object{execution(append(over, given.Audited)...)}, OtherTestData: given.With(given.AuditSinkAnswers()),
			PostConditions: []func(*testing.T, *rtesting.TableRow){given.AsksNothing},
		},
		{
			Name: "with a sink that answers in this reconcile", Objects: []runtime.Object{execution(over...)},
			OtherTestData:  given.With(given.AuditSinkAnswers()),
			PostConditions: []func(*testing.T, *rtesting.TableRow){given.AsksNothing},
		},
		{
			// The condition says so since the phase changed; nothing is written again.
			Name: "without a sink", Objects: []runtime.Object{execution(over...)},
			PostConditions: []func(*testing.T, *rtesting.TableRow){given.AsksNothing},
		},
	})
}

// What a reconcile is about to change is no event before it is stored.
func TestNoEventAheadOfTheStatus(t *testing.T) {
	skipped := execution(given.SkippedFor(other(), time.Minute))
	run(t, rtesting.TableTest{{
		Name:              "skipped just now",
		Objects:           []runtime.Object{execution(), other(given.Started(time.Minute)), given.LockLease(other(), time.Minute)},
		OtherTestData:     given.With(given.AuditSinkAnswers()),
		WantStatusUpdates: status(skipped),
		WantEvents:        []string{skips(*skipped.Status.SkipDetails)},
	}})
}

// A deleted execution is over and waits for the sink, up to the limit.
func TestDeletedWaitsForTheAuditTrail(t *testing.T) {
	over := func(deleted, ended time.Duration) *v1alpha1.WorkflowExecution {
		return execution(given.Deleted(deleted), given.Started(time.Hour), given.Ended(ended, nil), given.Released, since(ended))
	}
	waits := func(name string, wfe *v1alpha1.WorkflowExecution, remaining time.Duration) rtesting.TableRow {
		return rtesting.TableRow{
			Name: name, Objects: []runtime.Object{wfe}, OtherTestData: given.With(given.Requeues(remaining)),
		}
	}
	run(t, rtesting.TableTest{
		waits("deleted a minute ago", over(time.Minute, time.Hour), 4*time.Minute),
		waits("deleted long ago, and over since a minute", over(time.Hour, time.Minute), 4*time.Minute),
		{
			Name: "and the limit is over", Objects: []runtime.Object{over(5*time.Minute, time.Hour)},
			WantPatches: patches(removesFinalizer()), WantEvents: []string{finalizer},
		},
		{
			Name: "and everything is recorded", Objects: []runtime.Object{recorded(over(time.Minute, time.Hour))},
			WantPatches: patches(removesFinalizer()), WantEvents: []string{finalizer},
		},
	})
}

// An acknowledgement that comes while an earlier one waits is not old enough when that one's reconcile comes.
func TestEachAcknowledgementHasItsReconcile(t *testing.T) {
	clock, reconciles := clocktesting.NewFakeClock(given.Now()), 0
	acknowledged := wake(clock, func(types.NamespacedName) { reconciles++ })
	for _, step := range []struct {
		after      time.Duration
		arrives    bool
		reconciles int
	}{
		{0, true, 0},
		{acknowledgementDelay * 9 / 10, true, 0},
		{acknowledgementDelay / 10, false, 1},
		{acknowledgementDelay * 9 / 10, false, 2},
	} {
		clock.Step(step.after)
		if step.arrives {
			acknowledged(types.NamespacedName{Namespace: "payments", Name: "fix"})
		}
		if reconciles != step.reconciles {
			t.Errorf("%d reconciles, want %d", reconciles, step.reconciles)
		}
	}
}
