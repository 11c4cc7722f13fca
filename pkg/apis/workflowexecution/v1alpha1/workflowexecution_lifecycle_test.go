// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"knative.dev/pkg/apis"
	"knative.dev/pkg/apis/duck"
	duckv1 "knative.dev/pkg/apis/duck/v1"
	apistest "knative.dev/pkg/apis/testing"
)

var (
	storyBegins = metav1.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	storyEnds   = metav1.Date(2026, 3, 1, 12, 0, 42, 0, time.UTC)
)

// story is the status of an execution, told from its beginning.
type story struct {
	*WorkflowExecutionStatus
	t *testing.T
}

func newStory(t *testing.T) story {
	s := story{WorkflowExecutionStatus: &WorkflowExecutionStatus{}, t: t}
	s.InitializeConditions()
	return s
}

// expect compares the phase, Succeeded and the conditions that it sums up, in this order.
func (s story) expect(phase Phase, succeeded, lock, created, run corev1.ConditionStatus) {
	s.t.Helper()
	if s.Phase != phase {
		s.t.Errorf("phase = %q, want %q", s.Phase, phase)
	}
	for condition, want := range map[apis.ConditionType]corev1.ConditionStatus{
		ConditionSucceeded:            succeeded,
		ConditionLockAcquired:         lock,
		ConditionPipelineRunCreated:   created,
		ConditionPipelineRunSucceeded: run,
	} {
		if err := apistest.CheckCondition(s, condition, want); err != nil {
			s.t.Error(err)
		}
	}
	finished := ""
	if phase.IsTerminal() {
		finished = string(phase)
	}
	s.expectReason(ConditionFinished, finished)
	if got := s.GetCondition(ConditionFinished).IsTrue(); got != phase.IsTerminal() {
		s.t.Errorf("Finished is %t in phase %s", got, phase)
	}
}

func (s story) expectReason(condition apis.ConditionType, want string) {
	s.t.Helper()
	if got := s.GetCondition(condition).GetReason(); got != want {
		s.t.Errorf("reason of %s = %q, want %q", condition, got, want)
	}
}

const (
	yes     = corev1.ConditionTrue
	no      = corev1.ConditionFalse
	unknown = corev1.ConditionUnknown
)

func runRef() PipelineRunRef {
	return PipelineRunRef{Namespace: "kubernaut-workflows", Name: "fix-1", UID: "run-uid"}
}

func TestBeginsPending(t *testing.T) {
	s := newStory(t)
	s.expect(PhasePending, unknown, unknown, unknown, unknown)
	if s.IsTerminal() || s.HasOutcome() || s.HasStarted() {
		t.Error("a new execution has neither started nor ended")
	}
}

func TestSkippedBecauseBusy(t *testing.T) {
	s := newStory(t)
	s.MarkSkipped(SkipDetails{
		Reason: SkipResourceBusy, Message: "held by b/c", SkippedAt: storyBegins,
		ConflictingWorkflow: &ConflictingWorkflow{Namespace: "b", Name: "c"},
	})

	s.expect(PhaseSkipped, no, no, unknown, unknown)
	s.expectReason(ConditionLockAcquired, "ResourceBusy")
	s.expectReason(ConditionSucceeded, "ResourceBusy")
	if got := s.GetCondition(ConditionSucceeded).GetMessage(); got != "held by b/c" {
		t.Errorf("message = %q", got)
	}
	if s.SkipDetails.ConflictingWorkflow.Name != "c" || !s.CompletionTime.Equal(&storyBegins) {
		t.Error("details and completion time are not those of the skip:", s.SkipDetails, s.CompletionTime)
	}
	if s.FailureDetails != nil || s.HasStarted() {
		t.Error("a skip is no failure, and nothing has started")
	}
}

func TestEveryGuardSkips(t *testing.T) {
	for _, reason := range []SkipReason{
		SkipResourceBusy, SkipPreviousExecutionFailed, SkipExhaustedRetries, SkipRecentlyRemediated,
	} {
		t.Run(string(reason), func(t *testing.T) {
			s := newStory(t)
			s.MarkSkipped(SkipDetails{Reason: reason, SkippedAt: storyBegins})
			s.expect(PhaseSkipped, no, no, unknown, unknown)
		})
	}
}

