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
type Mode func(w http.ResponseWriter, r *http.Request, take http.HandlerFunc)

// Healthy does what the contract says.
func Healthy(w http.ResponseWriter, r *http.Request, take http.HandlerFunc) { take(w, r) }

// Slow thinks for a while before it does anything, unless the client does not wait for it.
func Slow(d time.Duration) Mode {
	return func(w http.ResponseWriter, r *http.Request, take http.HandlerFunc) {
		// Only when the body is read does net/http notice that the client has gone.
		if _, ok := peek(r); !ok {
			return
		}
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
			take(w, r)
		case <-r.Context().Done():
		}
	}
}

// Failing answers every request with a status, and stores nothing.
func Failing(status int) Mode {
	return func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) {
		http.Error(w, "as it was told", status)
	}
}

// RetryAfter is Failing, and says in how many seconds it wants to be asked again.
func RetryAfter(status, seconds int) Mode {
	return func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) {
		w.Header().Set("Retry-After", strconv.Itoa(seconds))
		http.Error(w, "as it was told", status)
	}
}

// Refusing answers 400 to a batch that has such an event, and stores nothing of it.
func Refusing(such func(Event) bool) Mode {
	return func(w http.ResponseWriter, r *http.Request, take http.HandlerFunc) {
		body, ok := peek(r)
		if !ok {
			return
		}
		var batch []Event
		if json.Unmarshal(body, &batch) == nil && slices.ContainsFunc(batch, such) {
			http.Error(w, "refused as it was told", http.StatusBadRequest)
			return
		}
		take(w, r)
	}
}

// CutRequest breaks the connection off before it has stored anything.
func CutRequest(http.ResponseWriter, *http.Request, http.HandlerFunc) { panic(http.ErrAbortHandler) }

// CutAnswer stores what a healthy server does, and breaks the connection off without an answer.
func CutAnswer(_ http.ResponseWriter, r *http.Request, take http.HandlerFunc) {
	take(httptest.NewRecorder(), r)
	panic(http.ErrAbortHandler)
}

// CutHalfway stores what a healthy server does, and breaks the connection off in the middle of its answer.
func CutHalfway(w http.ResponseWriter, r *http.Request, take http.HandlerFunc) {
	answer := httptest.NewRecorder()
	take(answer, r)
	w.Header().Set("Content-Length", "1000")
	w.WriteHeader(answer.Code)
	_, _ = io.WriteString(w, `{"stored":`)
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

// peek is the body of a request, which stays to be read.
func peek(r *http.Request) ([]byte, bool) {
	body, err := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	return body, err == nil
}
