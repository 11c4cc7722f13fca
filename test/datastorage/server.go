// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

// Package datastorage is a data storage service for tests: it takes audit events as the contract has them
// (docs/design.md, "Audit trail"), nothing else, and fails in all the ways that a service may.
package datastorage

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

const path = "/api/v1/audit/events/batch"

// Options of a server.
type Options struct {
	// Port to listen on; 0 is any free one, which the server keeps until it is closed.
	Port int
	// CAFile is where the PEM is written of who vouches for the server. With it the server speaks TLS.
	CAFile string
	// Tokens that it accepts; none is that it wants no token.
	Tokens []string
}

// Server is a data storage service on 127.0.0.1.
type Server struct {
	options Options
	tls     *tls.Config
	address string

	mu       sync.Mutex
	http     *http.Server
	mode     Mode
	tokens   []string
	requests int
	store    store
}

// Start starts a server that is healthy.
func Start(o Options) (*Server, error) {
	s := &Server{options: o, mode: Healthy, tokens: o.Tokens, store: newStore()}
	if o.CAFile != "" {
		config, ca, err := identity()
		if err != nil {
			return nil, err
		}
		if err := os.WriteFile(o.CAFile, ca, 0o600); err != nil {
			return nil, err
		}
		s.tls = config
	}
	s.address = net.JoinHostPort("127.0.0.1", strconv.Itoa(o.Port))
	if err := s.Revive(); err != nil {
		return nil, err
	}
	return s, nil
}

// URL for the configuration of a sink.
func (s *Server) URL() string {
	if s.tls != nil {
		return "https://" + s.address
	}
	return "http://" + s.address
}

// Revive makes a dead server listen again, at its old address, in the mode and with the events that it had.
func (s *Server) Revive() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.http != nil {
		return nil
	}
	listener, err := net.Listen("tcp", s.address) //nolint:noctx // It is over at once.
	if err != nil {
		return err
	}
	s.address = listener.Addr().String()
	if s.tls != nil {
		listener = tls.NewListener(listener, s.tls)
	}
	server := &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	s.http = server
	go func() { _ = server.Serve(listener) }()
	return nil
}

// Dead breaks off all connections and refuses new ones, until Revive.
func (s *Server) Dead() {
	s.mu.Lock()
	server := s.http
	s.http = nil
	s.mu.Unlock()
	if server != nil {
		_ = server.Close()
	}
}

// Close ends the server for good.
func (s *Server) Close() { s.Dead() }

// Switch puts the server into a mode, beginning with the next request.
func (s *Server) Switch(mode Mode) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mode = mode
}

// Accept replaces the tokens.
func (s *Server) Accept(tokens ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokens = tokens
}

// Events are those that are stored, in the order in which they came.
func (s *Server) Events() []Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.store.events()
}

// Repeats counts events that came again, unchanged.
func (s *Server) Repeats() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.store.repeats
}

// Requests counts all that came, whatever became of them.
func (s *Server) Requests() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests
}

// Violations of the contract so far.
func (s *Server) Violations() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.store.violations...)
}

// ServeHTTP answers a request in the mode that the server is in.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.requests++
	mode, tokens := s.mode, s.tokens
	s.mu.Unlock()
	mode(w, r, func(w http.ResponseWriter, r *http.Request) { s.take(w, r, tokens) })
}

// take is what a healthy server does with a request.
func (s *Server) take(w http.ResponseWriter, r *http.Request, tokens []string) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // Half a request is nobody's fault: one of the two sides was killed.
	}
	if status, err := admitted(r, tokens); err != nil {
		s.refuse(w, status, err)
		return
	}
	s.mu.Lock()
	err = s.store.put(body)
	s.mu.Unlock()
	if err != nil {
		s.refuse(w, http.StatusBadRequest, err)
		return
	}
	w.WriteHeader(http.StatusCreated)
}

// refuse remembers a violation, unless it is only a token: those expire.
func (s *Server) refuse(w http.ResponseWriter, status int, err error) {
	if status != http.StatusUnauthorized {
		s.mu.Lock()
		s.store.violations = append(s.store.violations, err.Error())
		s.mu.Unlock()
	}
	http.Error(w, err.Error(), status)
}

func admitted(r *http.Request, tokens []string) (int, error) {
	switch {
	case r.URL.Path != path || r.URL.RawQuery != "":
		return http.StatusNotFound, fmt.Errorf("the path is %s, not %s", r.URL.RequestURI(), path)
	case r.Method != http.MethodPost:
		return http.StatusMethodNotAllowed, fmt.Errorf("the method is %s, not POST", r.Method)
	case r.Header.Get("Content-Type") != "application/json":
		return http.StatusUnsupportedMediaType, fmt.Errorf("the content type is %q, not application/json", r.Header.Get("Content-Type"))
	case r.Header.Get("User-Agent") != controller:
		return http.StatusBadRequest, fmt.Errorf("the user agent is %q, not %s", r.Header.Get("User-Agent"), controller)
	}
	return authorized(r.Header.Get("Authorization"), tokens)
}

func authorized(header string, tokens []string) (int, error) {
	for _, token := range tokens {
		if header == "Bearer "+token {
			return 0, nil
		}
	}
	if len(tokens) > 0 {
		return http.StatusUnauthorized, errors.New("the bearer token is missing or not accepted")
	}
	if strings.TrimSpace(header) != "" {
		return http.StatusBadRequest, errors.New("there is a token that nobody has asked for")
	}
	return 0, nil
}
