// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package datastorage

import "strings"

func started(f *findings, e Event) {
	expect(f, e, "pending", "info", "Running")
	ofService(f, e)
	f.equal("event_timestamp", e.Timestamp, e.Data.StartedAt)
	f.present(map[string]string{"started_at": e.Data.StartedAt, "pipelinerun_name": e.Data.PipelineRunName})
	f.absent(map[string]string{"completed_at": e.Data.CompletedAt, "released_at": e.Data.ReleasedAt})
	noFailure(f, e.Data)
	noSkip(f, e.Data)
	noClearance(f, e.Data)
}

func completed(f *findings, e Event) {
	expect(f, e, "success", "info", "Completed")
	ofService(f, e)
	f.equal("event_timestamp", e.Timestamp, e.Data.CompletedAt)
	f.present(map[string]string{
		"started_at": e.Data.StartedAt, "completed_at": e.Data.CompletedAt, "pipelinerun_name": e.Data.PipelineRunName,
	})
	noFailure(f, e.Data)
	noSkip(f, e.Data)
	noClearance(f, e.Data)
}

func failed(f *findings, e Event) {
	expect(f, e, "failure", "error", "Failed")
	ofService(f, e)
	f.equal("event_timestamp", e.Timestamp, e.Data.CompletedAt)
	f.present(map[string]string{
		"completed_at": e.Data.CompletedAt, "failure_reason": e.Data.FailureReason, "failure_message": e.Data.FailureMessage,
	})
	details(f, e.Data)
	noSkip(f, e.Data)
	noClearance(f, e.Data)
}

func details(f *findings, d EventData) {
	f.check(d.ErrorDetails != nil, "error_details is missing")
	if d.ErrorDetails == nil {
		return
	}
	f.equal("error_details.code", d.ErrorDetails.Code, d.FailureReason)
	f.check(d.ErrorDetails.RetryPossible != nil, "error_details.retry_possible is missing")
	f.present(map[string]string{"error_details.message": d.ErrorDetails.Message, "error_details.component": d.ErrorDetails.Component})
}

func skipped(f *findings, e Event) {
	expect(f, e, "success", "info", "Skipped")
	ofService(f, e)
	if e.Data.CompletedAt != "" {
		f.equal("event_timestamp", e.Timestamp, e.Data.CompletedAt)
	}
	f.oneOf("skip_reason", e.Data.SkipReason, "ResourceBusy", "PreviousExecutionFailed", "ExhaustedRetries", "RecentlyRemediated")
	f.present(map[string]string{"skip_message": e.Data.SkipMessage})
	f.absent(map[string]string{
		"pipelinerun_name": e.Data.PipelineRunName, "started_at": e.Data.StartedAt, "released_at": e.Data.ReleasedAt,
	})
	if other := e.Data.ConflictingExecution; other != "" {
		namespace, name, _ := strings.Cut(other, "/")
		f.check(namespace != "" && name != "" && !strings.Contains(name, "/"), "conflicting_execution is %q, not namespace/name", other)
	}
	noFailure(f, e.Data)
	noClearance(f, e.Data)
}

// cleared is the only event that a person may be behind. A deletion has no author and no reason of its own.
func cleared(f *findings, e Event) {
	expect(f, e, "success", "info", "Failed")
	f.equal("event_timestamp", e.Timestamp, e.Data.ClearedAt)
	f.present(map[string]string{
		"cleared_at": e.Data.ClearedAt, "cleared_by": e.Data.ClearedBy, "clear_method": e.Data.ClearMethod,
	})
	f.equal("actor_id", e.ActorID, e.Data.ClearedBy)
	if e.Data.ClearMethod != "Deletion" {
		f.equal("actor_type", e.ActorType, "user")
		f.present(map[string]string{"clear_reason": e.Data.ClearReason})
	}
	noSkip(f, e.Data)
}

func expect(f *findings, e Event, outcome, severity, phase string) {
	f.equal("event_outcome", e.Outcome, outcome)
	f.equal("severity", e.Severity, severity)
	f.equal("phase", e.Data.Phase, phase)
	f.check(e.Data.StartedAt == "" || e.Data.PipelineRunName != "", "what has started has no pipelinerun_name")
}

func ofService(f *findings, e Event) { f.equal("actor_type", e.ActorType, "service") }

func noFailure(f *findings, d EventData) {
	f.check(d.ErrorDetails == nil, "there are error_details")
	f.absent(map[string]string{
		"failure_reason": d.FailureReason, "failure_message": d.FailureMessage, "failed_task_name": d.FailedTaskName,
	})
}

func noSkip(f *findings, d EventData) {
	f.absent(map[string]string{
		"skip_reason": d.SkipReason, "skip_message": d.SkipMessage, "conflicting_execution": d.ConflictingExecution,
	})
}

func noClearance(f *findings, d EventData) {
	f.absent(map[string]string{
		"cleared_at": d.ClearedAt, "cleared_by": d.ClearedBy, "clear_reason": d.ClearReason, "clear_method": d.ClearMethod,
	})
}
