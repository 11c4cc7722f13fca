// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"
)

// TestPausesGrowUpToALimit, and are short again once the sink has stored something.
func TestPausesGrowUpToALimit(t *testing.T) {
	g := start(t)
	a := g.store("a", busy)
	g.Record(a)
	const shortest, longest = 500 * time.Millisecond, 30 * time.Second
	for d, tries := shortest, 0; tries < 12; tries++ {
		g.sink.next(t).fail(errDown)
		g.expectPause(d, d+d/2) // A half is jitter.
		d = min(2*d, longest)
	}
	g.meter.expect(t, 1, map[string]int{"desk retried": 12})
	g.sink.next(t).recordAll()
	g.expectAnswered(a)
	g.Record(g.store("b", busy))
	g.sink.next(t).fail(errDown)
	g.expectPause(shortest, shortest*3/2)
	g.sink.next(t).recordAll()
}

// TestASinkSaysHowLongItWantsToRest, within reason.
func TestASinkSaysHowLongItWantsToRest(t *testing.T) {
	after := func(d time.Duration) error { return &RetryAfterError{After: d, Err: errDown} }
	tests := []struct {
		name              string
		err               error
		shortest, longest time.Duration
	}{
		{"longer than its turn", after(2 * time.Minute), 2 * time.Minute, 2 * time.Minute},
		{"wrapped", fmt.Errorf("half of it: %w", errors.Join(errDown, after(time.Minute))), time.Minute, time.Minute},
		{"at the limit", after(5 * time.Minute), 5 * time.Minute, 5 * time.Minute},
		{"above the limit", after(5*time.Minute + 1), 5 * time.Minute, 5 * time.Minute},
		{"for ever", after(1<<63 - 1), 5 * time.Minute, 5 * time.Minute},
		{"shorter than its turn", after(time.Millisecond), 500 * time.Millisecond, 750 * time.Millisecond},
		{"not at all", after(0), 500 * time.Millisecond, 750 * time.Millisecond},
		{"in the past", after(-time.Hour), 500 * time.Millisecond, 750 * time.Millisecond},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			g := start(t)
			a := g.store("a", busy)
			g.Record(a)
			g.sink.next(t).fail(tc.err)
			g.expectPause(tc.shortest, tc.longest)
			g.sink.next(t).recordAll()
			g.expectAnswered(a)
		})
	}
}

// TestNothingElseIsAskedDuringAPause: a sink that is down is not hit by every new execution.
func TestNothingElseIsAskedDuringAPause(t *testing.T) {
	g := start(t)
	a, b := g.store("a", busy), g.store("b", busy)
	g.Record(a)
	g.sink.next(t).fail(errDown)
	d := receive(t, "pause", g.clock.pauses)
	g.Record(b)
	g.meter.expect(t, 2, map[string]int{"desk retried": 1})
	select {
	case <-g.sink.calls:
		t.Error("there is a Write during the pause")
	default:
	}
	g.clock.Step(d)
	c := g.sink.next(t)
	expectEvents(t, c, "a skipped", "b skipped")
	c.recordAll()
	g.expectAnswered(a, b)
}

func TestAnotherSinkEndsAPause(t *testing.T) {
	g := start(t)
	a := g.store("a", busy)
	g.Record(a)
	g.sink.next(t).fail(&RetryAfterError{After: time.Hour, Err: errDown})
	receive(t, "pause", g.clock.pauses)
	other := newDesk("other")
	g.Use(other)
	g.sink.expectClosed(t, true)
	c := other.next(t)
	expectEvents(t, c, "a skipped")
	c.recordAll()
	g.expectAnswered(a)
	g.meter.expect(t, 0, map[string]int{"desk retried": 1, "other recorded": 1})
}

// TestAnEarlierChangeEndsNoPause: only a sink that has not been asked yet may be better.
func TestAnEarlierChangeEndsNoPause(t *testing.T) {
	g := start(t)
	a := g.store("a", busy)
	for i := range 2 {
		next := newDesk(fmt.Sprint(i))
		g.Use(next)
		g.sink = next
	}
	g.Record(a)
	g.sink.next(t).fail(errDown)
	g.expectPause(500*time.Millisecond, 750*time.Millisecond)
	g.sink.next(t).recordAll()
	g.expectAnswered(a)
}

