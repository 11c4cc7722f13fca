// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"github.com/google/uuid"
	"k8s.io/apimachinery/pkg/types"
)

const (
	// maxBatch is how many executions are written in one batch.
	maxBatch = 100
	// maxBatchSize is how many bytes a batch has, about, when no execution is added to it any more.
	maxBatchSize = 1 << 20
)

// batch holds the outstanding events of some executions.
type batch struct {
	executions []types.NamespacedName
	events     []Event
	// of which execution an event is.
	of   map[uuid.UUID]types.NamespacedName
	size int
}

// next waits for an execution with events to write, and takes what else there is by then. It returns
// false when the queue is shut down. Only one caller may take from the queue.
func (r *Recorder) next() (batch, bool) {
	b := batch{of: map[uuid.UUID]types.NamespacedName{}}
	for len(b.executions) < maxBatch && b.size < maxBatchSize {
		if len(b.executions) > 0 && r.queue.Len() == 0 {
			break
		}
		execution, shutdown := r.queue.Get()
		if shutdown {
			return b, false
		}
		b.executions = append(b.executions, execution)
		b.add(execution, r.unwritten(execution))
	}
	return b, true
}

// unwritten are the events of an execution that no sink has acknowledged, as far as is known here.
func (r *Recorder) unwritten(execution types.NamespacedName) []Event {
	wfe := r.options.Stored(execution)
	if wfe == nil {
		return nil
	}
	return EventsOf(wfe, Unrecorded(wfe, r.Acknowledged))
}

func (b *batch) add(execution types.NamespacedName, events []Event) {
	for i := range events {
		b.of[events[i].ID] = execution
		b.size += sizeOf(&events[i])
	}
	b.events = append(b.events, events...)
}

// sizeOf an event in bytes, about: what an orchestrator or a workflow can make long.
func sizeOf(e *Event) int {
	const envelope = 1024
	size := envelope + len(e.Data.Rationale) + len(e.Data.FailureMessage) + len(e.Data.SkipMessage) + len(e.Data.ClearReason)
	for name, value := range e.Data.Parameters {
		size += len(name) + len(value)
	}
	return size
}
