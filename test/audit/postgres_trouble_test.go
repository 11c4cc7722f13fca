// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package audit_test

import (
	"context"
	"crypto/rand"
	"errors"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"kubernaut.ai/workflowexecution/pkg/audit"
	"kubernaut.ai/workflowexecution/pkg/audit/postgres"
	server "kubernaut.ai/workflowexecution/test/postgres"
)

// source is one that a test changes.
type source struct{ url atomic.Pointer[string] }

func (s *source) set(url string) { s.url.Store(&url) }

func (s *source) get(context.Context) (postgres.Connection, error) {
	return postgres.Connection{URL: *s.url.Load()}, nil
}

// cut ends the connections of the sinks, as the end of their life does.
func (w *world) cut(t *testing.T) {
	t.Helper()
	run(t, w.admin, "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'workflowexecution-controller'")
}

func testRotation(t *testing.T, w *world) {
	role := "rotated_" + w.name
	run(t, w.admin, "CREATE ROLE "+role+" SUPERUSER LOGIN PASSWORD 'the-first-word'")
	var from source
	from.set(w.URL(role, "the-first-word", w.name))
	s := sinkOf(t, postgres.Options{Source: from.get, Migrate: true, Clock: at(noon)})
	mustWrite(t, s, batch(1)...)

	run(t, w.admin, "ALTER ROLE "+role+" PASSWORD 'the-second-word'")
	w.cut(t)
	refused := batch(1)
	// The first attempts can still find the connections that were cut.
	for attempt := 0; ; attempt++ {
		_, err := s.Write(t.Context(), refused)
		if err != nil && strings.Contains(err.Error(), "28P01") {
			break
		}
		if err == nil || attempt > 10 {
			t.Fatal("with the old password:", err)
		}
	}
	from.set(w.URL(role, "the-second-word", w.name))
	mustWrite(t, s, refused...)
	expect(t, w.admin, "SELECT count(*) FROM audit_events", "2")
}

func testMoved(t *testing.T, w *world) {
	other := newWorld(t, w.Server)
	var from source
	from.set(w.url())
	s := sinkOf(t, postgres.Options{Source: from.get, Migrate: true, Clock: at(noon)})
	mustWrite(t, s, batch(1)...)
	from.set(other.url())
	w.cut(t)
	eventually(t, s, batch(2)...)
	expect(t, other.admin, "SELECT count(*) FROM audit_events", "2")
}

func testPoison(t *testing.T, w *world) {
	events := batch(20)
	reasons := map[int]string{}
	poison := func(i int, reason string, change func(*audit.Event)) {
		change(&events[i])
		reasons[i] = reason
	}
	poison(0, "22P05", func(e *audit.Event) { e.Data.Rationale = "a\x00b" })
	poison(3, "22P05", func(e *audit.Event) { e.ResourceID = "a\x00b" })
	poison(7, "54000", func(e *audit.Event) {
		for range 500 {
			e.CorrelationID += rand.Text()
		}
	})
	nan := math.NaN()
	poison(11, "unsupported value", func(e *audit.Event) { e.Data.Confidence = &nan })
	poison(19, "22008", func(e *audit.Event) { e.Timestamp = time.Time{} })
	receipt, err := w.sink(t).Write(t.Context(), events)
	if err != nil || len(receipt.Recorded) != 15 || len(receipt.Refused) != 5 {
		t.Errorf("%d recorded, refused %v, error %v", len(receipt.Recorded), receipt.Refused, err)
	}
	for i, want := range reasons {
		if got := receipt.Refused[events[i].ID]; !strings.Contains(got, want) {
			t.Errorf("event %d is refused with %q, want %q", i, got, want)
		}
	}
	expect(t, w.admin, "SELECT count(*) FROM audit_events", "15")
}