// TestASinkIsClosedAfterItsWrite, whose answer counts, and Use waits for none of it.
func TestASinkIsClosedAfterItsWrite(t *testing.T) {
	g := start(t)
	a, b := g.store("a", busy), g.store("b", busy)
	g.Record(a)
	c := g.sink.next(t)
	other := newDesk("other")
	g.Use(other)
	g.Record(b)
	g.sink.expectClosed(t, false)
	c.recordAll()
	// However long the Write of the next one takes.
	g.sink.expectClosed(t, true)
	c = other.next(t)
	expectEvents(t, c, "b skipped")
	c.recordAll()
	g.expectAnswered(a, b)
	other.expectClosed(t, false)
}

// TestAChangeDuringAWriteThatFailsIsNoticed: the pause after it ends before it has begun.
func TestAChangeDuringAWriteThatFailsIsNoticed(t *testing.T) {
	g := start(t)
	a := g.store("a", busy)
	g.Record(a)
	c := g.sink.next(t)
	other := newDesk("other")
	g.Use(other)
	c.fail(errDown)
	receive(t, "pause", g.clock.pauses)
	other.next(t).recordAll()
	g.expectAnswered(a)
}

// TestEventsAreKeptUntilThereIsASink: the configuration may not have been read yet.
func TestEventsAreKeptUntilThereIsASink(t *testing.T) {
	g := newGiven(t).run()
	a := g.store("a", busy)
	g.Record(a)
	g.expectPause(500*time.Millisecond, 750*time.Millisecond)
	receive(t, "pause", g.clock.pauses)
	g.Use(g.sink)
	c := g.sink.next(t)
	expectEvents(t, c, "a skipped")
	c.recordAll()
	g.expectAnswered(a)
	g.meter.expect(t, 0, map[string]int{"desk recorded": 1})
	if n := g.logs.Len(); n > 0 {
		t.Errorf("the log has %v, though no sink failed", g.logs.All())
	}
}

func TestShutdown(t *testing.T) {
	tests := []struct {
		name   string
		faults int
		till   func(*testing.T, *given)
	}{
		{"idle", 0, func(*testing.T, *given) {}},
		{"during a pause", 1, func(t *testing.T, g *given) {
			g.Record(g.store("a", busy))
			g.sink.next(t).fail(errDown)
			receive(t, "pause", g.clock.pauses)
		}},
		{"during a Write", 0, func(t *testing.T, g *given) {
			g.Record(g.store("a", busy))
			g.sink.next(t)
		}},
		{"before a Write", 0, func(_ *testing.T, g *given) { g.Record(g.store("a", busy)) }},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			g := start(t)
			tc.till(t, g)
			g.shutDown()
			// The end of the program is no fault of the sink, as an earlier error was.
			if n := g.logs.FilterMessageSnippet("does not take events").Len(); n != tc.faults {
				t.Errorf("the log has %d faults, want %d: %v", n, tc.faults, g.logs.All())
			}
			g.Record(g.store("b", busy))
		})
	}
}

// TestShutdownLeavesTheBacklog: what is unwritten is derived again after the next start, and to derive
// it now would only hold up the end.
func TestShutdownLeavesTheBacklog(t *testing.T) {
	g := start(t)
	g.Record(g.store("a", busy))
	c := g.sink.next(t)
	for i := range 10 * maxBatch {
		g.Record(g.store(fmt.Sprint(i), busy))
	}
	g.looked.Store(0)
	g.shutDown()
	if n := g.looked.Load(); n > 0 {
		t.Errorf("Run() looked at %d executions after its end", n)
	}
	if !errors.Is(context.Cause(c.ctx), context.Canceled) {
		t.Error("the context of Write ended because of", context.Cause(c.ctx))
	}
}
