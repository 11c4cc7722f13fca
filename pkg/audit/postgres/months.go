// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package postgres

import (
	"context"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// monthsAhead are those after the current one that have a partition before the first event comes.
const monthsAhead = 2

// month is the first day of a month, as in 2026-11-01.
type month string

func monthOf(t time.Time) month {
	year, m, _ := t.UTC().Date()
	return month(time.Date(year, m, 1, 0, 0, 0, 0, time.UTC).Format(time.DateOnly))
}

// monthsFrom is the month of a time, and those ahead of it.
func monthsFrom(now time.Time) []month {
	year, m, _ := now.UTC().Date()
	var result []month
	for ahead := range time.Month(monthsAhead + 1) {
		result = append(result, monthOf(time.Date(year, m+ahead, 1, 0, 0, 0, 0, time.UTC)))
	}
	return result
}

// months are those that have a partition, as far as is known.
type months struct {
	mu    sync.Mutex
	known map[month]bool
}

func (m *months) has(wanted month) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.known[wanted]
}

func (m *months) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.known = nil
}

// ensure creates the partition of a month unless it is known to be there.
func (m *months) ensure(ctx context.Context, pool *pgxpool.Pool, wanted month) error {
	if m.has(wanted) {
		return nil
	}
	if _, err := pool.Exec(ctx, "SELECT audit_events_ensure_partition($1::text::date)", string(wanted)); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.known == nil {
		m.known = map[month]bool{}
	}
	m.known[wanted] = true
	return nil
}
