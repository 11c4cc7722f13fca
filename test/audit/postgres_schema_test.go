// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package audit_test

import (
	"context"
	"encoding/json"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"kubernaut.ai/workflowexecution/pkg/audit"
	"kubernaut.ai/workflowexecution/pkg/audit/postgres"
)

const partitions = "SELECT string_agg(relid::text, ' ' ORDER BY relid::text) FROM pg_partition_tree('audit_events') WHERE level = 1"

func testColumns(t *testing.T, w *world) {
	duration, confidence := int64(90000), 0.87
	started, completed := noon, noon.Add(90*time.Second)
	// It is December here, and November in UTC.
	east := time.FixedZone("east", 10*3600)
	e := event(audit.WorkflowFailed, time.Date(2026, time.December, 1, 3, 0, 1, 0, east))
	e.Outcome, e.Severity, e.DurationMS = audit.OutcomeFailure, audit.SeverityError, &duration
	e.ActorType, e.ActorID = audit.ActorUser, "Zoë <o'neil@example.com>"
	e.Data.Parameters = map[string]string{"NAME": "\"quoted\" \\ \n\t<&> ✓", "EMPTY": ""}
	e.Data.Confidence, e.Data.StartedAt, e.Data.CompletedAt = &confidence, &started, &completed
	e.Data.ErrorDetails = &audit.ErrorDetails{Message: "out of memory", Code: "OOMKilled", Component: "tekton"}
	s := w.sink(t)
	mustWrite(t, s, e)

	var document string
	if err := w.admin.QueryRow(t.Context(), "SELECT to_json(a)::text FROM audit_events AS a").Scan(&document); err != nil {
		t.Fatal(err)
	}
	got := map[string]any{}
	if err := json.Unmarshal([]byte(document), &got); err != nil {
		t.Fatal(err)
	}
	if got["recorded_at"] == nil {
		t.Error("recorded_at is empty")
	}
	delete(got, "recorded_at")
	want := map[string]any{
		"event_id": e.ID.String(), "event_date": "2026-11-30", "event_version": "1.0",
		"event_type": "workflowexecution.workflow.failed", "event_category": "workflowexecution", "event_action": "failed",
		"event_outcome": "failure", "actor_type": "user", "actor_id": e.ActorID, "resource_type": "WorkflowExecution",
		"resource_id": "fix-payments", "correlation_id": "remediation-1", "namespace": "apps", "duration_ms": 90000.0, "severity": "error",
		"event_timestamp": got["event_timestamp"], "event_data": got["event_data"],
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error("the row is not the event (-want +got):\n" + diff)
	}
	expect(t, w.admin, "SELECT event_timestamp = '2026-11-30T17:00:01Z' FROM audit_events", "true")
	encoded, err := json.Marshal(got["event_data"])
	if err != nil {
		t.Fatal(err)
	}
	var data audit.Data
	if err := json.Unmarshal(encoded, &data); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(e.Data, data); diff != "" {
		t.Error("event_data is not the data (-want +got):\n" + diff)
	}
}

func testPartitions(t *testing.T, w *world) {
	s := w.sink(t)
	mustWrite(t, s, event(audit.WorkflowStarted, noon))
	expect(t, w.admin, partitions, "audit_events_2026_11 audit_events_2026_12 audit_events_2027_01")
	mustWrite(t, s, event(audit.WorkflowStarted, noon.AddDate(-1, 0, 0)), event(audit.WorkflowStarted, noon.AddDate(0, 9, 0)),
		event(audit.WorkflowStarted, time.Date(2024, time.February, 29, 23, 59, 59, 999_999_999, time.UTC)))
	expect(t, w.admin, partitions, "audit_events_2024_02 audit_events_2025_11 audit_events_2026_11 audit_events_2026_12 "+
		"audit_events_2027_01 audit_events_2027_08")
	expect(t, w.admin, "SELECT count(*) FROM audit_events_2024_02 WHERE event_date = '2024-02-29'", "1")
	// A partition has all indexes of the table.
	expect(t, w.admin, "SELECT count(*) FROM pg_indexes WHERE tablename = 'audit_events_2024_02'", "4")
	expect(t, w.admin, "SELECT count(*) FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid AND c.relkind = 'i'", "24")
}

