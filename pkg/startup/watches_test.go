// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package startup

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"k8s.io/utils/clock"
)

// sequence answers one request after the other; a code of 0 is no answer.
type sequence struct {
	codes  []int
	asked  int
	closed int
}

var errRefused = errors.New("connection refused")

func (s *sequence) RoundTrip(*http.Request) (*http.Response, error) {
	code := s.codes[s.asked]
	s.asked++
	if code == 0 {
		return nil, errRefused
	}
	return &http.Response{StatusCode: code, Body: &body{Reader: strings.NewReader(""), closed: &s.closed}}, nil
}

type body struct {
	io.Reader

	closed *int
}

func (b *body) Close() error {
	*b.closed++
	return nil
}

// immediate lets no time pass.
type immediate struct{ clock.RealClock }

// After implements clock.Clock.
func (immediate) After(time.Duration) <-chan time.Time {
	now := make(chan time.Time, 1)
	now <- time.Time{}
	return now
}

func TestWatchesWaitForTheAPIServer(t *testing.T) {
	for _, test := range []struct {
		name, method, query string
		codes               []int
		asked, want, closed int
	}{
		{"a watch, which opens", http.MethodGet, "?watch=true", []int{200}, 1, 200, 0},
		{"a watch, refused at first", http.MethodGet, "?watch=true", []int{0, 0, 0, 200}, 4, 200, 0},
		{"a watch through a proxy without an API server", http.MethodGet, "?watch=1", []int{502, 503, 504, 200}, 4, 200, 3},
		{"a watch that is forbidden, which the reflector has to know", http.MethodGet, "?watch=true", []int{403}, 1, 403, 0},
		{"a watch that is too old", http.MethodGet, "?watch=true", []int{410}, 1, 410, 0},
		{"a list", http.MethodGet, "", []int{0}, 1, 0, 0},
		{"no watch", http.MethodGet, "?watch=false", []int{503}, 1, 503, 0},
		{"a write", http.MethodPost, "?watch=true", []int{0}, 1, 0, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			server := &sequence{codes: test.codes}
			p := &patientWatches{next: server, done: t.Context().Done(), clock: immediate{}}
			request, err := http.NewRequestWithContext(t.Context(), test.method, "https://nowhere.invalid/api/v1/pods"+test.query, http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			response, err := p.RoundTrip(request)
			got := 0
			if err == nil {
				got = response.StatusCode
				defer response.Body.Close()
			}
			if got != test.want || server.asked != test.asked || server.closed != test.closed {
				t.Errorf("code %d after %d requests, %d of them closed; want %d after %d, %d closed",
					got, server.asked, server.closed, test.want, test.asked, test.closed)
			}
		})
	}
}

func TestWatchesEndWithTheProgram(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	wrapped := withPatience(ctx)(&sequence{codes: []int{0, 200}})
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://nowhere.invalid/api/v1/pods?watch=true", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := wrapped.RoundTrip(request)
	if err == nil {
		response.Body.Close()
	}
	if !errors.Is(err, errRefused) {
		t.Errorf("RoundTrip() = %v; want the refusal", err)
	}
}
