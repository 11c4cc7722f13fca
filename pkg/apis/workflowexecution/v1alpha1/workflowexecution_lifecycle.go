// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"fmt"
	"time"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"knative.dev/pkg/apis"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution"
)

const (
	// ConditionSucceeded is the sum of the conditions below it.
	ConditionSucceeded = apis.ConditionSucceeded
	// ConditionLockAcquired tells whether the execution got the lock of its target.
	ConditionLockAcquired apis.ConditionType = "LockAcquired"
	// ConditionPipelineRunCreated tells whether the PipelineRun exists.
	ConditionPipelineRunCreated apis.ConditionType = "PipelineRunCreated"
	// ConditionPipelineRunSucceeded tells whether the workflow ran to its end, and how.
	ConditionPipelineRunSucceeded apis.ConditionType = "PipelineRunSucceeded"
	// ConditionFinished is True once the execution is over, however it ended, with the phase as its
	// reason, and absent before. It does not bear on ConditionSucceeded.
	ConditionFinished apis.ConditionType = "Finished"
	// ConditionAuditRecorded tells whether a sink has acknowledged every audit event so far. It does
	// not bear on ConditionSucceeded.
	ConditionAuditRecorded apis.ConditionType = "AuditRecorded"
)

const (
	// ReasonAltered means that the PipelineRun is not stored as it was sent.
	ReasonAltered = "Altered"
	// ReasonRetrying means that the PipelineRun could not be created so far.
	ReasonRetrying = "Retrying"
	// ReasonNotStarted means that the PipelineRun exists and is pending.
	ReasonNotStarted = "NotStarted"
	// ReasonStarted means that the PipelineRun was started and Tekton has not reported on it yet.
	ReasonStarted = "Started"
	// ReasonTargetUndecided means that the API server cannot tell now which resource the target is.
	ReasonTargetUndecided = "TargetUndecided"
	// ReasonNotEnding means that the run was cancelled, and has not ended in the time that it has for that.
	ReasonNotEnding = "NotEnding"
	// ReasonUnreachable means that the controller may not look at the PipelineRun where it is.
	ReasonUnreachable = "Unreachable"
	// ReasonReleasing means that the run has ended, and that its target is not free yet.
	ReasonReleasing = "Releasing"
)

var conditionSet = apis.NewBatchConditionSet(
	ConditionLockAcquired, ConditionPipelineRunCreated, ConditionPipelineRunSucceeded)

// GetConditionSet implements duckv1.KRShaped.
func (*WorkflowExecution) GetConditionSet() apis.ConditionSet {
	return conditionSet
}

// InitializeConditions makes every condition of the set known.
func (s *WorkflowExecutionStatus) InitializeConditions() {
	conditionSet.Manage(s).InitializeConditions()
	s.derivePhase()
}

// IsTerminal tells whether the execution is over and its target free.
func (s *WorkflowExecutionStatus) IsTerminal() bool {
	return s.Phase.IsTerminal()
}

// HasOutcome tells whether it is known how the execution ended, though its target may not be free.
func (s *WorkflowExecutionStatus) HasOutcome() bool {
	return s.CompletionTime != nil
}

// HasStarted tells whether the PipelineRun was started.
func (s *WorkflowExecutionStatus) HasStarted() bool {
	return s.StartTime != nil
}

// MarkLockAcquired notes that no other execution can touch the target now.
func (s *WorkflowExecutionStatus) MarkLockAcquired() {
	conditionSet.Manage(s).MarkTrue(ConditionLockAcquired)
	s.derivePhase()
}

// MarkSkipped notes which guard kept the workflow from being started.
func (s *WorkflowExecutionStatus) MarkSkipped(details SkipDetails) {
	s.SkipDetails = &details
	s.CompletionTime = details.SkippedAt.DeepCopy()
	conditionSet.Manage(s).MarkFalse(ConditionLockAcquired, string(details.Reason), "%s", details.Message)
	s.derivePhase()
}