func TestLockLostBeforeStart(t *testing.T) {
	// Somebody deleted the Lease by hand and another execution took the target: the run was made, but
	// never started.
	s := newStory(t)
	s.MarkLockAcquired()
	s.MarkPipelineRunCreated(runRef())
	s.MarkSkipped(SkipDetails{Reason: SkipResourceBusy, SkippedAt: storyBegins})
	s.expect(PhaseSkipped, no, no, yes, unknown)
}

func TestRefusedBeforeAnythingRan(t *testing.T) {
	s := newStory(t)
	s.MarkLockAcquired()
	s.MarkFailedUnstarted(FailureDetails{Reason: FailureConfigurationError, Message: "100%s wrong", FailedAt: storyBegins})

	s.expect(PhaseFailed, no, yes, no, unknown)
	s.expectReason(ConditionSucceeded, "ConfigurationError")
	// Messages come from others, so that they must not be taken for formats.
	if got := s.GetCondition(ConditionPipelineRunCreated).GetMessage(); got != "100%s wrong" {
		t.Errorf("message = %q", got)
	}
	if s.HasStarted() || s.Duration != nil || s.FailureDetails.WasExecutionFailure {
		t.Error("nothing ran:", s.StartTime, s.Duration, s.FailureDetails)
	}
}

func TestRefusedBeforeItAskedForItsTarget(t *testing.T) {
	// Unlike a skip, this has no reason of the guards, though the lock was not acquired either.
	s := newStory(t)
	s.MarkFailedUnstarted(FailureDetails{Reason: FailureConfigurationError, FailedAt: storyBegins})
	s.expect(PhaseFailed, no, unknown, no, unknown)
}

func TestCreationIsRetried(t *testing.T) {
	s := newStory(t)
	s.MarkLockAcquired()
	s.MarkPipelineRunRetrying("etcd: 100%d leader changed")
	s.expect(PhasePending, unknown, yes, unknown, unknown)
	s.expectReason(ConditionPipelineRunCreated, "Retrying")

	// Each new wording would be a write, and each write another attempt at once.
	s.MarkPipelineRunRetrying("etcd: no leader")
	if got := s.GetCondition(ConditionPipelineRunCreated).GetMessage(); got != "etcd: 100%d leader changed" {
		t.Errorf("message = %q, want the first one", got)
	}

	s.MarkPipelineRunCreated(runRef())
	s.expect(PhasePending, unknown, yes, yes, unknown)
	s.expectReason(ConditionPipelineRunSucceeded, ReasonNotStarted)
}

func TestStartIsRetried(t *testing.T) {
	s := newStory(t)
	s.MarkLockAcquired()
	s.MarkPipelineRunCreated(runRef())
	for _, message := range []string{"a policy refuses 100%d", "a webhook is away"} {
		s.MarkStartRetrying(message)
		s.expect(PhasePending, unknown, yes, yes, unknown)
		s.expectReason(ConditionPipelineRunSucceeded, ReasonNotStarted)
		if got := s.GetCondition(ConditionPipelineRunSucceeded).GetMessage(); got != "a policy refuses 100%d" {
			t.Errorf("message = %q, want the first one", got)
		}
	}
	s.MarkStarted(storyBegins)
	s.expectReason(ConditionPipelineRunSucceeded, ReasonStarted)
}

func TestRunOutOfSight(t *testing.T) {
	// The phase stays what it was, and whoever waits reads why.
	s := newStory(t)
	s.MarkLockAcquired()
	s.MarkPipelineRunCreated(runRef())
	for _, step := range []struct {
		advance func()
		phase   Phase
		reason  string
	}{
		{func() {}, PhasePending, ReasonNotStarted},
		{func() { s.MarkStarted(storyBegins) }, PhaseRunning, ReasonUnreachable},
		{func() { s.MarkReleasing(storyEnds, nil) }, PhaseRunning, ReasonReleasing},
	} {
		step.advance()
		s.MarkUnreachable("grant what 100%d lacks")
		s.expect(step.phase, unknown, yes, yes, unknown)
		s.expectReason(ConditionPipelineRunSucceeded, step.reason)
		if got := s.GetCondition(ConditionPipelineRunSucceeded).GetMessage(); got != "grant what 100%d lacks" {
			t.Errorf("message = %q", got)
		}
	}
	s.MarkReleased()
	s.expect(PhaseCompleted, yes, yes, yes, yes)
}

