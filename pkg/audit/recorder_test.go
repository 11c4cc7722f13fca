// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"k8s.io/apimachinery/pkg/types"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
)

func TestAnEventIsWrittenAndAnswered(t *testing.T) {
	g := start(t)
	a := g.store("a", failed, cleared)
	g.Record(a)
	c := g.sink.next(t)
	expectEvents(t, c, "a started", "a failed", "a cleared")
	if deadline, ok := c.ctx.Deadline(); !ok || time.Until(deadline) > writeTimeout {
		t.Errorf("Write() has a deadline %t, %s", ok, deadline)
	}
	c.recordAll()
	// Once for the execution, not for each of its events.
	g.expectAnswered(a)
	for _, of := range TypesOf(g.lookUp(a)) {
		answer, ok := g.Acknowledged(g.id(a, of))
		if want := (Acknowledgement{At: ends}); !ok || !answer.At.Equal(&want.At) || answer.Refusal != "" {
			t.Errorf("Answer(%s) = %v, %t, want %v", of, answer, ok, want)
		}
	}
	g.Forget(g.id(a, WorkflowStarted))
	if _, ok := g.Acknowledged(g.id(a, WorkflowStarted)); ok {
		t.Error("Forget() forgets nothing")
	}
	if _, ok := g.Acknowledged(g.id(a, WorkflowFailed)); !ok {
		t.Error("Forget() forgets too much")
	}
	g.meter.expect(t, 0, map[string]int{"desk recorded": 3})
}

// TestExecutionsAreWrittenInBatches of what has piled up, each at most as large as it may be.
func TestExecutionsAreWrittenInBatches(t *testing.T) {
	fat := func(bytes int) change {
		// A name, since to redact so long a text takes seconds under the race detector.
		return func(wfe *v1alpha1.WorkflowExecution) {
			wfe.Spec.Parameters = map[string]string{strings.Repeat("A", bytes): "true"}
		}
	}
	tests := []struct {
		name       string
		executions int
		changes    []change
		want       []int
	}{
		{"one", 1, []change{busy}, []int{1}},
		{"many", maxBatch*2 + 1, []change{busy}, []int{maxBatch, maxBatch, 1}},
		// The execution that makes a batch large is its last.
		{"large", 3, []change{busy, fat(600 << 10)}, []int{2, 1}},
		{"larger than a batch", 2, []change{busy, fat(maxBatchSize + 1)}, []int{1, 1}},
		{"several events", 2, []change{completed}, []int{4}},
		{"without events", 2, nil, nil},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			g := newGiven(t)
			g.Use(g.sink)
			for i := range tc.executions {
				g.Record(g.store(fmt.Sprint(i), tc.changes...))
			}
			g.run()
			for _, n := range tc.want {
				c := g.sink.next(t)
				if len(c.events) != n {
					t.Errorf("the batch has %d events, want %d", len(c.events), n)
				}
				c.recordAll()
			}
			for range tc.executions {
				if len(tc.want) > 0 {
					receive(t, "answer", g.answered)
				}
			}
			g.expectNoWrite()
		})
	}
}

// TestWhatIsRecordedDuringAWriteIsWrittenOnce: the reconciler records with each of its reconciles.
func TestWhatIsRecordedDuringAWriteIsWrittenOnce(t *testing.T) {
	g := start(t)
	a := g.store("a", running)
	g.Record(a)
	c := g.sink.next(t)
	for range 100 {
		g.Record(a)
	}
	g.store("a", completed)
	g.Record(a)
	expectEvents(t, c, "a started")
	c.recordAll()
	c = g.sink.next(t)
	expectEvents(t, c, "a completed")
	g.Record(a)
	c.recordAll()
	g.expectAnswered(a, a)
	g.expectNoWrite()
}

// TestWhatIsNotedIsNotWritten, also if the recorder has forgotten the answer.
func TestWhatIsNotedIsNotWritten(t *testing.T) {
	g := start(t)
	a := g.store("a", completed)
	Note(g.lookUp(a), answered(g.lookUp(a), ends, WorkflowStarted).answer)
	g.Record(a)
	c := g.sink.next(t)
	expectEvents(t, c, "a completed")
	c.recordAll()
	g.expectAnswered(a)
}

// TestTheRestOfABatchComesBehindOthers, so that one bad event does not hold up the good ones.
func TestTheRestOfABatchComesBehindOthers(t *testing.T) {
	g := start(t)
	a, b := g.store("a", completed), g.store("b", busy)
	g.Record(a)
	c := g.sink.next(t)
	g.Record(b)
	c.answer(Receipt{Recorded: []uuid.UUID{g.id(a, WorkflowCompleted)}}, errDown)
	g.expectAnswered(a)
	g.expectPause(0, time.Second)
	c = g.sink.next(t)
	expectEvents(t, c, "b skipped", "a started")
	c.recordAll()
	g.expectAnswered(b, a)
	g.expectNoWrite()
	g.meter.expect(t, 0, map[string]int{"desk recorded": 4, "desk retried": 1})
}

// TestWhatIsLeftWithoutAnswerIsTriedAgain, though the sink sees no error in it.
func TestWhatIsLeftWithoutAnswerIsTriedAgain(t *testing.T) {
	g := start(t)
	a := g.store("a", completed)
	g.Record(a)
	g.sink.next(t).answer(Receipt{}, nil)
	g.expectPause(500*time.Millisecond, 750*time.Millisecond)
	c := g.sink.next(t)
	expectEvents(t, c, "a started", "a completed")
	c.recordAll()
	g.expectAnswered(a)
	warnings := g.logs.FilterMessageSnippet("does not take events").All()
	if len(warnings) != 1 || warnings[0].ContextMap()["error"] != "the sink left 2 of 2 events without an answer" {
		t.Errorf("the log has %v", warnings)
	}
	g.expectNoWrite()
	if n := g.logs.FilterMessageSnippet("takes events again").Len(); n != 1 {
		t.Errorf("the log says %d times that the sink is back", n)
	}
}

