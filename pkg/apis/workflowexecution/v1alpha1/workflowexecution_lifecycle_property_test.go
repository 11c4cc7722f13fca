// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"
)

// life is what a reconciler may do with a status, and when. It is the model against which
// TestPhaseAndConditionsAgree checks whatever order it comes up with.
type life struct {
	status *WorkflowExecutionStatus
	lock   bool
}

func (l *life) isOver() bool     { return l.status.IsTerminal() }
func (l *life) hasOutcome() bool { return l.status.HasOutcome() }
func (l *life) hasRun() bool     { return l.status.PipelineRunRef != nil }
func (l *life) hasStarted() bool { return l.status.HasStarted() }

// actions are the mutators with the preconditions under which the reconciler calls them.
func (l *life) actions() map[string]func(*rapid.T) {
	return map[string]func(*rapid.T){
		"begin another reconcile": l.when(func() bool { return !l.isOver() }, func(*rapid.T) { l.status.InitializeConditions() }),
		"await discovery": l.when(func() bool { return !l.isOver() && !l.lock && !l.hasOutcome() }, func(*rapid.T) {
			l.status.MarkTargetUndecided("metrics.k8s.io does not answer")
		}),
		"lock": l.when(func() bool { return !l.isOver() && !l.lock }, func(*rapid.T) {
			l.status.MarkLockAcquired()
			l.lock = true
		}),
		"skip": l.when(func() bool { return !l.isOver() && !l.hasStarted() && !l.hasOutcome() }, func(t *rapid.T) {
			l.status.MarkSkipped(SkipDetails{Reason: rapid.SampledFrom(skipReasons).Draw(t, "skip"), SkippedAt: storyBegins})
		}),
		"refuse": l.when(func() bool { return !l.isOver() && !l.hasStarted() && !l.hasOutcome() }, func(t *rapid.T) {
			l.status.MarkFailedUnstarted(FailureDetails{Reason: rapid.SampledFrom(failureReasons).Draw(t, "failure"), FailedAt: storyBegins})
		}),
		"retry": l.when(func() bool { return !l.isOver() && l.lock && !l.hasRun() }, func(*rapid.T) {
			l.status.MarkPipelineRunRetrying("etcd is slow")
		}),
		"create": l.when(func() bool { return !l.isOver() && l.lock && !l.hasRun() }, func(*rapid.T) {
			l.status.MarkPipelineRunCreated(runRef())
		}),
		"create altered": l.when(func() bool { return !l.isOver() && l.lock && !l.hasRun() }, func(t *rapid.T) {
			l.status.MarkPipelineRunAltered(runRef(), "a queue has it")
			if l.status.Alteration() != "a queue has it" {
				t.Fatal("the alteration is lost")
			}
		}),
		"start": l.when(func() bool { return !l.isOver() && l.hasRun() && !l.hasStarted() && !l.hasOutcome() }, func(*rapid.T) {
			l.status.MarkStarted(storyBegins)
		}),
		// Tekton may say anything, at any time, even words that mean something to us.
		"observe": l.when(func() bool { return l.hasStarted() }, func(t *rapid.T) {
			l.status.PropagatePipelineRunStatus(PipelineRunStatusSummary{
				Reason: rapid.SampledFrom([]string{"", "Running", "Succeeded", "Failed", "ResourceBusy", "PipelineRunPending", ReasonReleasing}).Draw(t, "reason"),
			})
		}),
		"end": l.when(func() bool { return !l.isOver() && l.hasRun() && !l.hasOutcome() }, func(t *rapid.T) {
			l.status.MarkReleasing(storyEnds, rapid.Ptr(rapid.Custom(func(t *rapid.T) FailureDetails {
				return FailureDetails{Reason: rapid.SampledFrom(failureReasons).Draw(t, "failure"), FailedAt: storyEnds}
			}), true).Draw(t, "details"))
		}),
		"wait": l.when(func() bool { return !l.isOver() && l.hasOutcome() }, func(*rapid.T) {
			l.status.MarkWaitingForRelease("pod x works on")
		}),
		"retry the start": l.when(func() bool { return !l.isOver() && l.hasRun() && !l.hasStarted() && !l.hasOutcome() }, func(*rapid.T) {
			l.status.MarkStartRetrying("a policy refuses it")
		}),
		"lose sight": l.when(func() bool { return !l.isOver() && l.hasRun() }, func(*rapid.T) {
			l.status.MarkUnreachable("no rights in the former namespace")
		}),
		"release": l.when(func() bool { return !l.isOver() && l.hasOutcome() }, func(*rapid.T) { l.status.MarkReleased() }),
		"audit": func(*rapid.T) {
			conditionSet.Manage(l.status).MarkUnknown(ConditionAuditRecorded, "Waiting", "for the sink")
		},
	}
}