// MarkFailedUnstarted notes a failure before anything could run.
func (s *WorkflowExecutionStatus) MarkFailedUnstarted(details FailureDetails) {
	s.FailureDetails = &details
	s.CompletionTime = details.FailedAt.DeepCopy()
	conditionSet.Manage(s).MarkFalse(ConditionPipelineRunCreated, string(details.Reason), "%s", details.Message)
	s.derivePhase()
}

// MarkTargetUndecided notes that the API server cannot tell now which resource the target is. It keeps the first
// wording, and with it the time since when that is so.
func (s *WorkflowExecutionStatus) MarkTargetUndecided(message string) {
	if s.GetCondition(ConditionLockAcquired).GetReason() != ReasonTargetUndecided {
		conditionSet.Manage(s).MarkUnknown(ConditionLockAcquired, ReasonTargetUndecided, "%s", message)
		s.derivePhase()
	}
}

// MarkPipelineRunCreated notes the one PipelineRun of this execution, which is pending until its
// reference is known to be stored.
func (s *WorkflowExecutionStatus) MarkPipelineRunCreated(ref PipelineRunRef) {
	s.PipelineRunRef = &ref
	conditionSet.Manage(s).MarkTrue(ConditionPipelineRunCreated)
	conditionSet.Manage(s).MarkUnknown(ConditionPipelineRunSucceeded, ReasonNotStarted, "%s", waits(ref))
	s.derivePhase()
}

func waits(ref PipelineRunRef) string {
	return fmt.Sprintf("PipelineRun %s/%s waits to be started", ref.Namespace, ref.Name)
}

// MarkPipelineRunLost notes that there was a PipelineRun, and that nobody knows any more which.
func (s *WorkflowExecutionStatus) MarkPipelineRunLost() {
	conditionSet.Manage(s).MarkTrue(ConditionPipelineRunCreated)
	s.derivePhase()
}

// MarkStarted notes that the PipelineRun was started.
func (s *WorkflowExecutionStatus) MarkStarted(at metav1.Time) {
	s.StartTime = &at
	conditionSet.Manage(s).MarkUnknown(ConditionPipelineRunSucceeded, ReasonStarted, "The workflow was started")
	s.derivePhase()
}

// PropagatePipelineRunStatus mirrors a PipelineRun that was started. Until Tekton has noticed the start,
// its reason still says that the run is pending, or nothing, which nobody wants to read.
func (s *WorkflowExecutionStatus) PropagatePipelineRunStatus(summary PipelineRunStatusSummary) {
	if summary.Reason == "" || summary.Reason == tektonv1.PipelineRunReasonPending.String() {
		return
	}
	s.PipelineRunStatus = &summary
	if s.HasOutcome() || s.GetCondition(ConditionPipelineRunSucceeded).GetReason() == ReasonNotEnding {
		return
	}
	conditionSet.Manage(s).MarkUnknown(ConditionPipelineRunSucceeded, summary.Reason, "%s", summary.Message)
	s.derivePhase()
}

// MarkNotEnding notes what a person should do about a cancelled run that does not end. It stays until the run has ended.
func (s *WorkflowExecutionStatus) MarkNotEnding(message string) {
	conditionSet.Manage(s).MarkUnknown(ConditionPipelineRunSucceeded, ReasonNotEnding, "%s", message)
	s.derivePhase()
}

// MarkReleasing notes how the run ended (nil details: it succeeded), before its target is freed.
func (s *WorkflowExecutionStatus) MarkReleasing(completed metav1.Time, details *FailureDetails) {
	s.CompletionTime = &completed
	s.FailureDetails = details
	if s.StartTime != nil {
		s.Duration = &metav1.Duration{Duration: max(0, completed.Sub(s.StartTime.Time)).Round(time.Second)}
	}
	s.MarkWaitingForRelease("The run has ended; its target is being freed")
}

