// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// MarkPipelineRunRetrying notes that the API server could not create the PipelineRun this time. It keeps the first wording:
// a write for each new one would bring the next attempt at once.
func (s *WorkflowExecutionStatus) MarkPipelineRunRetrying(message string) {
	if s.GetCondition(ConditionPipelineRunCreated).GetReason() == ReasonRetrying {
		return
	}
	conditionSet.Manage(s).MarkUnknown(ConditionPipelineRunCreated, ReasonRetrying, "%s", message)
	s.derivePhase()
}

// MarkPipelineRunAltered notes a PipelineRun that is not stored as it was sent, and is cancelled for that.
func (s *WorkflowExecutionStatus) MarkPipelineRunAltered(ref PipelineRunRef, message string) {
	s.MarkPipelineRunCreated(ref)
	conditionSet.Manage(s).MarkTrueWithReason(ConditionPipelineRunCreated, ReasonAltered, "%s", message)
	s.derivePhase()
}

// Alteration says how the stored PipelineRun differs from what was sent, empty if it does not.
func (s *WorkflowExecutionStatus) Alteration() string {
	if created := s.GetCondition(ConditionPipelineRunCreated); created.GetReason() == ReasonAltered {
		return created.GetMessage()
	}
	return ""
}

// MarkStartRetrying notes that the API server could not start the PipelineRun this time, in the first wording.
func (s *WorkflowExecutionStatus) MarkStartRetrying(message string) {
	if s.PipelineRunRef == nil || s.GetCondition(ConditionPipelineRunSucceeded).GetMessage() != waits(*s.PipelineRunRef) {
		return
	}
	conditionSet.Manage(s).MarkUnknown(ConditionPipelineRunSucceeded, ReasonNotStarted, "%s", message)
	s.derivePhase()
}

// MarkUnreachable notes why the controller cannot follow the PipelineRun. The phase stays what it was.
func (s *WorkflowExecutionStatus) MarkUnreachable(message string) {
	reason := ReasonUnreachable
	switch {
	case s.HasOutcome():
		reason = ReasonReleasing
	case !s.HasStarted():
		reason = ReasonNotStarted
	}
	conditionSet.Manage(s).MarkUnknown(ConditionPipelineRunSucceeded, reason, "%s", message)
	s.derivePhase()
}
