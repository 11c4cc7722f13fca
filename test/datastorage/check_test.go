// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package datastorage

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"kubernaut.ai/workflowexecution/pkg/audit"
)

// found is what a batch of this one event is refused for, empty if it is not.
func found(t *testing.T, text []byte) string {
	t.Helper()
	if _, err := parse(slices.Concat([]byte("["), text, []byte("]"))); err != nil {
		return err.Error()
	}
	return ""
}

func written(t *testing.T, e audit.Event) []byte {
	t.Helper()
	text, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestValidEventsAreFoundValid(t *testing.T) {
	for name, e := range valid() {
		if got := found(t, written(t, e)); got != "" {
			t.Errorf("%s: %s", name, got)
		}
	}
	without := skippedEvent()
	without.Data.ConflictingExecution, without.Data.CompletedAt = "", nil
	without.Data.Parameters, without.Data.Confidence, without.Data.Rationale, without.Data.ContainerDigest = nil, nil, "", ""
	if got := found(t, written(t, without)); got != "" {
		t.Error(got)
	}
}

// optional are fields that a reader cannot know to be missing.
var optional = []string{
	"container_digest", "parameters", "confidence", "rationale", "failed_task_name", "conflicting_execution",
	"released_at",
}

// TestNoFieldMayBeMissingOrEmpty goes through every field of every type.
func TestNoFieldMayBeMissingOrEmpty(t *testing.T) {
	for name, e := range valid() {
		for _, path := range [][]string{{}, {"event_data"}, {"event_data", "error_details"}} {
			fields := maps.Keys(inside(decoded(t, e), path))
			for field := range fields {
				for way, change := range map[string]func(object map[string]any){
					"missing": func(object map[string]any) { delete(object, field) },
					"null":    func(object map[string]any) { object[field] = nil },
					"empty":   func(object map[string]any) { object[field] = "" },
					"list":    func(object map[string]any) { object[field] = []any{} },
				} {
					whole := decoded(t, e)
					change(inside(whole, path))
					mayMiss := slices.Contains(optional, field) || name == "skipped" && field == "completed_at"
					if got := foundIn(t, whole); (got == "") != (way == "missing" && mayMiss) {
						t.Errorf("%s: %s is %s: %q", name, field, way, got)
					}
				}
			}
		}
	}
}

// TestNoFieldMayBeWrong: no text may be just any text, except those that only people understand.
func TestNoFieldMayBeWrong(t *testing.T) {
	free := []string{
		"correlation_id", "namespace", "workflow_id", "workflow_version", "container_image", "pipelinerun_name", "rationale",
		"failure_message", "failed_task_name", "skip_message", "clear_reason", "clear_method", "message", "component",
	}
	for name, e := range valid() {
		for _, path := range [][]string{{}, {"event_data"}, {"event_data", "error_details"}} {
			for field, value := range inside(decoded(t, e), path) {
				if _, isText := value.(string); !isText || slices.Contains(free, field) {
					continue
				}
				whole := decoded(t, e)
				inside(whole, path)[field] = "just any"
				if foundIn(t, whole) == "" {
					t.Errorf("%s: %s may be anything", name, field)
				}
			}
		}
	}
}

func decoded(t *testing.T, e audit.Event) map[string]any {
	t.Helper()
	var whole map[string]any
	if err := json.Unmarshal(written(t, e), &whole); err != nil {
		t.Fatal(err)
	}
	return whole
}

func inside(object map[string]any, path []string) map[string]any {
	for _, name := range path {
		object, _ = object[name].(map[string]any)
	}
	return object
}

func foundIn(t *testing.T, whole map[string]any) string {
	t.Helper()
	text, err := json.Marshal(whole)
	if err != nil {
		t.Fatal(err)
	}
	return found(t, text)
}

func TestViolations(t *testing.T) {
	for _, row := range []struct {
		name, of string
		change   func(e *audit.Event)
		want     string
	}{
		{"version 4", "started", func(e *audit.Event) { e.ID[6] = e.ID[6]&0x0f | 0x40 }, "event_id"},
		{"another zone", "started", func(e *audit.Event) {
			zone := time.FixedZone("", 3600)
			e.Timestamp, e.Data.StartedAt = start.In(zone), new(start.In(zone))
		}, "event_timestamp"},
		{"another action", "failed", func(e *audit.Event) { e.Action = "completed" }, "event_action"},
		{"another type inside", "failed", func(e *audit.Event) { e.Data.EventType = audit.WorkflowCompleted }, "event_data.event_type"},
		{"another name inside", "failed", func(e *audit.Event) { e.Data.ExecutionName = "fix-2" }, "resource_id"},
		{"another service", "failed", func(e *audit.Event) { e.ActorID = "alice" }, "the service"},
		{"a user starts", "started", func(e *audit.Event) { e.ActorType = audit.ActorUser }, "actor_type"},
		{"started and success", "started", func(e *audit.Event) { e.Outcome = audit.OutcomeSuccess }, "event_outcome"},
		{"started and released", "started", func(e *audit.Event) { e.Data.ReleasedAt = new(freed) }, "released_at"},
		{"skipped and released", "skipped", func(e *audit.Event) { e.Data.ReleasedAt = new(freed) }, "released_at"},
		{"released before it ended", "completed", func(e *audit.Event) { e.Data.ReleasedAt = new(start) }, "released_at is before completed_at"},
		{"started and completed", "started", func(e *audit.Event) { e.Data.CompletedAt = new(end) }, "completed_at"},
		{"started and took", "started", func(e *audit.Event) { e.DurationMS = new(int64(1)) }, "duration_ms"},
		{"started and failed", "started", func(e *audit.Event) { e.Data.FailureReason = "Unknown" }, "failure_reason"},
		{"completed and failed", "completed", func(e *audit.Event) { e.Data.ErrorDetails = &audit.ErrorDetails{} }, "error_details"},
		{"completed and skipped", "completed", func(e *audit.Event) { e.Data.SkipMessage = "no" }, "skip_message"},
		{"completed and cleared", "completed", func(e *audit.Event) { e.Data.ClearedAt = new(end) }, "cleared_at"},
		{"completed an hour later", "completed", func(e *audit.Event) { e.Timestamp = start }, "event_timestamp"},
		{"took longer", "completed", func(e *audit.Event) { e.DurationMS = new(int64(90001)) }, "duration_ms"},
		{"took longer in words", "completed", func(e *audit.Event) { e.Data.Duration = "91s" }, "duration \"91s\""},
		{"ended before it started", "completed", func(e *audit.Event) { e.Data.StartedAt = new(end.Add(1)) }, "before started_at"},
		{"completed with an error", "completed", func(e *audit.Event) { e.Severity = audit.SeverityError }, "severity"},
		{"failed with no error", "failed", func(e *audit.Event) { e.Severity = audit.SeverityInfo }, "severity"},
		{"failed for another reason", "failed", func(e *audit.Event) { e.Data.ErrorDetails.Code = "Unknown" }, "error_details.code"},
		{"failed while running", "failed", func(e *audit.Event) { e.Data.Phase = "Running" }, "phase"},
		{"refused and took", "refused", func(e *audit.Event) { e.DurationMS, e.Data.Duration = new(int64(0)), "0s" }, "duration"},
		{"skipped and failed", "skipped", func(e *audit.Event) { e.Outcome = audit.OutcomeFailure }, "event_outcome"},
		{"skipped and ran", "skipped", func(e *audit.Event) { e.Data.PipelineRunName = "run-1" }, "pipelinerun_name"},
		{"skipped for no known reason", "skipped", func(e *audit.Event) { e.Data.SkipReason = "Tired" }, "skip_reason"},
		{"skipped for three names", "skipped", func(e *audit.Event) { e.Data.ConflictingExecution = "a/b/c" }, "conflicting_execution"},
		{"cleared by nobody", "cleared", func(e *audit.Event) { e.ActorType, e.ActorID = audit.ActorService, audit.Controller }, "actor_id"},
		{"cleared by another", "cleared", func(e *audit.Event) { e.Data.ClearedBy = "bob" }, "actor_id"},
		{"cleared by a service", "deleted", func(e *audit.Event) { e.Data.ClearMethod, e.Data.ClearReason = "StatusField", "x" }, "actor_type"},
		{"overconfident", "started", func(e *audit.Event) { e.Data.Confidence = new(1.1) }, "confidence"},
		{"no target", "started", func(e *audit.Event) { e.Data.TargetResource = "payment//api" }, "target_resource"},
		{"half a digest", "started", func(e *audit.Event) { e.Data.ContainerDigest = "sha256:00" }, "container_digest"},
	} {
		e := valid()[row.of]
		row.change(&e)
		if got := found(t, written(t, e)); !strings.Contains(got, row.want) {
			t.Errorf("%s: %q does not speak of %s", row.name, got, row.want)
		}
	}
}

func TestViolationsOfForm(t *testing.T) {
	text := string(written(t, startedEvent()))
	for name, body := range map[string]string{
		"an object": text, "nothing": "", "no events": "[]", "null": "null", "a null": "[null]", "a number": "[1]", "an empty one": "[{}]",
		"two arrays": "[" + text + "][" + text + "]",
		"unknown":    "[" + strings.Replace(text, `{`, `{"more":1,`, 1) + "]",
		"inside":     "[" + strings.Replace(text, `"event_data":{`, `"event_data":{"more":1,`, 1) + "]",
		"twice":      "[" + strings.Replace(text, `{`, `{"version":"1.0",`, 1) + "]",
		"spelling":   "[" + strings.Replace(text, `"version"`, `"Version"`, 1) + "]",
		"a zone":     "[" + strings.ReplaceAll(text, "T12:00:00Z", "T13:00:00+01:00") + "]",
		"no zone":    "[" + strings.ReplaceAll(text, "T12:00:00Z", "T12:00:00") + "]",
	} {
		if _, err := parse([]byte(body)); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}
