// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

// Package postgres stores audit events in a PostgreSQL database, in the table audit_events, which has
// a partition for each month. docs/audit.md tells an administrator what it needs there.
package postgres

import (
	"context"
	"errors"
	"sync"

	"github.com/jackc/pgx/v5/pgxpool"
	"go.uber.org/zap"
	"golang.org/x/sync/singleflight"
	"k8s.io/utils/clock"

	"kubernaut.ai/workflowexecution/pkg/audit"
)

// Connection is how the database is reached.
type Connection struct {
	// URL is a URI of libpq (postgres://...) or its keywords and values (host=... user=...).
	URL string
	// CA is PEM, or empty. With it the server has to show a certificate of these authorities with its
	// host's name in it, as with sslmode=verify-full, whatever the URL says.
	CA []byte
}

// Options of a Sink.
type Options struct {
	// Source is asked before each new connection, so that what has changed is used without a restart.
	// No connection lives much longer than a minute.
	Source func(ctx context.Context) (Connection, error)
	// Migrate is whether the sink creates the tables and brings them up to date. Otherwise it only
	// checks that they are there.
	Migrate bool
	// Clock says for which months there has to be a partition already.
	Clock clock.PassiveClock
	// Logger is told of changes to the schema. It may be nil.
	Logger *zap.SugaredLogger
}

// Sink is an audit.Sink. It may be used from several goroutines.
type Sink struct {
	options Options
	secrets secrets
	months  months
	schema  singleflight.Group

	// ctx ends with Close, for what outlives the Write that began it.
	ctx  context.Context //nolint:containedctx // as above
	stop context.CancelFunc

	mu    sync.Mutex
	pool  *pgxpool.Pool
	ready bool
}

var _ audit.Sink = (*Sink)(nil)

var errClosed = errors.New("the sink is closed")

// New returns a sink that connects when it is first written to.
func New(o Options) *Sink {
	if o.Logger == nil {
		o.Logger = zap.NewNop().Sugar()
	}
	s := &Sink{options: o}
	s.ctx, s.stop = context.WithCancel(context.Background())
	return s
}

// Name of the kind of sink.
func (s *Sink) Name() string { return "postgres" }

// Close ends all connections.
func (s *Sink) Close() {
	s.stop()
	s.mu.Lock()
	pool := s.pool
	s.pool = nil
	s.mu.Unlock()
	if pool != nil {
		pool.Close()
	}
}

// Write stores the events in one statement, and in smaller ones if there is one that the database
// refuses. See audit.Sink.
func (s *Sink) Write(ctx context.Context, events []audit.Event) (audit.Receipt, error) {
	var receipt audit.Receipt
	if len(events) == 0 {
		return receipt, nil
	}
	pool, err := s.open()
	if err != nil {
		return receipt, err
	}
	if err := s.prepare(ctx, pool); err != nil {
		return receipt, s.secrets.conceal("prepare the audit database", err)
	}
	w := &writing{sink: s, pool: pool, receipt: &receipt}
	if err := w.write(ctx, events); err != nil {
		if isMissing(err) {
			s.forget()
		}
		return receipt, s.secrets.conceal("store audit events", err)
	}
	return receipt, nil
}

// forget makes the next Write look at the schema again: the one that was there has gone, or the
// database is another one.
func (s *Sink) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ready = false
	s.months.forget()
}