func TestSucceeds(t *testing.T) {
	s := newStory(t)
	s.MarkLockAcquired()
	s.expect(PhasePending, unknown, yes, unknown, unknown)

	s.MarkPipelineRunCreated(runRef())
	s.expect(PhasePending, unknown, yes, yes, unknown)
	if s.HasStarted() || *s.PipelineRunRef != runRef() {
		t.Error("the run is known and pending:", s.StartTime, s.PipelineRunRef)
	}

	s.MarkStarted(storyBegins)
	s.expect(PhaseRunning, unknown, yes, yes, unknown)

	s.PropagatePipelineRunStatus(PipelineRunStatusSummary{Status: unknown, Reason: "Running", Progress: "1/2"})
	s.expect(PhaseRunning, unknown, yes, yes, unknown)
	s.expectReason(ConditionSucceeded, "Running")

	s.PropagatePipelineRunStatus(PipelineRunStatusSummary{Status: yes, Reason: "Succeeded", Progress: "2/2"})
	s.expect(PhaseRunning, unknown, yes, yes, unknown)

	s.MarkReleasing(storyEnds, nil)
	s.expect(PhaseRunning, unknown, yes, yes, unknown)
	s.expectReason(ConditionSucceeded, ReasonReleasing)

	s.MarkReleased()
	s.expect(PhaseCompleted, yes, yes, yes, yes)
	if s.Duration.Duration != 42*time.Second || s.FailureDetails != nil || s.PipelineRunStatus.Progress != "2/2" {
		t.Error("duration, failure, progress =", s.Duration, s.FailureDetails, s.PipelineRunStatus.Progress)
	}
}

func TestFailsThenReleases(t *testing.T) {
	s := newStory(t)
	s.MarkLockAcquired()
	s.MarkPipelineRunCreated(runRef())
	s.MarkStarted(storyBegins)
	s.MarkReleasing(storyEnds, &FailureDetails{
		Reason: FailureTaskFailed, Message: "exit code 3", ExitCode: new(int32(3)), FailedAt: storyEnds,
	})
	// The evidence is stored while the target is still locked, and nobody is told that it is over.
	s.expect(PhaseRunning, unknown, yes, yes, unknown)
	s.expectReason(ConditionPipelineRunSucceeded, ReasonReleasing)
	if !s.HasOutcome() || s.IsTerminal() || *s.FailureDetails.ExitCode != 3 {
		t.Error("the outcome is known, the execution not over:", s.FailureDetails)
	}

	s.MarkWaitingForRelease("pod x ignores its termination")
	s.expect(PhaseRunning, unknown, yes, yes, unknown)

	// The run keeps changing while its children end; that must not hide what is being waited for.
	s.PropagatePipelineRunStatus(PipelineRunStatusSummary{Status: no, Reason: "Failed"})
	s.expectReason(ConditionSucceeded, ReasonReleasing)

	s.MarkReleased()
	s.expect(PhaseFailed, no, yes, yes, no)
	s.expectReason(ConditionSucceeded, "TaskFailed")
}

func TestCancelledBeforeStart(t *testing.T) {
	s := newStory(t)
	s.MarkLockAcquired()
	s.MarkPipelineRunCreated(runRef())
	s.MarkFailedUnstarted(FailureDetails{Reason: FailureCancelled, Message: "deleted before it started", FailedAt: storyBegins})

	s.expect(PhaseFailed, no, yes, no, unknown)
	s.expectReason(ConditionSucceeded, "Cancelled")
	if s.HasStarted() || s.Duration != nil {
		t.Error("nothing has started:", s.StartTime, s.Duration)
	}
}

func TestCancelledWhileRunning(t *testing.T) {
	s := newStory(t)
	s.MarkLockAcquired()
	s.MarkPipelineRunCreated(runRef())
	s.MarkStarted(storyBegins)
	s.MarkReleasing(storyEnds, &FailureDetails{Reason: FailureCancelled, FailedAt: storyEnds, WasExecutionFailure: true})
	s.MarkReleased()
	s.expect(PhaseFailed, no, yes, yes, no)
	s.expectReason(ConditionSucceeded, "Cancelled")
}

