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
	"errors"
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
// by halves, so that the others are stored: k of n take some 2k·log2(n) requests.
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
	err = s.store(ctx, client, items, &receipt)
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

// store ends with the first error that is not about the events: a service in trouble is left alone.
func (s *Sink) store(ctx context.Context, client *http.Client, items []item, receipt *audit.Receipt) error {
	err := s.send(ctx, client, items)
	var no *refusal
	switch {
	case err == nil:
		for _, i := range items {
			receipt.Recorded = append(receipt.Recorded, i.id)
		}
		return nil
	case !errors.As(err, &no):
		return err
	case len(items) > 1:
		half := len(items) / 2
		if err := s.store(ctx, client, items[:half], receipt); err != nil {
			return err
		}
		return s.store(ctx, client, items[half:], receipt)
	case no.status == http.StatusConflict: // An event that is there already.
		receipt.Recorded = append(receipt.Recorded, items[0].id)
	default:
		receipt.Refuse(items[0].id, no.Error())
	}
	return nil
}

// unanswered is a request without an answer. What net/http says of it may quote the other side.
type unanswered struct{ err error }

func (u unanswered) Error() string {
	return fmt.Sprintf("no answer of the data storage service: %s", redact.Text(u.err.Error()))
}

func (u unanswered) Unwrap() error { return u.err }
