// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package postgres

import (
	"context"
	"slices"

	"github.com/jackc/pgx/v5/pgxpool"

	"kubernaut.ai/workflowexecution/pkg/audit"
)

// maxRows bounds one statement.
const maxRows = 500

// insert names no target of the conflict: that would take the right to read the table.
const insert = `
INSERT INTO audit_events (
	event_id, event_date, event_version, event_timestamp, event_type, event_category, event_action, event_outcome, actor_type,
	actor_id, resource_type, resource_id, correlation_id, namespace, duration_ms, severity, event_data)
SELECT * FROM json_to_recordset($1::text::json) AS event(
	event_id uuid, event_date date, event_version text, event_timestamp timestamptz, event_type text, event_category text,
	event_action text, event_outcome text, actor_type text, actor_id text, resource_type text, resource_id text,
	correlation_id text, namespace text, duration_ms bigint, severity text, event_data jsonb)
ON CONFLICT DO NOTHING`

// writing is one Write. What it has found out stays in the receipt, also when it ends with an error.
type writing struct {
	sink    *Sink
	pool    *pgxpool.Pool
	receipt *audit.Receipt
}

func (w *writing) write(ctx context.Context, events []audit.Event) error {
	rows := rowsOf(events, w.receipt)
	rows, err := w.partition(ctx, rows)
	if err != nil {
		return err
	}
	for chunk := range slices.Chunk(rows, maxRows) {
		insertSome := func(some []row) error { return w.insert(ctx, some) }
		if err := audit.StoreByHalves(chunk, insertSome, isAboutData, w.note); err != nil {
			return err
		}
	}
	return nil
}

// partition sees to the partitions of the rows and of the months to come, and returns the rows that
// can have one: a date may be out of the range of what the database has partitions for.
func (w *writing) partition(ctx context.Context, rows []row) ([]row, error) {
	wanted := monthsFrom(w.sink.options.Clock.Now())
	for _, r := range rows {
		wanted = append(wanted, r.month)
	}
	slices.Sort(wanted)
	for _, m := range slices.Compact(wanted) {
		err := w.sink.months.ensure(ctx, w.pool, m)
		if err == nil {
			continue
		}
		if !isAboutData(err) {
			return nil, err
		}
		rows = w.refuse(rows, err, func(r row) bool { return r.month == m })
	}
	return rows, nil
}

// refuse returns the other rows.
func (w *writing) refuse(rows []row, why error, which func(row) bool) []row {
	return slices.DeleteFunc(rows, func(r row) bool {
		refused := which(r)
		if refused {
			w.receipt.Refuse(r.id, reason(why))
		}
		return refused
	})
}

// note what came of a row: nil, or the error about its data.
func (w *writing) note(r row, err error) {
	if err != nil {
		w.receipt.Refuse(r.id, reason(err))
		return
	}
	w.receipt.Recorded = append(w.receipt.Recorded, r.id)
}

// insert tries a second time when a partition has been taken away.
func (w *writing) insert(ctx context.Context, rows []row) error {
	values := array(rows)
	_, err := w.pool.Exec(ctx, insert, values)
	if !isWithoutPartition(err) {
		return err
	}
	w.sink.months.forget()
	for _, r := range rows {
		if err := w.sink.months.ensure(ctx, w.pool, r.month); err != nil {
			return err
		}
	}
	_, err = w.pool.Exec(ctx, insert, values)
	return err
}
