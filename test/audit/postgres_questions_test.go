// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package audit_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"kubernaut.ai/workflowexecution/pkg/audit"
)

var sqlBlock = regexp.MustCompile("(?s)```sql\n(.*?)```")

// statements are the blocks of SQL of a chapter of the documentation.
func statements(t *testing.T, chapter string) []string {
	t.Helper()
	content, err := os.ReadFile("../../docs/audit.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(content), "\n"+chapter+"\n")
	if !found {
		t.Fatalf("docs/audit.md has no chapter %q", chapter)
	}
	text, _, _ := strings.Cut(rest, "\n## ")
	var blocks []string
	for _, match := range sqlBlock.FindAllStringSubmatch(text, -1) {
		blocks = append(blocks, match[1])
	}
	return blocks
}

// story is what a person cleared and what was skipped until then, and what was refused.
func story() []audit.Event {
	tell := func(kind audit.Type, seconds int, execution, remediation string, change func(*audit.Event)) audit.Event {
		e := event(kind, noon.Add(time.Duration(seconds)*time.Second))
		e.ResourceID, e.CorrelationID, e.Data.ExecutionName = execution, remediation, execution
		change(&e)
		return e
	}
	same := func(*audit.Event) {}
	took := func(ms int64) func(*audit.Event) { return func(e *audit.Event) { e.DurationMS = &ms } }
	failed := func(e *audit.Event) {
		took(0)(e)
		e.Outcome, e.Severity = audit.OutcomeFailure, audit.SeverityError
		e.Data.FailureReason, e.Data.FailureMessage = "OOMKilled", "out of memory"
	}
	refused := func(e *audit.Event) {
		failed(e)
		e.DurationMS, e.Data.FailureReason, e.Data.FailureMessage = nil, "ConfigurationError", "the bundle is not allowed"
	}
	skipped := func(e *audit.Event) {
		e.Data.SkipReason, e.Data.ConflictingExecution = "PreviousExecutionFailed", "apps/first"
	}
	cleared := func(e *audit.Event) {
		e.ActorType, e.ActorID = audit.ActorUser, "alice"
		e.Data.ClearMethod, e.Data.ClearReason, e.Data.ClearedBy = "Annotation", "looked at it", "alice"
	}
	other := func(e *audit.Event) { e.Data.WorkflowID, e.Data.TargetResource = "drain", "node/a"; took(2000)(e) }
	return []audit.Event{
		tell(audit.WorkflowCompleted, 300, "third", "payments-oom", took(90000)),
		tell(audit.BlockCleared, 120, "first", "payments-oom", cleared),
		tell(audit.WorkflowSkipped, 60, "second", "payments-oom", skipped),
		// It failed within the second in which it started.
		tell(audit.WorkflowFailed, 0, "first", "payments-oom", failed),
		tell(audit.WorkflowStarted, 0, "first", "payments-oom", same),
		tell(audit.WorkflowStarted, 210, "third", "payments-oom", same),
		tell(audit.WorkflowFailed, 400, "fourth", "payments-again", refused),
		tell(audit.WorkflowFailed, 410, "fifth", "payments-again", refused),
		tell(audit.WorkflowFailed, 420, "sixth", "payments-again", func(e *audit.Event) {
			refused(e)
			e.Data.WorkflowID = "scale"
		}),
		tell(audit.WorkflowStarted, 10, "elsewhere", "node-pressure", other),
		tell(audit.WorkflowCompleted, 12, "elsewhere", "node-pressure", other),
	}
}

func testQuestions(t *testing.T, w *world) {
	run(t, w.admin, "SET TIME ZONE 'UTC'")
	mustWrite(t, w.sink(t), story()...)
	want := [][]string{
		{
			"1|12:00:00|first|started|-|workflowexecution-controller",
			"2|12:00:00|first|failed|OOMKilled|workflowexecution-controller",
			"3|12:01:00|second|skipped|PreviousExecutionFailed|workflowexecution-controller",
			"4|12:02:00|first|cleared|looked at it|alice",
			"5|12:03:30|third|started|-|workflowexecution-controller",
			"6|12:05:00|third|completed|-|workflowexecution-controller",
		},
		{
			"apps/deployment/payments|ConfigurationError|3|12:06:40|12:07:00|[restart scale]",
			"apps/deployment/payments|OOMKilled|1|12:00:00|12:00:00|[restart]",
		},
		// What was refused is apart, and of a workflow of which nothing was ever started there is no rate.
		{"drain|1.0.0|1|0|0|0|100.0|2000", "restart|1.0.0|1|1|2|1|50.0|90000", "scale|1.0.0|0|0|1|0|-|-"},
		{"12:01:00|apps|second|apps/deployment/payments|PreviousExecutionFailed|apps/first"},
		{"12:02:00|alice|Annotation|looked at it|apps/deployment/payments|first|12:00:00|OOMKilled"},
	}
	queries := statements(t, "## What an auditor asks")
	if len(queries) != len(want) {
		t.Fatalf("the documentation has %d queries", len(queries))
	}
	for i, query := range queries {
		if diff := cmp.Diff(want[i], answer(t, w, query)); diff != "" {
			t.Errorf("%s(-want +got):\n%s", query, diff)
		}
	}
	// Every view and column of the table says what it is.
	expect(t, w.admin, "SELECT string_agg(relname, ' ') FROM pg_class WHERE relname LIKE 'audit%' AND relkind IN ('v', 'p') AND obj_description(oid) IS NULL", "")
	expect(t, w.admin, "SELECT string_agg(attname, ' ') FROM pg_attribute WHERE attrelid = 'audit_events'::regclass AND attnum > 0 AND col_description(attrelid, attnum) IS NULL", "")
}

func answer(t *testing.T, w *world, query string) []string {
	t.Helper()
	rows, err := w.admin.Query(t.Context(), query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	var lines []string
	for rows.Next() {
		values, err := rows.Values()
		if err != nil {
			t.Fatal(err)
		}
		var fields []string
		for i, value := range values {
			switch value := value.(type) {
			case nil:
				fields = append(fields, "-")
			case time.Time:
				fields = append(fields, value.UTC().Format(time.TimeOnly))
			case string, int64, []any:
				fields = append(fields, fmt.Sprint(value))
			default:
				fields = append(fields, text(t, value, rows.FieldDescriptions()[i].Name))
			}
		}
		lines = append(lines, strings.Join(fields, "|"))
	}
	if err := rows.Err(); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return lines
}

// text of a number, as the database writes it.
func text(t *testing.T, value any, name string) string {
	t.Helper()
	number, ok := value.(interface{ MarshalJSON() ([]byte, error) })
	if !ok {
		t.Fatalf("%s is a %T", name, value)
	}
	encoded, err := number.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	return string(encoded)
}
