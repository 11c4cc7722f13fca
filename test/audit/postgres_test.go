// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

// Package audit_test writes audit events to real parts.
package audit_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"k8s.io/utils/clock"
	clocktesting "k8s.io/utils/clock/testing"

	"kubernaut.ai/workflowexecution/pkg/audit"
	"kubernaut.ai/workflowexecution/pkg/audit/postgres"
	server "kubernaut.ai/workflowexecution/test/postgres"
)

const patience = 30 * time.Second

var noon = time.Date(2026, time.November, 24, 12, 0, 0, 0, time.UTC)

// TestPostgres shares one server, in which each test has a database of its own.
func TestPostgres(t *testing.T) {
	s, err := server.Start("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	for name, test := range map[string]func(*testing.T, *world){
		"a repeated event is one row":                     testRepeated,
		"four write the same at once":                     testConcurrent,
		"every column comes back":                         testColumns,
		"months have partitions ahead and on demand":      testPartitions,
		"a partition that was dropped is made again":      testDroppedPartition,
		"a longer partition of an administrator will do":  testYearPartition,
		"what is dropped is migrated again":               testDroppedSchema,
		"without migration the schema has to be there":    testNotMigrated,
		"psql runs the migrations":                        testPSQL,
		"the writer may do nothing else":                  testWriter,
		"a rotated password comes through":                testRotation,
		"another database comes through":                  testMoved,
		"a bad event keeps out no other":                  testPoison,
		"nothing is lost when the server dies":            testCrashes,
		"a server that is down comes back":                testDown,
		"a deadline is kept when the server stands still": testFrozen,
		"no error has a secret":                           testSecrets,
		"what an auditor asks":                            testQuestions,
	} {
		t.Run(name, func(t *testing.T) { test(t, newWorld(t, s)) })
	}
}

// world is a database of the server.
type world struct {
	*server.Server
	name  string
	admin *pgx.Conn
}

var databases atomic.Int32

func newWorld(t *testing.T, s *server.Server) *world {
	t.Helper()
	super := connect(t, s.SuperURL(server.Superuser))
	w := &world{Server: s, name: fmt.Sprintf("audit%d", databases.Add(1))}
	run(t, super, "CREATE DATABASE "+w.name)
	w.admin = connect(t, w.url())
	return w
}

func (w *world) url() string { return w.SuperURL(w.name) }

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	connection, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = connection.Close(ctx)
	})
	return connection
}

func run(t *testing.T, connection *pgx.Conn, sql string) {
	t.Helper()
	if _, err := connection.Exec(t.Context(), sql, pgx.QueryExecModeSimpleProtocol); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// value is the only one that a query returns, as text.
func value(t *testing.T, connection *pgx.Conn, sql string) string {
	t.Helper()
	var result string
	if err := connection.QueryRow(t.Context(), "SELECT coalesce(("+sql+")::text, '')").Scan(&result); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return result
}

func expect(t *testing.T, connection *pgx.Conn, sql, want string) {
	t.Helper()
	if got := value(t, connection, sql); got != want {
		t.Errorf("%s = %q, want %q", sql, got, want)
	}
}

func fixed(url string) func(context.Context) (postgres.Connection, error) {
	return func(context.Context) (postgres.Connection, error) { return postgres.Connection{URL: url}, nil }
}

func at(now time.Time) clock.PassiveClock { return clocktesting.NewFakePassiveClock(now) }

// sink migrates, and believes that it is noon.
func (w *world) sink(t *testing.T) *postgres.Sink {
	t.Helper()
	return sinkOf(t, postgres.Options{Source: fixed(w.url()), Migrate: true, Clock: at(noon)})
}

func sinkOf(t *testing.T, o postgres.Options) *postgres.Sink {
	t.Helper()
	s := postgres.New(o)
	t.Cleanup(s.Close)
	return s
}

// event of a type at a time, of an execution of its own.
func event(kind audit.Type, when time.Time) audit.Event {
	return audit.Event{
		Version: audit.Version, ID: uuid.New(), Type: kind, Timestamp: when, Category: audit.Category,
		Action: string(kind[strings.LastIndex(string(kind), ".")+1:]), Outcome: audit.OutcomeSuccess,
		ActorType: audit.ActorService, ActorID: audit.Controller, ResourceType: audit.ResourceType, ResourceID: "fix-payments",
		CorrelationID: "remediation-1", Namespace: "apps", Severity: audit.SeverityInfo,
		Data: audit.Data{EventType: kind, WorkflowID: "restart", Version: "1.0.0", TargetResource: "apps/deployment/payments", Phase: "Running"},
	}
}

func batch(size int) []audit.Event {
	events := make([]audit.Event, size)
	for i := range events {
		events[i] = event(audit.WorkflowStarted, noon.Add(time.Duration(i)*time.Second))
	}
	return events
}

// mustWrite fails unless all events are recorded.
func mustWrite(t *testing.T, s audit.Sink, events ...audit.Event) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	receipt, err := s.Write(ctx, events)
	if err != nil || len(receipt.Recorded) != len(events) || len(receipt.Refused) != 0 {
		t.Fatalf("Write: %d of %d recorded, refused %v, error %v", len(receipt.Recorded), len(events), receipt.Refused, err)
	}
}

func testRepeated(t *testing.T, w *world) {
	s, events := w.sink(t), batch(100)
	for range 10 {
		mustWrite(t, s, events...)
	}
	twice := event(audit.WorkflowFailed, noon)
	mustWrite(t, s, twice, twice)
	expect(t, w.admin, "SELECT count(*) FROM audit_events", "101")
	if s.Name() != "postgres" {
		t.Error("the name of the sink is", s.Name())
	}
}

// testConcurrent has half of them write in the opposite order, which is how two come to wait for each other.
func testConcurrent(t *testing.T, w *world) {
	sinks := []*postgres.Sink{w.sink(t), w.sink(t), w.sink(t), w.sink(t)}
	for range 10 {
		events := batch(400)
		reversed := slices.Clone(events)
		slices.Reverse(reversed)
		var group sync.WaitGroup
		for i, s := range sinks {
			mine := [][]audit.Event{events, reversed}[i%2]
			group.Go(func() {
				receipt, err := s.Write(t.Context(), mine)
				if err != nil || len(receipt.Recorded) != len(mine) {
					t.Errorf("%d recorded, refused %v, error %v", len(receipt.Recorded), receipt.Refused, err)
				}
			})
		}
		group.Wait()
	}
	expect(t, w.admin, "SELECT count(*) FROM audit_events", "4000")
	expect(t, w.admin, "SELECT count(*) FROM audit_events_migrations WHERE version_id = 1", "1")
}
