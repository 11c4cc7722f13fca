// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/util/wait"
)

// pauses between two tries of a sink that fails, in which time it also is not asked for other events.
func pauses() wait.Backoff {
	return wait.Backoff{Duration: 500 * time.Millisecond, Factor: 2, Jitter: 0.5, Steps: math.MaxInt32, Cap: 30 * time.Second}
}

// maxPause is the longest that a sink may ask to be left alone.
const maxPause = 5 * time.Minute

// Run writes events until the context ends. What is unwritten then is derived again after the next
// start.
func (r *Recorder) Run(ctx context.Context) {
	stop := context.AfterFunc(ctx, r.queue.ShutDown)
	defer stop()
	backoff := pauses()
	for ctx.Err() == nil {
		b, ok := r.next()
		if !ok {
			return
		}
		err := r.write(ctx, &b)
		r.done(&b)
		if err == nil {
			backoff = pauses()
			continue
		}
		r.pause(ctx, longer(backoff.Step(), err))
	}
}

// write returns an error unless the sink has acknowledged every event.
func (r *Recorder) write(ctx context.Context, b *batch) error {
	if len(b.events) == 0 {
		return nil
	}
	sink, receipt, err := r.ask(ctx, b.events)
	r.take(ctx, b, sink, receipt)
	left := len(b.events) - len(receipt.Recorded) - len(receipt.Refused)
	if err == nil && left > 0 {
		err = fmt.Errorf("the sink left %d of %d events without an answer", left, len(b.events))
	}
	if ctx.Err() != nil {
		return err
	}
	r.tell(sink, left, err)
	return err
}

// errNoSink ends when the configuration has been read.
var errNoSink = errors.New("there is no audit sink yet")

func (r *Recorder) ask(ctx context.Context, events []Event) (string, Receipt, error) {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	sink := r.begin()
	if sink == nil {
		return "none", Receipt{}, errNoSink
	}
	defer sink.writing.Unlock()
	receipt, err := sink.Write(ctx, events)
	return sink.Name(), receipt, err
}

// take keeps the acknowledgements for the executions to note.
func (r *Recorder) take(ctx context.Context, b *batch, sink string, receipt Receipt) {
	for _, id := range receipt.Recorded {
		r.note(id, "")
	}
	var refused []Event
	for i := range b.events {
		if _, ok := receipt.Refused[b.events[i].ID]; ok {
			refused = append(refused, b.events[i])
		}
	}
	r.toLog(ctx, refused, "The audit sink refused an event for good; the event is in this log in full")
	for id, reason := range receipt.Refused {
		r.note(id, reason)
	}
	r.options.Metrics.AuditEvents(sink, ResultRecorded, len(receipt.Recorded))
	r.options.Metrics.AuditEvents(sink, ResultRefused, len(receipt.Refused))
}

// tell logs when a sink fails and when it is back, and counts.
func (r *Recorder) tell(sink string, left int, err error) {
	if errors.Is(err, errNoSink) {
		return
	}
	r.options.Metrics.AuditEvents(sink, ResultRetried, left)
	switch {
	case err != nil:
		r.options.Logger.Warnw("The audit sink does not take events; they are tried again", "sink", sink, "events", left,
			"executions", r.queue.Len(), "error", err)
	case r.lastError != nil:
		r.options.Logger.Infow("The audit sink takes events again", "sink", sink)
	}
	r.lastError = err
}

// done takes executions off the queue, or puts those that have events left behind all others.
func (r *Recorder) done(b *batch) {
	acknowledged, outstanding := sets.New[types.NamespacedName](), sets.New[types.NamespacedName]()
	for i := range b.events {
		execution := b.of[b.events[i].ID]
		if _, ok := r.Acknowledged(b.events[i].ID); ok {
			acknowledged.Insert(execution)
		} else {
			outstanding.Insert(execution)
		}
	}
	for _, execution := range b.executions {
		if outstanding.Has(execution) {
			r.queue.Add(execution)
		}
		r.queue.Done(execution)
		if acknowledged.Has(execution) {
			r.options.Acknowledged(execution)
		}
	}
	r.options.Metrics.AuditPending(r.queue.Len())
}

// pause lets a failing sink rest, until another one comes.
func (r *Recorder) pause(ctx context.Context, d time.Duration) {
	timer := r.options.Clock.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C():
	case <-r.changed:
	}
}

func longer(pause time.Duration, err error) time.Duration {
	if asked := (*RetryAfterError)(nil); errors.As(err, &asked) {
		return max(pause, min(asked.After, maxPause))
	}
	return pause
}
