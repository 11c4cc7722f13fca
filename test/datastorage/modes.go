// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package datastorage

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"time"
)

// Mode is how a server behaves. It may call take, which is to behave well.
type Mode func(s *Server, w http.ResponseWriter, r *http.Request, take func() int)

// Healthy does what the contract says.
func Healthy(_ *Server, _ http.ResponseWriter, _ *http.Request, take func() int) { take() }

// Slow thinks for a while before it does anything, unless the client does not wait for it.
func Slow(d time.Duration) Mode {
	return func(s *Server, _ http.ResponseWriter, r *http.Request, take func() int) {
		// Only when the body is read does net/http notice that the client has gone.
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
			take()
		case <-r.Context().Done():
		case <-s.ended:
		}
	}
}

// Failing answers every request with a status, and stores nothing.
func Failing(status int) Mode {
	return func(_ *Server, w http.ResponseWriter, _ *http.Request, _ func() int) {
		http.Error(w, "as it was told", status)
	}
}

// RetryAfter is Failing, and says in how many seconds it wants to be asked again.
func RetryAfter(status, seconds int) Mode {
	return func(_ *Server, w http.ResponseWriter, _ *http.Request, _ func() int) {
		w.Header().Set("Retry-After", strconv.Itoa(seconds))
		http.Error(w, "as it was told", status)
	}
}

// Refusing answers 400 to a batch that has such an event, and stores nothing of it.
func Refusing(such func(Event) bool) Mode {
	return func(_ *Server, w http.ResponseWriter, r *http.Request, take func() int) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		var batch []Event
		if json.Unmarshal(body, &batch) == nil && slices.ContainsFunc(batch, such) {
			http.Error(w, "refused as it was told", http.StatusBadRequest)
			return
		}
		take()
	}
}

// CutRequest breaks the connection off before it has stored anything.
func CutRequest(*Server, http.ResponseWriter, *http.Request, func() int) { panic(http.ErrAbortHandler) }

// CutAnswer stores all, as far as it is valid, and breaks the connection off without an answer.
func CutAnswer(s *Server, _ http.ResponseWriter, r *http.Request, _ func() int) {
	s.mu.Lock()
	tokens := s.tokens
	s.mu.Unlock()
	s.take(httptest.NewRecorder(), r, tokens)
	panic(http.ErrAbortHandler)
}

// CutHalfway stores all, as far as it is valid, and breaks the connection off in the middle of the answer.
func CutHalfway(s *Server, w http.ResponseWriter, r *http.Request, _ func() int) {
	s.mu.Lock()
	tokens := s.tokens
	s.mu.Unlock()
	answer := httptest.NewRecorder()
	status := s.take(answer, r, tokens)
	if status != 0 {
		w.Header().Set("Content-Length", "1000")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(`{"stored":`))
		_ = http.NewResponseController(w).Flush()
	}
	panic(http.ErrAbortHandler)
}
