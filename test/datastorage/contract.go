// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package datastorage

import (
	"errors"
	"fmt"
	"time"

	kjson "sigs.k8s.io/json"
)

// Event is an event as the contract has it, written down a second time: the controller's own types would
// share its mistakes.
type Event struct {
	Version       string    `json:"version"`
	ID            string    `json:"event_id"`
	Type          string    `json:"event_type"`
	Timestamp     string    `json:"event_timestamp"`
	Category      string    `json:"event_category"`
	Action        string    `json:"event_action"`
	Outcome       string    `json:"event_outcome"`
	ActorType     string    `json:"actor_type"`
	ActorID       string    `json:"actor_id"`
	ResourceType  string    `json:"resource_type"`
	ResourceID    string    `json:"resource_id"`
	CorrelationID string    `json:"correlation_id"`
	Namespace     string    `json:"namespace"`
	DurationMS    *int64    `json:"duration_ms"`
	Severity      string    `json:"severity"`
	Data          EventData `json:"event_data"`
}

// EventData is what is told of the execution.
type EventData struct {
	EventType            string            `json:"event_type"`
	WorkflowID           string            `json:"workflow_id"`
	WorkflowVersion      string            `json:"workflow_version"`
	TargetResource       string            `json:"target_resource"`
	Phase                string            `json:"phase"`
	ContainerImage       string            `json:"container_image"`
	ContainerDigest      string            `json:"container_digest"`
	ExecutionName        string            `json:"execution_name"`
	PipelineRunName      string            `json:"pipelinerun_name"`
	Parameters           map[string]string `json:"parameters"`
	Confidence           *float64          `json:"confidence"`
	Rationale            string            `json:"rationale"`
	StartedAt            string            `json:"started_at"`
	CompletedAt          string            `json:"completed_at"`
	ReleasedAt           string            `json:"released_at"`
	Duration             string            `json:"duration"`
	FailureReason        string            `json:"failure_reason"`
	FailureMessage       string            `json:"failure_message"`
	FailedTaskName       string            `json:"failed_task_name"`
	ErrorDetails         *ErrorDetails     `json:"error_details"`
	SkipReason           string            `json:"skip_reason"`
	SkipMessage          string            `json:"skip_message"`
	ConflictingExecution string            `json:"conflicting_execution"`
	ClearedAt            string            `json:"cleared_at"`
	ClearedBy            string            `json:"cleared_by"`
	ClearReason          string            `json:"clear_reason"`
	ClearMethod          string            `json:"clear_method"`
}

// ErrorDetails are those of a failure.
type ErrorDetails struct {
	Message       string `json:"message"`
	Code          string `json:"code"`
	Component     string `json:"component"`
	RetryPossible *bool  `json:"retry_possible"`
}

// decode takes only the fields of the contract, in their spelling, each once.
func decode(text []byte) (Event, error) {
	var event Event
	strict, err := kjson.UnmarshalStrict(text, &event)
	if err := errors.Join(append(strict, err)...); err != nil {
		return event, err
	}
	var all map[string]any
	if err := kjson.UnmarshalCaseSensitivePreserveInts(text, &all); err != nil {
		return event, err
	}
	return event, errors.Join(blanks("event", all)...)
}

// blanks are fields that should have been left out. A parameter may be empty.
func blanks(path string, value any) []error {
	switch value := value.(type) {
	case nil:
		return []error{fmt.Errorf("%s is null", path)}
	case string:
		if value == "" {
			return []error{fmt.Errorf("%s is empty", path)}
		}
	case map[string]any:
		var found []error
		if len(value) == 0 {
			found = append(found, fmt.Errorf("%s is empty", path))
		}
		for name, inner := range value {
			if _, isText := inner.(string); path == "event.event_data.parameters" && isText {
				continue
			}
			found = append(found, blanks(path+"."+name, inner)...)
		}
		return found
	}
	return nil
}

// moment is zero, and an error, if the text is no time in UTC.
func moment(name, text string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil || text[len(text)-1] != 'Z' {
		return time.Time{}, fmt.Errorf("%s %q is not a time of RFC 3339 in UTC", name, text)
	}
	return t, nil
}
