// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package postgres

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"kubernaut.ai/workflowexecution/test/spawn"
)

// Superuser owns everything in the server, and its database has the same name.
const Superuser = "postgres"

const (
	host         = "127.0.0.1"
	patience     = time.Minute
	pollInterval = 20 * time.Millisecond
	pingTimeout  = 2 * time.Second
)

// Server is a PostgreSQL server that listens on a port of 127.0.0.1 until it is closed.
type Server struct {
	dir      string
	made     bool
	programs string
	account  *syscall.Credential
	port     int
	password string

	mu   sync.Mutex
	cmd  *exec.Cmd
	done chan struct{}
}

// Start makes a new server in dir and returns when it answers. Without a dir it makes one in the
// system's directory for temporary files, and removes it again.
func Start(dir string, options ...Option) (*Server, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	settings := &settings{sync: true}
	for _, option := range options {
		option(settings)
	}
	s, err := newServer(ctx, dir)
	if err != nil {
		return nil, err
	}
	if err := s.initialize(ctx, settings); err != nil {
		s.Close()
		return nil, err
	}
	if err := s.Restart(); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func newServer(ctx context.Context, dir string) (*Server, error) {
	s := &Server{dir: dir, password: rand.Text(), done: make(chan struct{})}
	close(s.done)
	var err error
	if s.programs, err = programs(); err != nil {
		return nil, err
	}
	if s.account, err = account(); err != nil {
		return nil, err
	}
	if s.port, err = freePort(ctx); err != nil {
		return nil, err
	}
	if dir == "" {
		s.made = true
		s.dir, err = os.MkdirTemp("", "workflowexecution-postgres-")
	}
	return s, err
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

func (s *Server) logFile() string { return filepath.Join(s.dir, "log") }

// Port that the server listens on.
func (s *Server) Port() int { return s.port }

// Password of the superuser.
func (s *Server) Password() string { return s.password }

// URL of a database for a user, without TLS.
func (s *Server) URL(user, password, database string) string {
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword(user, password), Path: "/" + database,
		Host: net.JoinHostPort(host, strconv.Itoa(s.port)), RawQuery: "sslmode=disable",
	}
	return u.String()
}

// SuperURL is the URL of a database for the superuser.
func (s *Server) SuperURL(database string) string { return s.URL(Superuser, s.password, database) }

// Restart starts a server that has ended, and returns when it answers.
func (s *Server) Restart() error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for {
		if !s.running() {
			// After a crash, what the old server has left of itself can keep the new one from starting for a moment.
			if err := s.launch(); err != nil {
				return err
			}
		}
		err := s.ping(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("PostgreSQL does not answer: %w\n%s", err, s.Log())
		case <-ticker.C:
		}
	}
}

func (s *Server) launch() error {
	log, err := os.OpenFile(s.logFile(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(filepath.Join(s.programs, "postgres"), "-D", s.data()) //nolint:noctx // it lives as long as the server
	cmd.Stdout, cmd.Stderr, cmd.Dir = log, log, s.dir
	// SIGQUIT lets a server take its shared memory and its own children along.
	if err := spawn.Start(cmd, syscall.SIGQUIT, s.account); err != nil {
		return err
	}
	done := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(done)
	}()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cmd, s.done = cmd, done
	return nil
}

func (s *Server) ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	connection, err := pgx.Connect(ctx, s.SuperURL(Superuser))
	if err != nil {
		return err
	}
	return connection.Close(ctx)
}

// Log is what the server has said.
func (s *Server) Log() string {
	content, err := os.ReadFile(s.logFile())
	if err != nil {
		return err.Error()
	}
	return string(content)
}