// TestARefusedEventGoesToTheLog in full, and is not tried again.
func TestARefusedEventGoesToTheLog(t *testing.T) {
	g := start(t)
	a, b := g.store("a", completed), g.store("b", busy)
	g.Record(a)
	c := g.sink.next(t)
	g.Record(b)
	receipt := Receipt{Recorded: []uuid.UUID{g.id(a, WorkflowStarted)}}
	receipt.Refuse(g.id(a, WorkflowCompleted), "event_data: too large")
	c.answer(receipt, nil)
	g.sink.next(t).recordAll()
	g.expectAnswered(a, b)
	if diff := cmp.Diff(EventsOf(g.lookUp(a), []Type{WorkflowCompleted}), g.log.written()); diff != "" {
		t.Error("log (-want, +got):", diff)
	}
	if answer, ok := g.Acknowledged(g.id(a, WorkflowCompleted)); !ok || answer.Refusal != "event_data: too large" {
		t.Errorf("Answer() = %v, %t", answer, ok)
	}
	if n := g.logs.FilterMessageSnippet("refused an event for good").Len(); n != 1 {
		t.Errorf("the refusal is logged %d times", n)
	}
	g.Record(a)
	g.expectNoWrite()
	g.meter.expect(t, 0, map[string]int{"desk recorded": 3, "desk refused": 1})
}

// TestAnExecutionThatIsGoneIsDropped: it was let go with what the log has of it.
func TestAnExecutionThatIsGoneIsDropped(t *testing.T) {
	g := start(t)
	a := g.store("a", busy)
	g.Record(a)
	c := g.sink.next(t)
	g.lose(a)
	c.fail(errDown)
	g.expectPause(0, time.Second)
	g.expectNoWrite()
}

// TestAForgottenAnswerCostsOneMoreWrite: memory has its bound, the sink knows the event by its id.
func TestAForgottenAnswerCostsOneMoreWrite(t *testing.T) {
	g := start(t)
	first := g.store("first", busy)
	g.Record(first)
	g.sink.next(t).recordAll()
	g.expectAnswered(first)
	for i := range maxAcknowledgements - 1 {
		g.note(uuid.NewSHA1(uuid.NameSpaceURL, fmt.Append(nil, i)), "")
	}
	if _, ok := g.acknowledgements.Get(g.id(first, WorkflowSkipped)); !ok {
		t.Fatalf("less than %d acknowledgements are kept", maxAcknowledgements)
	}
	// Looked at last, it is the last to go.
	for i := range maxAcknowledgements {
		g.note(uuid.NewSHA1(uuid.NameSpaceDNS, fmt.Append(nil, i)), "")
	}
	if n := g.acknowledgements.Len(); n != maxAcknowledgements {
		t.Errorf("%d acknowledgements are kept, want %d", n, maxAcknowledgements)
	}
	g.Record(first)
	c := g.sink.next(t)
	expectEvents(t, c, "first skipped")
	c.recordAll()
	g.expectAnswered(first)
	g.expectNoWrite()
}

// TestRecordDoesNotWaitForTheSink, nor does anything else that a reconciler calls.
func TestRecordDoesNotWaitForTheSink(t *testing.T) {
	g := start(t)
	g.Record(g.store("a", busy))
	c := g.sink.next(t)
	const others = 10_000
	b := g.store("b", busy)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range others {
			g.Record(types.NamespacedName{Namespace: "elsewhere", Name: fmt.Sprint(i)})
		}
		g.Acknowledged(g.id(b, WorkflowSkipped))
		g.Forget(g.id(b, WorkflowSkipped))
		g.LogInFull(t.Context(), EventsOf(g.lookUp(b), []Type{WorkflowSkipped}))
	}()
	receive(t, "return from Record", done)
	g.meter.expect(t, others, map[string]int{"desk given-up": 1})
	c.recordAll()
}

func TestLogInFull(t *testing.T) {
	for _, broken := range []error{nil, errors.New("no space left on device")} {
		t.Run(fmt.Sprint(broken), func(t *testing.T) {
			g := newGiven(t)
			g.log.err = broken
			a := g.store("a", completed)
			events := EventsOf(g.lookUp(a), TypesOf(g.lookUp(a)))
			g.LogInFull(t.Context(), events)
			if diff := cmp.Diff(events, g.log.written()); diff != "" {
				t.Error("log (-want, +got):", diff)
			}
			lines := g.logs.FilterMessageSnippet("Gave up").All()
			if len(lines) != len(events) {
				t.Fatalf("the log has %d lines, want %d", len(lines), len(events))
			}
			for i, line := range lines {
				fields := line.ContextMap()
				if fields["event_type"] != events[i].Type || fields["execution"] != "kubernaut-system/a" {
					t.Errorf("line %d has %v", i, fields)
				}
				// The program's own log is the last that is left.
				if _, full := fields["event"]; full != (broken != nil) {
					t.Errorf("line %d has the event: %t", i, full)
				}
				if broken != nil {
					if diff := cmp.Diff(events[i], fields["event"]); diff != "" {
						t.Error("event (-want, +got):", diff)
					}
				}
			}
			g.meter.expect(t, 0, map[string]int{"none given-up": 2})
			g.LogInFull(t.Context(), nil)
			g.meter.expect(t, 0, map[string]int{"none given-up": 2})
		})
	}
}
