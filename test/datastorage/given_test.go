// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package datastorage

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"kubernaut.ai/workflowexecution/pkg/audit"
)

var (
	start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	end   = start.Add(90 * time.Second)
	freed = end.Add(23 * time.Second)
)

// event is what all events of an execution have in common, told by the controller's own types.
func event(kind audit.Type, phase string, outcome audit.Outcome, at time.Time) audit.Event {
	text := string(kind)
	return audit.Event{
		Version: audit.Version, ID: uuid.NewSHA1(uuid.NameSpaceOID, []byte(kind)), Type: kind, Timestamp: at,
		Category: audit.Category, Action: text[strings.LastIndex(text, ".")+1:], Outcome: outcome,
		ActorType: audit.ActorService, ActorID: audit.Controller, ResourceType: audit.ResourceType, ResourceID: "fix-1",
		CorrelationID: "rr-1", Namespace: "payment", Severity: audit.SeverityInfo,
		Data: audit.Data{
			EventType: kind, WorkflowID: "restart", Version: "1.0.0", TargetResource: "payment/deployments.apps/api", Phase: phase,
			ContainerImage: "registry.example/restart:1", ContainerDigest: "sha256:" + strings.Repeat("0a", 32), ExecutionName: "fix-1",
			Parameters: map[string]string{"REPLICAS": "3", "NOTE": ""}, Confidence: new(0.9), Rationale: "it did help before",
		},
	}
}

func ran(e audit.Event) audit.Event {
	e.Data.PipelineRunName, e.Data.StartedAt, e.Data.CompletedAt = "run-1", new(start), new(end)
	e.Data.ReleasedAt = new(freed)
	e.Data.Duration, e.DurationMS = end.Sub(start).String(), new(end.Sub(start).Milliseconds())
	return e
}

func startedEvent() audit.Event {
	e := event(audit.WorkflowStarted, "Running", audit.OutcomePending, start)
	e.Data.PipelineRunName, e.Data.StartedAt = "run-1", new(start)
	return e
}

func completedEvent() audit.Event {
	return ran(event(audit.WorkflowCompleted, "Completed", audit.OutcomeSuccess, end))
}

// refusedEvent is of an execution that failed before it was started.
func refusedEvent() audit.Event {
	e := event(audit.WorkflowFailed, "Failed", audit.OutcomeFailure, end)
	e.Severity, e.Data.CompletedAt = audit.SeverityError, new(end)
	e.Data.FailureReason, e.Data.FailureMessage = "Forbidden", "it may not"
	e.Data.ErrorDetails = &audit.ErrorDetails{Message: "it may not", Code: "Forbidden", Component: "tekton"}
	return e
}

func failedEvent() audit.Event {
	e := ran(refusedEvent())
	e.Data.FailedTaskName = "restart"
	return e
}

func skippedEvent() audit.Event {
	e := event(audit.WorkflowSkipped, "Skipped", audit.OutcomeSuccess, end)
	e.Data.CompletedAt = new(end)
	e.Data.SkipReason, e.Data.SkipMessage, e.Data.ConflictingExecution = "ResourceBusy", "it is held", "payment/fix-0"
	return e
}

func clearedEvent() audit.Event {
	e := event(audit.BlockCleared, "Failed", audit.OutcomeSuccess, end.Add(time.Hour))
	e.ActorType, e.ActorID = audit.ActorUser, "alice"
	e.Data.ClearedAt, e.Data.ClearedBy = new(end.Add(time.Hour)), "alice"
	e.Data.ClearReason, e.Data.ClearMethod = "looked at it", "StatusField"
	return e
}

func deletedEvent() audit.Event {
	e := clearedEvent()
	e.ActorType, e.ActorID = audit.ActorService, audit.Controller
	e.Data.ClearedBy, e.Data.ClearReason, e.Data.ClearMethod = audit.Controller, "", "Deletion"
	return e
}

// valid are events of all types.
func valid() map[string]audit.Event {
	return map[string]audit.Event{
		"started": startedEvent(), "completed": completedEvent(), "failed": failedEvent(), "refused": refusedEvent(),
		"skipped": skippedEvent(), "cleared": clearedEvent(), "deleted": deletedEvent(),
	}
}

func running(t *testing.T, o Options) *Server {
	t.Helper()
	s, err := Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}
