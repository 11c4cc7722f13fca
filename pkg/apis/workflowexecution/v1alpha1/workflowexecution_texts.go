// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import "unicode/utf8"

// Limits of what a status takes over from others, in bytes. The CRD has the same numbers as maxLength, which counts
// characters, so that it never refuses what was cut.
const (
	// MaxText is the limit of a text for people: Tekton repeats whole parameters in a message, and a status that
	// outgrows what the API server stores could never be written again.
	MaxText = 4096
	// MaxReason is the limit of one word for programs.
	MaxReason = 256
	// MaxName is the limit of the name of an object.
	MaxName = 253
	// MaxTarget is the limit of a target in canonical form.
	MaxTarget = 635
)

const cutMark = "… (cut)"

// Cut is the text if it has at most limit bytes, and otherwise as much of its beginning as fits, in whole
// characters, with a mark that says so. Secrets have to be gone before: half of one is not recognized any more.
func Cut(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	end := max(0, limit-len(cutMark))
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + cutMark
}

// CutTexts keeps every text that may come from others within its limit. It is called for each status before that is
// written, so it also shortens what a version without limits has stored.
func (s *WorkflowExecutionStatus) CutTexts() {
	for i := range s.Conditions {
		cut(MaxReason, &s.Conditions[i].Reason)
		cut(MaxText, &s.Conditions[i].Message)
	}
	if run := s.PipelineRunStatus; run != nil {
		cut(MaxReason, &run.Reason)
		cut(MaxText, &run.Message, &run.WaitingFor)
	}
	if failure := s.FailureDetails; failure != nil {
		cut(MaxText, &failure.Message, &failure.LogTail, &failure.NaturalLanguageSummary)
		cut(MaxName, &failure.FailedTaskName, &failure.FailedTaskRunName, &failure.FailedStepName)
	}
	if skip := s.SkipDetails; skip != nil {
		skip.cutTexts()
	}
}

func (d *SkipDetails) cutTexts() {
	cut(MaxText, &d.Message)
	if by := d.ConflictingWorkflow; by != nil {
		cut(MaxName, &by.Namespace, &by.Name, &by.WorkflowID)
		cut(MaxTarget, &by.TargetResource)
	}
	if recent := d.RecentRemediation; recent != nil {
		cut(MaxName, &recent.Namespace, &recent.Name, &recent.WorkflowID)
	}
}

func cut(limit int, texts ...*string) {
	for _, text := range texts {
		*text = Cut(*text, limit)
	}
}
