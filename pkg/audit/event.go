// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"time"

	"github.com/google/uuid"
)

// Version of the envelope.
const Version = "1.0"

// Constants of the envelope.
const (
	Category     = "workflowexecution"
	ResourceType = "WorkflowExecution"

	// ActorService acts on its own accord: Controller is the only one.
	ActorService = "service"
	// ActorUser is one that the API server has authenticated.
	ActorUser  = "user"
	Controller = "workflowexecution-controller"
)

// Type is what an event tells of.
type Type string

// The events of an execution. It has at most one of each, and at most one of completed, failed and
// skipped.
const (
	WorkflowStarted   Type = "workflowexecution.workflow.started"
	WorkflowCompleted Type = "workflowexecution.workflow.completed"
	WorkflowFailed    Type = "workflowexecution.workflow.failed"
	WorkflowSkipped   Type = "workflowexecution.workflow.skipped"
	// BlockCleared means that the block which a failed execution had put on its target has ended, by a
	// person's clearance or with the deletion of the execution.
	BlockCleared Type = "workflowexecution.block.cleared"
)

// Outcome of what an event tells of. A skip is a success: the guard did its work.
type Outcome string

// The outcomes of the envelope.
const (
	OutcomeSuccess Outcome = "success"
	OutcomeFailure Outcome = "failure"
	OutcomePending Outcome = "pending"
)

// Severity of an event.
type Severity string

// The severities that events of executions have.
const (
	SeverityInfo  Severity = "info"
	SeverityError Severity = "error"
)

// Event is the unified audit-event envelope of the platform. Two events with one ID are one event:
// everything in it comes from what is stored of the execution, nothing from the clock.
type Event struct {
	Version string `json:"version"`
	// ID is a UUIDv5 of the execution's UID and the type.
	ID        uuid.UUID `json:"event_id"`
	Type      Type      `json:"event_type"`
	Timestamp time.Time `json:"event_timestamp"`
	Category  string    `json:"event_category"`
	// Action is the last word of the type: started, completed, failed, skipped, cleared.
	Action       string  `json:"event_action"`
	Outcome      Outcome `json:"event_outcome"`
	ActorType    string  `json:"actor_type"`
	ActorID      string  `json:"actor_id"`
	ResourceType string  `json:"resource_type"`
	// ResourceID is the name of the execution.
	ResourceID string `json:"resource_id"`
	// CorrelationID is the name of the remediation request.
	CorrelationID string `json:"correlation_id"`
	// Namespace of the execution.
	Namespace string `json:"namespace"`
	// DurationMS is how long the workflow ran, in milliseconds; nil if it did not.
	DurationMS *int64   `json:"duration_ms,omitempty"`
	Severity   Severity `json:"severity"`
	Data       Data     `json:"event_data"`
}

// Data is what an event tells beyond its envelope. No secret is in it.
type Data struct {
	EventType      Type   `json:"event_type"`
	WorkflowID     string `json:"workflow_id"`
	Version        string `json:"workflow_version"`
	TargetResource string `json:"target_resource"`
	// Phase of the execution that the event tells of.
	Phase           string `json:"phase"`
	ContainerImage  string `json:"container_image"`
	ContainerDigest string `json:"container_digest,omitempty"`
	ExecutionName   string `json:"execution_name"`

	PipelineRunName string            `json:"pipelinerun_name,omitempty"`
	Parameters      map[string]string `json:"parameters,omitempty"`
	Confidence      *float64          `json:"confidence,omitempty"`
	Rationale       string            `json:"rationale,omitempty"`
	StartedAt       *time.Time        `json:"started_at,omitempty"`
	CompletedAt     *time.Time        `json:"completed_at,omitempty"`
	// ReleasedAt is when nothing of the workflow could run any more and its target was freed.
	ReleasedAt *time.Time `json:"released_at,omitempty"`
	// Duration from start to completion, as in 1m30s.
	Duration string `json:"duration,omitempty"`

	FailureReason  string        `json:"failure_reason,omitempty"`
	FailureMessage string        `json:"failure_message,omitempty"`
	FailedTaskName string        `json:"failed_task_name,omitempty"`
	ErrorDetails   *ErrorDetails `json:"error_details,omitempty"`

	SkipReason  string `json:"skip_reason,omitempty"`
	SkipMessage string `json:"skip_message,omitempty"`
	// ConflictingExecution is the one that the skip is due to, as namespace/name: the holder of the
	// target, or the earlier run whose cooldown, backoff or block it is.
	ConflictingExecution string `json:"conflicting_execution,omitempty"`

	ClearedAt   *time.Time `json:"cleared_at,omitempty"`
	ClearedBy   string     `json:"cleared_by,omitempty"`
	ClearReason string     `json:"clear_reason,omitempty"`
	// ClearMethod is that of the clearance, or Deletion.
	ClearMethod string `json:"clear_method,omitempty"`
}

// ErrorDetails are the platform's common form of an error.
type ErrorDetails struct {
	Message string `json:"message"`
	// Code is the reason of the failure.
	Code string `json:"code"`
	// Component is who failed: the workflow's engine, or the controller before it was asked.
	Component string `json:"component"`
	// RetryPossible is false if a person has to look first.
	RetryPossible bool `json:"retry_possible"`
}
