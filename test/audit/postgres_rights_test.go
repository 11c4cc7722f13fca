// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package audit_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"kubernaut.ai/workflowexecution/pkg/audit/postgres"
)

// testWriter has an owner that is no superuser migrate, and grants a writer what the documentation says.
func testWriter(t *testing.T, w *world) {
	owner, writer := "owner_"+w.name, "workflowexecution_audit_writer"
	run(t, w.admin, "CREATE ROLE "+owner+" LOGIN PASSWORD 'owner'; GRANT ALL ON SCHEMA public TO "+owner)
	run(t, w.admin, "CREATE ROLE "+writer+" LOGIN PASSWORD 'writer'")
	migrating := sinkOf(t, postgres.Options{Source: fixed(w.URL(owner, "owner", w.name)), Migrate: true, Clock: at(noon)})
	mustWrite(t, migrating, batch(1)...)

	s := sinkOf(t, postgres.Options{Source: fixed(w.URL(writer, "writer", w.name)), Clock: at(noon)})
	events := batch(3)
	if receipt, err := s.Write(t.Context(), events); err == nil || !strings.Contains(err.Error(), "42501") || len(receipt.Refused) != 0 {
		t.Errorf("without a grant: %v, error %v", receipt, err)
	}
	grants := statements(t, "## The PostgreSQL sink")
	if len(grants) != 1 {
		t.Fatalf("the documentation has %d blocks of grants", len(grants))
	}
	run(t, connect(t, w.URL(owner, "owner", w.name)), grants[0])
	late := events[0]
	late.Timestamp = noon.AddDate(-2, 0, 0)
	mustWrite(t, s, append(events[1:], late)...)
	mustWrite(t, s, events[1:]...)
	expect(t, w.admin, "SELECT count(*) FROM audit_events", "4")
	expect(t, w.admin, "SELECT tableowner FROM pg_tables WHERE tablename = 'audit_events_2024_11'", owner)

	connection := connect(t, w.URL(writer, "writer", w.name))
	for _, forbidden := range []string{
		"SELECT * FROM audit_events", "SELECT * FROM audit_skips", "SELECT * FROM audit_events_2026_11",
		"UPDATE audit_events SET actor_id = 'me'", "DELETE FROM audit_events", "DELETE FROM audit_events_2026_11",
		"TRUNCATE audit_events", "DROP TABLE audit_events", "DROP TABLE audit_events_2026_11",
		"INSERT INTO audit_events SELECT * FROM audit_events ON CONFLICT DO NOTHING",
		"ALTER TABLE audit_events DETACH PARTITION audit_events_2026_11", "CREATE TABLE public.mine (a int)",
		"CREATE OR REPLACE FUNCTION audit_events_schema_version() RETURNS integer LANGUAGE sql AS 'SELECT 2'",
		"DROP FUNCTION audit_events_ensure_partition(date)",
	} {
		_, err := connection.Exec(t.Context(), forbidden, pgx.QueryExecModeSimpleProtocol)
		if refusal := (*pgconn.PgError)(nil); !errors.As(err, &refusal) || refusal.Code != "42501" {
			t.Errorf("%s: %v", forbidden, err)
		}
	}
	shadowed(t, connection)
}

// shadowed lets the writer put tables of its own before those of the function with the owner's rights.
func shadowed(t *testing.T, writer *pgx.Conn) {
	t.Helper()
	run(t, writer, "CREATE TEMPORARY TABLE audit_events (event_date date) PARTITION BY RANGE (event_date)")
	run(t, writer, "SET search_path = pg_temp, public")
	run(t, writer, "SELECT audit_events_ensure_partition('2023-05-05')")
	expect(t, writer, "SELECT count(*) FROM pg_partition_tree('pg_temp.audit_events') WHERE level = 1", "0")
	expect(t, writer, "SELECT count(*) FROM pg_partition_tree('public.audit_events') WHERE relid::text = 'audit_events_2023_05'", "1")
}
