// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	clocktesting "k8s.io/utils/clock/testing"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
)

// patience is how long a test waits for what ought to happen at once, on a machine that may be busy with other tests.
const patience = 2 * time.Minute

var errDown = errors.New("the sink is down")

// receive waits for what a channel brings.
func receive[T any](t *testing.T, what string, from <-chan T) T {
	t.Helper()
	select {
	case got := <-from:
		return got
	case <-time.After(patience):
		t.Fatal("there was no", what)
		panic("unreachable")
	}
}

// call is a Write that waits for the test to answer it.
type call struct {
	ctx    context.Context //nolint:containedctx // what Write was called with
	events []Event
	reply  chan<- reply
}

type reply struct {
	Receipt
	err error
}

func (c call) answer(r Receipt, err error) { c.reply <- reply{r, err} }

// recordAll has the sink store the whole batch.
func (c call) recordAll() { c.answer(Receipt{Recorded: idsOf(c.events...)}, nil) }

func (c call) fail(err error) { c.answer(Receipt{}, err) }

func idsOf(events ...Event) []uuid.UUID {
	ids := make([]uuid.UUID, 0, len(events))
	for i := range events {
		ids = append(ids, events[i].ID)
	}
	return ids
}

// desk is a sink whose answers the test writes. It heeds the end of a context as Sink asks for.
type desk struct {
	name   string
	calls  chan call
	closed chan struct{}
}

func newDesk(name string) *desk {
	return &desk{name: name, calls: make(chan call), closed: make(chan struct{})}
}

func (d *desk) Name() string { return d.name }
func (d *desk) Close()       { close(d.closed) }

func (d *desk) Write(ctx context.Context, events []Event) (Receipt, error) {
	answer := make(chan reply, 1)
	select {
	case d.calls <- call{ctx, events, answer}:
	case <-ctx.Done():
		return Receipt{}, ctx.Err()
	}
	select {
	case r := <-answer:
		return r.Receipt, r.err
	case <-ctx.Done():
		return Receipt{}, ctx.Err()
	}
}

// next is the next Write.
func (d *desk) next(t *testing.T) call {
	t.Helper()
	return receive(t, "Write to "+d.name, d.calls)
}

func (d *desk) expectClosed(t *testing.T, want bool) {
	t.Helper()
	if want {
		receive(t, "Close of "+d.name, d.closed)
		return
	}
	select {
	case <-d.closed:
		t.Errorf("%s is closed already", d.name)
	default:
	}
}

// paper is a log that keeps what is written to it.
type paper struct {
	mu     sync.Mutex
	events []Event
	err    error
}

func (*paper) Name() string { return "log" }
func (*paper) Close()       {}

func (p *paper) Write(_ context.Context, events []Event) (Receipt, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.events = append(p.events, events...)
	return Receipt{}, p.err
}

func (p *paper) written() []Event {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.events)
}

// meter keeps what is counted.
type meter struct {
	mu      sync.Mutex
	counts  map[string]int
	pending int
}

func (m *meter) AuditEvents(sink, result string, count int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if count != 0 {
		m.counts[sink+" "+result] += count
	}
}

func (m *meter) AuditPending(executions int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.pending = executions
}

func (m *meter) expect(t *testing.T, pending int, want map[string]int) {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	if diff := cmp.Diff(want, maps.Clone(m.counts)); diff != "" {
		t.Error("events (-want, +got):", diff)
	}
	if m.pending != pending {
		t.Errorf("%d executions are pending, want %d", m.pending, pending)
	}
}

// pauseClock tells the test of each timer once it runs.
type pauseClock struct {
	*clocktesting.FakeClock
	pauses chan time.Duration
}

func (c *pauseClock) NewTimer(d time.Duration) clock.Timer {
	timer := c.FakeClock.NewTimer(d)
	c.pauses <- d
	return timer
}

// given is a recorder that runs, and all that is around it.
type given struct {
	*Recorder
	t *testing.T

	sink  *desk
	log   *paper
	meter *meter
	clock *pauseClock
	logs  *observer.ObservedLogs

	mu       sync.Mutex
	stored   map[types.NamespacedName]*v1alpha1.WorkflowExecution
	answered chan types.NamespacedName
	// looked is how often an execution was looked up.
	looked atomic.Int64

	stop    context.CancelFunc
	stopped chan struct{}
}

