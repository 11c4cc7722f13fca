// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package postgres

import (
	"bytes"
	"encoding/json"
	"slices"
	"time"

	"github.com/google/uuid"

	"kubernaut.ai/workflowexecution/pkg/audit"
)

// row is an event as the database takes it: an object with the columns of the table.
type row struct {
	id    uuid.UUID
	month month
	json  []byte
}

// rowOf has the date of the event itself, so that the same event has the same key whenever it comes.
func rowOf(event *audit.Event) (row, error) {
	// The database would round, and what is rounded can lie on the next day.
	at := event.Timestamp.UTC().Truncate(time.Microsecond)
	encoded, err := json.Marshal(map[string]any{
		"event_id":        event.ID,
		"event_date":      at.Format(time.DateOnly),
		"event_version":   event.Version,
		"event_timestamp": at,
		"event_type":      event.Type,
		"event_category":  event.Category,
		"event_action":    event.Action,
		"event_outcome":   event.Outcome,
		"actor_type":      event.ActorType,
		"actor_id":        event.ActorID,
		"resource_type":   event.ResourceType,
		"resource_id":     event.ResourceID,
		"correlation_id":  event.CorrelationID,
		"namespace":       event.Namespace,
		"duration_ms":     event.DurationMS,
		"severity":        event.Severity,
		"event_data":      event.Data,
	})
	return row{id: event.ID, month: monthOf(at), json: encoded}, err
}

// rowsOf are in the order of their keys: two who insert the same rows in different order can wait for
// each other.
func rowsOf(events []audit.Event, receipt *audit.Receipt) []row {
	rows := make([]row, 0, len(events))
	for i := range events {
		r, err := rowOf(&events[i])
		if err != nil {
			receipt.Refuse(events[i].ID, reason(err))
			continue
		}
		rows = append(rows, r)
	}
	slices.SortFunc(rows, func(a, b row) int { return bytes.Compare(a.id[:], b.id[:]) })
	return rows
}

// array is the JSON array of the rows.
func array(rows []row) string {
	objects := make([][]byte, len(rows))
	for i, r := range rows {
		objects[i] = r.json
	}
	return "[" + string(bytes.Join(objects, []byte(","))) + "]"
}
