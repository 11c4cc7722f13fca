// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// Sink stores events for good. An event that it has stored already it stores once.
type Sink interface {
	// Name of the kind of sink: log, datastorage or postgres.
	Name() string
	// Write says of each event what became of it. One that is in neither list of the receipt may or may
	// not have been stored, and is to be written again; the error says why. A RetryAfterError in it says
	// when. Write returns soon after its context has ended.
	Write(ctx context.Context, events []Event) (Receipt, error)
	// Close frees what the sink holds, after the last Write has returned.
	Close()
}

// Receipt is a sink's acknowledgement of a batch of events.
type Receipt struct {
	// Recorded are the events that are stored, by whomever.
	Recorded []uuid.UUID
	// Refused are those that the sink will never take, with its reason, which holds no secret.
	Refused map[uuid.UUID]string
}

// Refuse notes that the sink will never take an event.
func (r *Receipt) Refuse(id uuid.UUID, reason string) {
	if r.Refused == nil {
		r.Refused = map[uuid.UUID]string{}
	}
	r.Refused[id] = reason
}

// RetryAfterError is what a sink returns that has said when it wants to be asked again.
type RetryAfterError struct {
	After time.Duration
	Err   error
}

func (e *RetryAfterError) Error() string {
	return fmt.Sprintf("%v (try again after %s)", e.Err, e.After)
}

// Unwrap returns what the sink said.
func (e *RetryAfterError) Unwrap() error { return e.Err }