func testDroppedPartition(t *testing.T, w *world) {
	s := w.sink(t)
	mustWrite(t, s, event(audit.WorkflowStarted, noon))
	run(t, w.admin, "DROP TABLE audit_events_2026_11")
	mustWrite(t, s, batch(3)...)
	expect(t, w.admin, "SELECT count(*) FROM audit_events", "3")
	// One that is only detached keeps its name.
	run(t, w.admin, "ALTER TABLE audit_events DETACH PARTITION audit_events_2026_11")
	mustWrite(t, s, batch(2)...)
	mustWrite(t, w.sink(t), batch(2)...)
	expect(t, w.admin, "SELECT count(*) FROM audit_events_2026_11_late", "4")
	expect(t, w.admin, "SELECT count(*) FROM audit_events_2026_11", "3")
}

func testYearPartition(t *testing.T, w *world) {
	s := w.sink(t)
	mustWrite(t, s, event(audit.WorkflowStarted, noon))
	run(t, w.admin, "CREATE TABLE audit_2025 PARTITION OF audit_events FOR VALUES FROM ('2025-01-01') TO ('2026-01-01')")
	mustWrite(t, s, event(audit.WorkflowStarted, noon.AddDate(-1, 0, 0)))
	expect(t, w.admin, "SELECT count(*) FROM audit_2025", "1")
}

// eventually writes until all is recorded, as whoever uses a sink does, and returns how often that failed.
func eventually(t *testing.T, s audit.Sink, events ...audit.Event) int32 {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for failures := int32(0); ; failures++ {
		attempt, done := context.WithTimeout(ctx, 2*time.Second)
		receipt, err := s.Write(attempt, events)
		done()
		if len(receipt.Refused) != 0 {
			t.Errorf("refused: %v", receipt.Refused)
			return failures
		}
		if events = without(events, receipt); len(events) == 0 {
			return failures
		}
		select {
		case <-ctx.Done():
			t.Errorf("%d events are not recorded: %v", len(events), err)
			return failures
		case <-ticker.C:
		}
	}
}

func without(events []audit.Event, receipt audit.Receipt) []audit.Event {
	done := map[string]bool{}
	for _, id := range receipt.Recorded {
		done[id.String()] = true
	}
	var left []audit.Event
	for _, e := range events {
		if !done[e.ID.String()] {
			left = append(left, e)
		}
	}
	return left
}

func testDroppedSchema(t *testing.T, w *world) {
	s := w.sink(t)
	mustWrite(t, s, batch(3)...)
	for _, drop := range []string{"DROP SCHEMA public CASCADE; CREATE SCHEMA public", "DROP TABLE audit_events CASCADE"} {
		run(t, w.admin, drop)
		if _, err := s.Write(t.Context(), batch(1)); err == nil {
			t.Error("nothing is said after", drop)
		}
		mustWrite(t, s, batch(2)...)
		expect(t, w.admin, "SELECT count(*) FROM audit_events", "2")
		expect(t, w.admin, "SELECT count(*) FROM audit_remediation_timeline", "2")
	}
}

func testNotMigrated(t *testing.T, w *world) {
	s := sinkOf(t, postgres.Options{Source: fixed(w.url()), Clock: at(noon)})
	if _, err := s.Write(t.Context(), batch(1)); err == nil || !strings.Contains(err.Error(), "run the migrations") {
		t.Error("error:", err)
	}
	mustWrite(t, w.sink(t), batch(1)...)
	mustWrite(t, s, batch(1)...)
	expect(t, w.admin, "SELECT count(*) FROM audit_events", "2")
}

func testPSQL(t *testing.T, w *world) {
	psql, err := exec.LookPath("psql")
	if err != nil {
		t.Fatal("psql, which Debian's package postgresql brings along, is not installed:", err)
	}
	for range 2 {
		command := exec.CommandContext(t.Context(), psql, w.url(), "--single-transaction", "--set", "ON_ERROR_STOP=1",
			"--file", "../../pkg/audit/postgres/migrations/00001_audit_events.sql")
		if output, err := command.CombinedOutput(); err != nil {
			t.Fatalf("psql: %v\n%s", err, output)
		}
	}
	mustWrite(t, sinkOf(t, postgres.Options{Source: fixed(w.url()), Clock: at(noon)}), batch(1)...)
	mustWrite(t, w.sink(t), batch(1)...)
	expect(t, w.admin, "SELECT count(*) FROM audit_events", "2")
}
