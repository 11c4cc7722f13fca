// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

// Package datastorage carries audit events to the data storage service of the platform over HTTP.
//
// The bearer token is read for every request and the CA for every Write. client-go would do both, but it
// keeps a token for up to 50 seconds, also one that has just been refused, and a CA for as long as the
// program runs; and it takes an empty CA file for none.
package datastorage

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/google/uuid"
	"k8s.io/utils/clock"

	"kubernaut.ai/workflowexecution/pkg/audit"
	"kubernaut.ai/workflowexecution/pkg/redact"
)

// Options of a sink.
type Options struct {
	// URL of the service, to which the path of the batch is added.
	URL string
	// TokenFile holds the bearer token, if the service wants one.
	TokenFile string
	// CAFile holds in PEM who may vouch for the service; without it those do that the system trusts.
	CAFile string
	// Timeout of a request, from the connection to the end of the answer; 0 is none.
	Timeout time.Duration
	// Clock to which a date in Retry-After is compared.
	Clock clock.PassiveClock
}

// Sink is an audit.Sink. It may be used from several goroutines.
type Sink struct {
	options    Options
	connection connection
}

var _ audit.Sink = (*Sink)(nil)

// New neither opens a connection nor reads a file: what is wrong with either is an error of Write, and
// gone with the first Write after it has been put right.
func New(o Options) *Sink {
	return &Sink{options: o}
}

// Name is datastorage.
func (*Sink) Name() string { return "datastorage" }

// Close closes the connections that are kept alive.
func (s *Sink) Close() { s.connection.close() }

// item is an event as it is sent.
type item struct {
	id   uuid.UUID
	body json.RawMessage
}

// Write sends the events in one request. If the service refuses it, the refused events are searched for
// by halves, so that the others are stored.
func (s *Sink) Write(ctx context.Context, events []audit.Event) (audit.Receipt, error) {
	var receipt audit.Receipt
	items := encode(events, &receipt)
	if len(items) == 0 {
		return receipt, nil
	}
	client, err := s.client()
	if err != nil {
		return receipt, err
	}
	err = audit.StoreByHalves(items,
		func(some []item) error { return s.send(ctx, client, some) },
		func(err error) bool { _, refused := asRefusal(err); return refused },
		func(i item, err error) { note(&receipt, i, err) })
	return receipt, err
}

// encode refuses what cannot be written as JSON: it would keep the others of its batch from being stored.
func encode(events []audit.Event, receipt *audit.Receipt) []item {
	items := make([]item, 0, len(events))
	for _, event := range events {
		body, err := json.Marshal(event)
		if err != nil {
			receipt.Refuse(event.ID, "it cannot be written as JSON: "+excerpt([]byte(err.Error())))
			continue
		}
		items = append(items, item{event.ID, body})
	}
	return items
}

// note what came of an event: nil, or a refusal.
func note(receipt *audit.Receipt, i item, err error) {
	no, refused := asRefusal(err)
	if !refused || no.status == http.StatusConflict { // An event that is there already.
		receipt.Recorded = append(receipt.Recorded, i.id)
		return
	}
	receipt.Refuse(i.id, no.Error())
}

// unanswered is a request without an answer. What net/http says of it may quote the other side.
type unanswered struct{ err error }

func (u unanswered) Error() string {
	return fmt.Sprintf("no answer of the data storage service: %s", redact.Text(u.err.Error()))
}

func (u unanswered) Unwrap() error { return u.err }
