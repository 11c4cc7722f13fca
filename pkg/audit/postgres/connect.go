// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package postgres

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"kubernaut.ai/workflowexecution/pkg/audit"
)

const (
	connectTimeout = 5 * time.Second
	maxConnections = 4
	// maxLifetime bounds how long a connection is used after the Secret has changed.
	maxLifetime = time.Minute
)

var (
	errURL = errors.New("the URL of the audit database is neither a PostgreSQL URI nor a list of keywords and values")
	errCA  = errors.New("the CA of the audit database holds no certificate in PEM")
)

// open returns the pool, which connects only when a connection is asked of it.
func (s *Sink) open() (*pgxpool.Pool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx.Err() != nil {
		return nil, errClosed
	}
	if s.pool != nil {
		return s.pool, nil
	}
	// Where to connect to comes from the source, each time anew.
	config, err := pgxpool.ParseConfig("sslmode=disable")
	if err != nil {
		return nil, err
	}
	config.MaxConns = maxConnections
	config.MaxConnLifetime = maxLifetime
	config.MaxConnIdleTime = maxLifetime
	config.HealthCheckPeriod = maxLifetime / 4
	config.BeforeConnect = s.address
	s.pool, err = pgxpool.NewWithConfig(s.ctx, config)
	return s.pool, err
}

// address sets where a new connection goes to.
func (s *Sink) address(ctx context.Context, config *pgx.ConnConfig) error {
	asking, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	connection, err := s.options.Source(asking)
	if err != nil {
		return fmt.Errorf("failed to learn the address of the audit database: %w", err)
	}
	s.secrets.learn(connection.URL)
	fresh, err := parse(connection)
	if err != nil {
		return err
	}
	s.secrets.learn(fresh.Password)
	*config = *fresh
	return nil
}

// parse never returns what the parser says: it repeats the URL, and with it the password.
func parse(connection Connection) (*pgx.ConnConfig, error) {
	config, err := pgx.ParseConfig(connection.URL)
	if err != nil || connection.URL == "" {
		return nil, errURL
	}
	if len(connection.CA) > 0 {
		roots := x509.NewCertPool()
		if !roots.AppendCertsFromPEM(connection.CA) {
			return nil, errCA
		}
		verify(&config.Config, roots)
	}
	if config.ConnectTimeout == 0 || config.ConnectTimeout > connectTimeout {
		config.ConnectTimeout = connectTimeout
	}
	config.RuntimeParams["application_name"] = audit.Controller
	// Without statements prepared ahead: they do not survive a pooler between us and the server.
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	return config, nil
}

// verify replaces whatever TLS there is, or is not, for each host. Of a host that would be tried with
// and without TLS one attempt is left.
func verify(config *pgconn.Config, roots *x509.CertPool) {
	secure := func(host string, before *tls.Config) *tls.Config {
		verified := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: host, RootCAs: roots}
		if before != nil {
			verified.Certificates = before.Certificates
		}
		return verified
	}
	config.TLSConfig = secure(config.Host, config.TLSConfig)
	for _, fallback := range config.Fallbacks {
		fallback.TLSConfig = secure(fallback.Host, fallback.TLSConfig)
	}
	previous := pgconn.FallbackConfig{Host: config.Host, Port: config.Port}
	config.Fallbacks = slices.DeleteFunc(config.Fallbacks, func(f *pgconn.FallbackConfig) bool {
		repeats := f.Host == previous.Host && f.Port == previous.Port
		previous = *f
		return repeats
	})
}