// newGiven does not run yet, and has no sink.
func newGiven(t *testing.T) *given {
	t.Helper()
	core, logs := observer.New(zapcore.InfoLevel)
	g := &given{
		t: t, sink: newDesk("desk"), log: &paper{}, meter: &meter{counts: map[string]int{}}, logs: logs,
		clock:    &pauseClock{clocktesting.NewFakeClock(ends.Time), make(chan time.Duration)},
		stored:   map[types.NamespacedName]*v1alpha1.WorkflowExecution{},
		answered: make(chan types.NamespacedName, 100_000), stopped: make(chan struct{}),
	}
	g.Recorder = NewRecorder(Options{
		Stored: g.lookUp, Acknowledged: func(name types.NamespacedName) { g.answered <- name },
		Log: g.log, Metrics: g.meter, Clock: g.clock, Logger: zap.New(core).Sugar(),
	})
	return g
}

func (g *given) run() *given {
	ctx, stop := context.WithCancel(g.t.Context())
	g.stop = stop
	go func() {
		defer close(g.stopped)
		g.Run(ctx)
	}()
	g.t.Cleanup(g.shutDown)
	return g
}

// shutDown ends Run, which must not take long whatever it does at the moment.
func (g *given) shutDown() {
	g.t.Helper()
	g.stop()
	for {
		select {
		case <-g.stopped:
			return
		case <-g.clock.pauses: // Another pause may have begun.
		case <-time.After(patience):
			g.t.Error("Run() did not return")
			return
		}
	}
}

// start runs a recorder with a sink.
func start(t *testing.T) *given {
	t.Helper()
	g := newGiven(t)
	g.Use(g.sink)
	return g.run()
}

func (g *given) lookUp(name types.NamespacedName) *v1alpha1.WorkflowExecution {
	g.looked.Add(1)
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.stored[name]
}

// store has an execution stored that is called so, and returns its key.
func (g *given) store(name string, changes ...change) types.NamespacedName {
	wfe := execution(changes...)
	wfe.Name, wfe.UID = name, types.UID(uuid.NewSHA1(uuid.NameSpaceOID, []byte(name)).String())
	key := types.NamespacedName{Namespace: wfe.Namespace, Name: name}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.stored[key] = wfe
	return key
}

func (g *given) lose(key types.NamespacedName) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.stored, key)
}

func (g *given) id(key types.NamespacedName, of Type) uuid.UUID { return ID(g.lookUp(key).UID, of) }

// expectNoWrite: the recorder has nothing to do. What would be written comes in front of an execution
// that is recorded now.
func (g *given) expectNoWrite() {
	g.t.Helper()
	last := g.store("last", busy)
	g.Record(last)
	c := g.sink.next(g.t)
	expectEvents(g.t, c, "last skipped")
	c.recordAll()
	g.expectAnswered(last)
}

// expectAnswered has Answered be called for these, once each, and in this order.
func (g *given) expectAnswered(want ...types.NamespacedName) {
	g.t.Helper()
	for _, key := range want {
		if got := receive(g.t, fmt.Sprint("Answered for ", key), g.answered); got != key {
			g.t.Errorf("Answered() was called for %s, want %s", got, key)
		}
	}
	if len(g.answered) > 0 {
		g.t.Errorf("Answered() was called for %s as well", <-g.answered)
	}
}

// expectPause of a length between two, and let it go by.
func (g *given) expectPause(shortest, longest time.Duration) {
	g.t.Helper()
	d := receive(g.t, "pause", g.clock.pauses)
	if d < shortest || d > longest {
		g.t.Errorf("the pause is %s, want %s to %s", d, shortest, longest)
	}
	g.clock.Step(d - 1)
	select {
	case <-g.sink.calls:
		g.t.Error("a Write comes before the end of the pause")
	default:
	}
	g.clock.Step(1)
}

// expectEvents compares the batch of a Write, written as in "name started".
func expectEvents(t *testing.T, c call, want ...string) {
	t.Helper()
	var got []string
	for i := range c.events {
		got = append(got, c.events[i].ResourceID+" "+c.events[i].Action)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error("batch (-want, +got):", diff)
	}
}