func testCrashes(t *testing.T, w *world) {
	mustWrite(t, w.sink(t), batch(1)...)
	var group sync.WaitGroup
	var failures atomic.Int32
	for range 3 {
		s := w.sink(t)
		group.Go(func() {
			for range 25 {
				failures.Add(eventually(t, s, batch(20)...))
			}
		})
	}
	for _, end := range []func() error{
		w.Kill, func() error { return w.Stop(server.Fast) }, func() error { return w.Stop(server.Immediate) },
	} {
		if err := end(); err != nil {
			t.Fatal(err)
		}
		if err := w.Restart(); err != nil {
			t.Fatal(err)
		}
	}
	group.Wait()
	if failures.Load() == 0 {
		t.Error("no write was interrupted")
	}
	expect(t, connect(t, w.url()), "SELECT count(*) FROM audit_events", "1501")
}

func testDown(t *testing.T, w *world) {
	s := w.sink(t)
	if err := w.Stop(server.Fast); err != nil {
		t.Fatal(err)
	}
	events := batch(2)
	if receipt, err := s.Write(t.Context(), events); err == nil || len(receipt.Recorded)+len(receipt.Refused) != 0 {
		t.Errorf("without a server: %v, error %v", receipt, err)
	}
	if err := w.Restart(); err != nil {
		t.Fatal(err)
	}
	mustWrite(t, s, events...)
	expect(t, connect(t, w.url()), "SELECT count(*) FROM audit_events", "2")
}

func testFrozen(t *testing.T, w *world) {
	known, fresh := w.sink(t), w.sink(t)
	mustWrite(t, known, batch(1)...)
	if err := w.Pause(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := w.Resume(); err != nil {
			t.Error(err)
		}
	}()
	for _, s := range []*postgres.Sink{known, fresh} {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		began := time.Now()
		receipt, err := s.Write(ctx, batch(1))
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) || len(receipt.Recorded) != 0 {
			t.Errorf("a server that stands still: %v, error %v", receipt, err)
		}
		if took := time.Since(began); took > 3*time.Second {
			t.Errorf("Write returned %s after it had begun", took)
		}
	}
}

func testSecrets(t *testing.T, w *world) {
	const password = "Tr0ub4dor-and-3"
	port := strings.TrimSuffix(strings.SplitAfter(w.url(), "127.0.0.1:")[1], "/"+w.name+"?sslmode=disable")
	for name, url := range map[string]string{
		"wrong password":   w.URL("postgres", password, w.name),
		"unknown user":     w.URL("nobody-here", password, w.name),
		"unknown database": strings.Replace(w.URL("postgres", password, "nothing"), password, w.Password(), 1),
		"bad port":         "postgres://postgres:" + password + "@127.0.0.1:port/audit",
		"bad escape":       "postgres://postgres:" + password + "%zz@127.0.0.1/audit",
		"no scheme":        "postgres:" + password + "@127.0.0.1/audit",
		"keywords":         "host=127.0.0.1 port=" + port + " user=postgres password=" + password + " dbname=" + w.name,
		"bad keyword":      "host=127.0.0.1 password='" + password,
		"bad sslmode":      "host=127.0.0.1 sslmode=perhaps password=" + password,
		"nobody listens":   "postgres://postgres:" + password + "@127.0.0.1:1/audit",
		"unknown host":     "postgres://postgres:" + password + "@database.invalid/audit",
		"empty":            "",
	} {
		_, err := sinkOf(t, postgres.Options{Source: fixed(url), Migrate: true, Clock: at(noon)}).Write(t.Context(), batch(1))
		if err == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		if strings.Contains(err.Error(), password) || strings.Contains(err.Error(), w.Password()) {
			t.Errorf("%s: %v", name, err)
		}
		t.Logf("%s: %v", name, err)
	}
	failing := func(context.Context) (postgres.Connection, error) {
		return postgres.Connection{}, errors.New("url postgres://u:" + password + "@host/db is bad")
	}
	_, err := sinkOf(t, postgres.Options{Source: failing, Clock: at(noon)}).Write(t.Context(), batch(1))
	if err == nil || strings.Contains(err.Error(), password) {
		t.Error(err)
	}
}
