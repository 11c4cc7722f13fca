// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package log

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"kubernaut.ai/workflowexecution/pkg/audit"
)

// stream counts what is written to it. While torn is not negative, it takes that many bytes of a write
// and fails.
type stream struct {
	text   strings.Builder
	writes int
	torn   int
}

var errFull = errors.New("no space left on device")

func (s *stream) Write(p []byte) (int, error) {
	s.writes++
	if s.torn < 0 {
		return s.text.Write(p)
	}
	n, _ := s.text.Write(p[:s.torn])
	return n, errFull
}

// lines are the complete ones.
func (s *stream) lines() []string {
	return slices.Collect(strings.Lines(s.text.String()))
}

func batchOf(n int) []audit.Event {
	events := make([]audit.Event, 0, n)
	for i := range n {
		events = append(events, audit.Event{
			ID: uuid.NewSHA1(uuid.NameSpaceOID, fmt.Append(nil, i)), Type: audit.WorkflowCompleted, ResourceID: fmt.Sprint("fix-", i),
			Timestamp: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC),
			Data:      audit.Data{Rationale: "two\nlines, a <tag> & \u2028"},
		})
	}
	return events
}

func idsOf(events []audit.Event) []uuid.UUID {
	var ids []uuid.UUID
	for i := range events {
		ids = append(ids, events[i].ID)
	}
	return ids
}

// expectLines are one line of JSON for each event, in their order.
func expectLines(t *testing.T, lines []string, events []audit.Event) {
	t.Helper()
	if len(lines) != len(events) {
		t.Fatalf("there are %d lines, want %d", len(lines), len(events))
	}
	for i, line := range lines {
		var got audit.Event
		if err := json.Unmarshal([]byte(line), &got); err != nil {
			t.Errorf("line %d is %q: %v", i, line, err)
		}
		if diff := cmp.Diff(events[i], got); diff != "" {
			t.Errorf("line %d (-want, +got): %s", i, diff)
		}
		if !strings.HasSuffix(line, "\n") {
			t.Errorf("line %d does not end", i)
		}
	}
}

func TestOneLineForEachEventInOneWrite(t *testing.T) {
	for _, n := range []int{1, 2, 100} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			s, events := &stream{torn: -1}, batchOf(n)
			sink := New(s)
			defer sink.Close()
			receipt, err := sink.Write(t.Context(), events)
			if err != nil {
				t.Fatal("Write() =", err)
			}
			if diff := cmp.Diff(audit.Receipt{Recorded: idsOf(events)}, receipt); diff != "" {
				t.Error("Write() (-want, +got):", diff)
			}
			expectLines(t, s.lines(), events)
			if s.writes != 1 {
				t.Errorf("there were %d writes for one batch", s.writes)
			}
		})
	}
}

// TestTextIsLegible: people read this log, too.
func TestTextIsLegible(t *testing.T) {
	s := &stream{torn: -1}
	if _, err := New(s).Write(t.Context(), batchOf(1)); err != nil {
		t.Fatal("Write() =", err)
	}
	if got := s.text.String(); !strings.Contains(got, "a <tag> &") {
		t.Error("the line is", got)
	}
}

// TestATornLineIsClosed so that it does not spoil the one after it.
func TestATornLineIsClosed(t *testing.T) {
	for _, torn := range []int{0, 1, 30, 700} {
		t.Run(fmt.Sprint(torn), func(t *testing.T) {
			s, events := &stream{torn: torn}, batchOf(3)
			sink := New(s)
			for range 2 {
				receipt, err := sink.Write(t.Context(), events)
				if !errors.Is(err, errFull) {
					t.Errorf("Write() = %v, want %v", err, errFull)
				}
				if len(receipt.Recorded) > 0 || len(receipt.Refused) > 0 {
					t.Errorf("Write() answers for events that may not be stored: %v", receipt)
				}
			}
			before := len(s.text.String())
			s.torn = -1
			for range 2 {
				if _, err := sink.Write(t.Context(), events); err != nil {
					t.Fatal("Write() =", err)
				}
			}
			after := s.text.String()[before:]
			if !strings.HasPrefix(after, "\n") || strings.Contains(after[1:], "\n\n") {
				t.Errorf("after a torn line comes %q", after)
			}
			expectLines(t, slices.Collect(strings.Lines(after[1:])), slices.Concat(events, events))
		})
	}
}

// TestNothingIsWrittenOfABatchThatIsNoJSON, or its first events would be there with every try.
func TestNothingIsWrittenOfABatchThatIsNoJSON(t *testing.T) {
	s, events := &stream{torn: -1}, batchOf(2)
	events[1].Data.Confidence = new(math.NaN())
	receipt, err := New(s).Write(t.Context(), events)
	if err == nil || !strings.Contains(err.Error(), events[1].ID.String()) {
		t.Errorf("Write() = %v, want an error that names the event", err)
	}
	if len(receipt.Recorded) > 0 || s.writes > 0 {
		t.Errorf("Write() answers %v after %d writes", receipt, s.writes)
	}
}

// TestLinesOfTwoAtATimeStayWhole: the recorder and a reconciler that gives up write to one log.
func TestLinesOfTwoAtATimeStayWhole(t *testing.T) {
	s := &stream{torn: -1}
	sink := New(s)
	var writers sync.WaitGroup
	for range 4 {
		writers.Go(func() {
			for range 25 {
				if _, err := sink.Write(t.Context(), batchOf(1)); err != nil {
					t.Error("Write() =", err)
				}
			}
		})
	}
	writers.Wait()
	expectLines(t, s.lines(), slices.Repeat(batchOf(1), 100))
}

func TestName(t *testing.T) {
	if got := New(&stream{}).Name(); got != "log" {
		t.Errorf("Name() = %q", got)
	}
}