func TestPipelineRunVanishesBeforeStart(t *testing.T) {
	s := newStory(t)
	s.MarkLockAcquired()
	s.MarkPipelineRunCreated(runRef())
	s.MarkReleasing(storyEnds, &FailureDetails{Reason: FailurePipelineRunDeleted, FailedAt: storyEnds})
	if s.Duration != nil {
		t.Error("nothing is known to have started, so there is no duration:", s.Duration)
	}
	s.MarkReleased()
	s.expect(PhaseFailed, no, yes, yes, no)
}

func TestTektonThatHasNotReportedYet(t *testing.T) {
	// Its empty condition must not become ours: Knative would make a condition without a reason of it.
	s := newStory(t)
	s.MarkLockAcquired()
	s.MarkPipelineRunCreated(runRef())
	s.MarkStarted(storyBegins)
	s.PropagatePipelineRunStatus(PipelineRunStatusSummary{})
	s.expect(PhaseRunning, unknown, yes, yes, unknown)
	s.expectReason(ConditionPipelineRunSucceeded, ReasonStarted)
}

func TestDurationIsNeverNegative(t *testing.T) {
	// Two machines, two clocks: the run may have ended before we noted its start.
	s := newStory(t)
	s.MarkLockAcquired()
	s.MarkPipelineRunCreated(runRef())
	s.MarkStarted(storyEnds)
	s.MarkReleasing(storyBegins, nil)
	if s.Duration.Duration != 0 {
		t.Error("duration =", s.Duration.Duration)
	}
}

func TestAuditDoesNotBearOnSuccess(t *testing.T) {
	s := newStory(t)
	s.MarkLockAcquired()
	s.MarkPipelineRunCreated(runRef())
	s.MarkStarted(storyBegins)
	s.MarkReleasing(storyEnds, nil)
	s.MarkReleased()
	conditionSet.Manage(s).MarkFalse(ConditionAuditRecorded, "SinkRefused", "400")
	s.expect(PhaseCompleted, yes, yes, yes, yes)
}

func TestTerminalPhases(t *testing.T) {
	for phase, want := range map[Phase]bool{
		"": false, PhasePending: false, PhaseRunning: false,
		PhaseCompleted: true, PhaseFailed: true, PhaseSkipped: true,
	} {
		if got := phase.IsTerminal(); got != want {
			t.Errorf("Phase(%q).IsTerminal() = %v", phase, got)
		}
	}
}

func TestIsAKnativeResource(t *testing.T) {
	wfe := &WorkflowExecution{}
	if err := duck.VerifyType(wfe, &duckv1.Conditions{}); err != nil {
		t.Error(err)
	}
	if got := wfe.GetGroupVersionKind().String(); got != "kubernaut.ai/v1alpha1, Kind=WorkflowExecution" {
		t.Error("GetGroupVersionKind() =", got)
	}
	if got := wfe.GetConditionSet().GetTopLevelConditionType(); got != apis.ConditionSucceeded {
		t.Error("the top-level condition is", got)
	}
	if wfe.GetStatus() != &wfe.Status.Status {
		t.Error("GetStatus() is not the status of the object")
	}
}

// The two times are told by two clocks, and nobody is to read that a target was free before its run had ended.
func TestTargetIsFreedAfterTheEnd(t *testing.T) {
	later := metav1.NewTime(storyEnds.Add(time.Minute))
	for name, test := range map[string]struct{ at, want metav1.Time }{
		"later":                {later, later},
		"at once":              {storyEnds, storyEnds},
		"by a clock that lags": {storyBegins, storyEnds},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStory(t)
			s.MarkLockAcquired()
			s.MarkPipelineRunCreated(runRef())
			s.MarkStarted(storyBegins)
			s.MarkReleasing(storyEnds, nil)
			s.MarkTargetFreed(test.at)
			s.MarkReleased()
			if !s.ReleasedTime.Equal(&test.want) || !s.CompletionTime.Equal(&storyEnds) || s.Duration.Duration != 42*time.Second {
				t.Errorf("freed at %s, ended at %s after %s; want %s", s.ReleasedTime, s.CompletionTime, s.Duration.Duration, test.want)
			}
		})
	}
}