func (l *life) when(possible func() bool, act func(*rapid.T)) func(*rapid.T) {
	return func(t *rapid.T) {
		if possible() {
			act(t)
		}
	}
}

var (
	skipReasons    = []SkipReason{SkipResourceBusy, SkipPreviousExecutionFailed, SkipExhaustedRetries, SkipRecentlyRemediated}
	failureReasons = []FailureReason{
		FailureOOMKilled, FailureDeadlineExceeded, FailureForbidden, FailureResourceExhausted, FailureConfigurationError,
		FailureImagePullBackOff, FailureVerificationFailed, FailureEvicted, FailureCancelled, FailurePipelineRunDeleted,
		FailureTaskFailed, FailureUnknown,
	}
)

func TestPhaseAndConditionsAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := &life{status: &WorkflowExecutionStatus{}}
		l.status.InitializeConditions()
		before := l.status.Phase
		actions := l.actions()
		actions[""] = func(t *rapid.T) {
			l.check(t)
			if before.IsTerminal() && l.status.Phase != before {
				t.Fatalf("terminal phase %s became %s", before, l.status.Phase)
			}
			if before == PhaseRunning && l.status.Phase == PhasePending {
				t.Fatal("an execution that ran is pending again")
			}
			before = l.status.Phase
		}
		t.Repeat(actions)
	})
}

// check holds the phase against the table in docs/design.md, "Phases", in words of its own.
func (l *life) check(t *rapid.T) {
	s := l.status
	lock, created, run := s.GetCondition(ConditionLockAcquired), s.GetCondition(ConditionPipelineRunCreated), s.GetCondition(ConditionPipelineRunSucceeded)
	succeeded := s.GetCondition(ConditionSucceeded)

	skipped := lock.IsFalse()
	failed := !skipped && (created.IsFalse() || run.IsFalse())
	completed := lock.IsTrue() && created.IsTrue() && run.IsTrue()
	for phase, want := range map[Phase]bool{PhaseSkipped: skipped, PhaseFailed: failed, PhaseCompleted: completed} {
		if (s.Phase == phase) != want {
			t.Fatalf("phase is %s with lock %v, created %v, run %v", s.Phase, lock, created, run)
		}
	}
	if succeeded.IsTrue() != completed || succeeded.IsFalse() != (skipped || failed) {
		t.Fatalf("Succeeded is %v in phase %s", succeeded, s.Phase)
	}
	if finished := s.GetCondition(ConditionFinished); finished.IsTrue() != s.IsTerminal() || s.IsTerminal() && finished.GetReason() != string(s.Phase) {
		t.Fatalf("Finished is %v in phase %s", finished, s.Phase)
	}
	switch {
	case (s.SkipDetails != nil) != skipped:
		t.Fatalf("skip details %v in phase %s", s.SkipDetails, s.Phase)
	case failed && s.FailureDetails == nil:
		t.Fatal("a failure without details")
	case completed && s.FailureDetails != nil:
		t.Fatal("a success with failure details")
	case s.Phase.IsTerminal() && s.CompletionTime == nil:
		t.Fatal("an end without its time")
	case run.GetReason() == ReasonReleasing && s.HasOutcome() && succeeded.GetReason() != ReasonReleasing:
		t.Fatal("Succeeded does not say what is being waited for:", succeeded)
	case s.Phase == PhasePending && s.HasStarted():
		t.Fatal("a started execution is pending")
	case s.Phase == PhaseRunning && !l.hasRun():
		t.Fatal("running without a run")
	}
}

// TestConditionsStayWhenNothingChanges keeps the controller from writing for ever: a second reconcile over
// the same facts must leave no difference, not even in a time.
func TestConditionsStayWhenNothingChanges(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := &WorkflowExecutionStatus{}
		tell := func() {
			s.InitializeConditions()
			s.MarkLockAcquired()
			s.PropagatePipelineRunStatus(PipelineRunStatusSummary{Reason: "Running", Message: "1/2"})
		}
		s.InitializeConditions()
		s.MarkLockAcquired()
		s.MarkPipelineRunCreated(runRef())
		s.MarkStarted(storyBegins)
		tell()
		long := metav1.NewTime(storyBegins.Add(-time.Duration(rapid.IntRange(1, 1000).Draw(t, "age")) * time.Hour))
		for i := range s.Conditions {
			s.Conditions[i].LastTransitionTime.Inner = long
		}
		before := s.DeepCopy()
		tell()
		for i := range s.Conditions {
			if s.Conditions[i] != before.Conditions[i] {
				t.Fatalf("%v became %v", before.Conditions[i], s.Conditions[i])
			}
		}
	})
}
