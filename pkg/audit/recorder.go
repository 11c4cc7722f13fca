// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"context"
	"sync"
	"time"

	"github.com/google/uuid"
	"go.uber.org/zap"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
	"k8s.io/utils/lru"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
)

const (
	// maxAcknowledgements is how many acknowledgements are kept for executions that have not noted them yet. One that is
	// forgotten costs that its event is written once more.
	maxAcknowledgements = 16384
	// writeTimeout ends a Write of a sink that keeps no time of its own.
	writeTimeout = 30 * time.Second
)

// Results of what was done with an event.
const (
	ResultRecorded = "recorded"
	ResultRefused  = "refused"
	// ResultRetried counts an event once for each time that it could not be stored.
	ResultRetried = "retried"
	// ResultLogged counts an event that is in the log in full because no sink took it in time.
	ResultLogged = "given-up"
)

// Metrics of a Recorder.
type Metrics interface {
	// AuditEvents counts events by what was done with them.
	AuditEvents(sink, result string, count int)
	// AuditPending is how many executions have events that wait for the sink.
	AuditPending(executions int)
}

// Options of a Recorder.
type Options struct {
	// Stored returns what is known to be stored of an execution, or nil if there is none. It must not be
	// ahead of the API server: an event that was sent is never taken back.
	Stored func(types.NamespacedName) *v1alpha1.WorkflowExecution
	// Acknowledged is called after the sink has acknowledged events of an execution.
	Acknowledged func(types.NamespacedName)
	// Log takes the events in full that no other sink takes.
	Log     Sink
	Metrics Metrics
	Clock   clock.Clock
	Logger  *zap.SugaredLogger
}

// Recorder carries events to the sink at the sink's pace. It remembers which executions have events to
// be written, and reads the events themselves only when their turn has come: however long a sink is
// away, nothing but names piles up.
type Recorder struct {
	options Options

	queue            workqueue.TypedInterface[types.NamespacedName]
	acknowledgements *lru.Cache

	mu      sync.Mutex
	sink    *usedSink
	changed chan struct{}
	// lastError of the sink since it last stored an event.
	lastError error
}

// usedSink is closed after its last Write, and does not wait for a Write of the next sink.
type usedSink struct {
	Sink

	// writing is held during a Write. It is taken with Recorder.mu held, so none begins after a change.
	writing sync.Mutex
}

// NewRecorder makes a recorder, which keeps what it is given until it has a sink and runs.
func NewRecorder(o Options) *Recorder {
	return &Recorder{
		options:          o,
		queue:            workqueue.NewTypedWithConfig(workqueue.TypedQueueConfig[types.NamespacedName]{Name: "audit", Clock: clock.RealClock{}}),
		acknowledgements: lru.New(maxAcknowledgements),
		changed:          make(chan struct{}, 1),
	}
}

// Record has the outstanding events of an execution written. It does not wait.
func (r *Recorder) Record(execution types.NamespacedName) {
	r.queue.Add(execution)
	r.options.Metrics.AuditPending(r.queue.Len())
}

// Acknowledged is what a sink has said of an event, until Forget.
func (r *Recorder) Acknowledged(id uuid.UUID) (Acknowledgement, bool) {
	found, ok := r.acknowledgements.Get(id)
	if !ok {
		return Acknowledgement{}, false
	}
	acknowledgement, ok := found.(Acknowledgement)
	return acknowledgement, ok
}

// Forget drops the acknowledgements that are stored.
func (r *Recorder) Forget(ids ...uuid.UUID) {
	for _, id := range ids {
		r.acknowledgements.Remove(id)
	}
}

// LogInFull writes events to the log in full, because there is no more time to wait for the sink.
func (r *Recorder) LogInFull(ctx context.Context, events []Event) {
	r.toLog(ctx, events, "Gave up waiting for the audit sink; the event is in this log in full")
	r.options.Metrics.AuditEvents(r.sinkName(), ResultLogged, len(events))
}

// Use replaces the sink, at once also where the recorder waits for the old one to come back.
func (r *Recorder) Use(sink Sink) {
	r.mu.Lock()
	old := r.sink
	r.sink = &usedSink{Sink: sink}
	select {
	case r.changed <- struct{}{}:
	default:
	}
	r.mu.Unlock()
	if old != nil {
		go func() {
			old.writing.Lock()
			defer old.writing.Unlock()
			old.Close()
		}()
	}
}

// begin a Write: writing is held of the sink that is returned, if there is one.
func (r *Recorder) begin() *usedSink {
	r.mu.Lock()
	defer r.mu.Unlock()
	// A change before this Write is no reason to cut short the pause after it.
	select {
	case <-r.changed:
	default:
	}
	if r.sink != nil {
		r.sink.writing.Lock()
	}
	return r.sink
}

func (r *Recorder) sinkName() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.sink == nil {
		return "none"
	}
	return r.sink.Name()
}

func (r *Recorder) note(id uuid.UUID, refusal string) {
	r.acknowledgements.Add(id, Acknowledgement{At: metav1.NewTime(r.options.Clock.Now()), Refusal: refusal})
}

// toLog falls back to the program's own log, which is the last that is left.
func (r *Recorder) toLog(ctx context.Context, events []Event, why string) {
	if len(events) == 0 {
		return
	}
	_, err := r.options.Log.Write(ctx, events)
	for i := range events {
		fields := []any{"event_id", events[i].ID, "event_type", events[i].Type, "execution", events[i].Namespace + "/" + events[i].ResourceID}
		if err != nil {
			fields = append(fields, "event", events[i], "error", err)
		}
		r.options.Logger.Warnw(why, fields...)
	}
}