// MarkWaitingForRelease notes what keeps the target of an ended run from being freed.
func (s *WorkflowExecutionStatus) MarkWaitingForRelease(message string) {
	conditionSet.Manage(s).MarkUnknown(ConditionPipelineRunSucceeded, ReasonReleasing, "%s", message)
	s.derivePhase()
}

// MarkTargetFreed notes when the lock of the target was given back, which is never before the end of what held it,
// though the two are told by two clocks.
func (s *WorkflowExecutionStatus) MarkTargetFreed(at metav1.Time) {
	if end := s.CompletionTime; end != nil && at.Before(end) {
		at = *end
	}
	s.ReleasedTime = &at
}

// MarkReleased turns the outcome noted by MarkReleasing into the terminal phase.
func (s *WorkflowExecutionStatus) MarkReleased() {
	if failure := s.FailureDetails; failure != nil {
		conditionSet.Manage(s).MarkFalse(ConditionPipelineRunSucceeded, string(failure.Reason), "%s", failure.Message)
	} else {
		conditionSet.Manage(s).MarkTrue(ConditionPipelineRunSucceeded)
	}
	s.derivePhase()
}

// MarkConsequences notes what the end of this execution means for the next one of its workflow on its
// target: how many in a row could not be started, when one may run again (nil if time alone does not
// decide that), and whether none may run before a person has looked.
func (s *WorkflowExecutionStatus) MarkConsequences(failures int32, nextAllowed *metav1.Time, blocks bool) {
	s.ConsecutiveFailures, s.NextAllowedExecution = failures, nextAllowed
	if s.FailureDetails != nil {
		s.FailureDetails.RequiresManualReview = blocks
	}
}

// IsUnblockDue tells whether a person has cleared the block of this execution, and the ledger of its
// target does not know yet.
func (s *WorkflowExecutionStatus) IsUnblockDue() bool {
	_, unblocked := s.Annotations[workflowexecution.UnblockedAnnotation]
	return s.BlockClearance != nil && !unblocked
}

// MarkUnblocked notes that the ledger of the target knows of the clearance.
func (s *WorkflowExecutionStatus) MarkUnblocked() {
	if s.Annotations == nil {
		s.Annotations = map[string]string{}
	}
	s.Annotations[workflowexecution.UnblockedAnnotation] = "true"
}

// derivePhase is the one place where conditions become a phase, so that the two cannot disagree. The
// condition that waits for any end is set with it.
func (s *WorkflowExecutionStatus) derivePhase() {
	lock, run := s.GetCondition(ConditionLockAcquired), s.GetCondition(ConditionPipelineRunSucceeded)
	succeeded := s.GetCondition(ConditionSucceeded)
	switch {
	case lock.IsFalse() && isSkipReason(lock.GetReason()):
		s.Phase = PhaseSkipped
	case succeeded.IsFalse():
		s.Phase = PhaseFailed
	case succeeded.IsTrue():
		s.Phase = PhaseCompleted
	case run.GetReason() != "" && run.GetReason() != ReasonNotStarted:
		s.Phase = PhaseRunning
	default:
		s.Phase = PhasePending
	}
	s.MarkFinished()
}

// MarkFinished sets the condition that waits for any end, if the execution is over: one that ended under a version
// without the condition lacks it.
func (s *WorkflowExecutionStatus) MarkFinished() {
	finished := s.GetCondition(ConditionFinished)
	if s.Phase.IsTerminal() && (!finished.IsTrue() || finished.GetReason() != string(s.Phase)) {
		conditionSet.Manage(s).MarkTrueWithReason(ConditionFinished, string(s.Phase), "")
	}
}

func isSkipReason(reason string) bool {
	switch SkipReason(reason) {
	case SkipResourceBusy, SkipPreviousExecutionFailed, SkipExhaustedRetries, SkipRecentlyRemediated:
		return true
	}
	return false
}
