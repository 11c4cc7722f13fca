// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package postgres

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

// migrations are files for psql as well. Each can be run again without harm.
//
//go:embed migrations/*.sql
var migrations embed.FS

const (
	// schemaVersion is what audit_events_schema_version() returns after the last of the migrations.
	schemaVersion = 1
	versionTable  = "audit_events_migrations"
	// lockID is of all advisory locks in the database the one for our migrations: "audit" in ASCII.
	lockID = 0x6175646974

	// schemaTimeout bounds what one attempt at the schema takes.
	schemaTimeout = 2 * time.Minute
	lockPeriod    = 1
	lockAttempts  = 60
)

var errNoSchema = errors.New("the database has no table audit_events of the version that is needed: " +
	"run the migrations as its owner (docs/audit.md)")

// prepare sees to the schema once, and again after it has been found missing. Those who come while that
// is going on wait for the same outcome, each as long as its own context lasts: a migration may take
// longer than one Write has time.
func (s *Sink) prepare(ctx context.Context, pool *pgxpool.Pool) error {
	s.mu.Lock()
	ready := s.ready
	s.mu.Unlock()
	if ready {
		return nil
	}
	outcome := s.schema.DoChan("", func() (any, error) {
		inner, cancel := context.WithTimeout(s.ctx, schemaTimeout)
		defer cancel()
		return nil, s.ensureSchema(inner, pool)
	})
	select {
	case result := <-outcome:
		return result.Err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *Sink) ensureSchema(ctx context.Context, pool *pgxpool.Pool) error {
	err := check(ctx, pool)
	if errors.Is(err, errNoSchema) && s.options.Migrate {
		err = s.migrate(ctx, pool)
	}
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ready = true
	s.months.forget()
	return nil
}

// check needs no more rights than to execute the function.
func check(ctx context.Context, pool *pgxpool.Pool) error {
	var version int
	var exists bool
	err := pool.QueryRow(ctx, "SELECT audit_events_schema_version(), to_regclass('audit_events') IS NOT NULL").Scan(&version, &exists)
	if isMissing(err) || err == nil && (version < schemaVersion || !exists) {
		return errNoSchema
	}
	return err
}

func (s *Sink) migrate(ctx context.Context, pool *pgxpool.Pool) error {
	if err := s.up(ctx, pool, false); err != nil {
		return err
	}
	err := check(ctx, pool)
	if !errors.Is(err, errNoSchema) {
		return err
	}
	// What has been noted as done has been undone since.
	s.options.Logger.Errorw("The audit tables have been removed from their database; they are created again, without what was in them")
	if err := s.up(ctx, pool, true); err != nil {
		return err
	}
	return check(ctx, pool)
}

// up runs the migrations that have not been run yet, or all of them.
func (s *Sink) up(ctx context.Context, pool *pgxpool.Pool, all bool) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockID(lockID), lock.WithLockTimeout(lockPeriod, lockAttempts))
	if err != nil {
		return err
	}
	db := stdlib.OpenDBFromPool(pool)
	defer db.Close()
	provider, err := goose.NewProvider(goose.DialectPostgres, db, files, goose.WithSessionLocker(locker),
		goose.WithTableName(versionTable), goose.WithDisableGlobalRegistry(true), goose.WithDisableVersioning(all))
	if err != nil {
		return err
	}
	results, err := provider.Up(ctx)
	for _, result := range results {
		s.options.Logger.Infow("A migration of the audit database has been run", "migration", result.Source.Path)
	}
	if err != nil {
		return fmt.Errorf("failed to migrate: %w", err)
	}
	return nil
}
