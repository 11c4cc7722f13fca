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

// row is an event as the database takes it: an object with the columns of the table, which are called as
// the fields of the envelope, and one field more.
type row struct {
	id    uuid.UUID
	month month
	json  []byte
}

// rowOf has the date of the event itself, so that the same event has the same key whenever it comes.
func rowOf(event *audit.Event) (row, error) {
	// The database would round, and what is rounded can lie on the next day.
	at := event.Timestamp.UTC().Truncate(time.Microsecond)
	encoded, err := json.Marshal(struct {
		*audit.Event

		Version   string    `json:"event_version"`
		Timestamp time.Time `json:"event_timestamp"`
		Date      string    `json:"event_date"`
	}{event, event.Version, at, at.Format(time.DateOnly)})
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
