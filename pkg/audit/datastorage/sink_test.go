// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package datastorage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	clocktesting "k8s.io/utils/clock/testing"

	"kubernaut.ai/workflowexecution/pkg/audit"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func batchOf(n int) []audit.Event {
	events := make([]audit.Event, 0, n)
	for i := range n {
		events = append(events, audit.Event{
			ID: uuid.NewSHA1(uuid.NameSpaceOID, fmt.Append(nil, i)), Type: audit.WorkflowStarted, Timestamp: noon, ResourceID: fmt.Sprint("fix-", i),
		})
	}
	return events
}

func idsOf(events []audit.Event) []uuid.UUID {
	ids := make([]uuid.UUID, 0, len(events))
	for _, event := range events {
		ids = append(ids, event.ID)
	}
	return ids
}

// service is a server and a sink for it. The handler gets the events of each request.
type service struct {
	*Sink

	server   *httptest.Server
	requests atomic.Int64
}

type handler func(w http.ResponseWriter, r *http.Request, events []audit.Event)

func serve(t *testing.T, o Options, handle handler) *service {
	t.Helper()
	s := &service{}
	s.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.requests.Add(1)
		body, err := io.ReadAll(r.Body)
		var events []audit.Event
		if err := errors.Join(err, json.Unmarshal(body, &events)); err != nil {
			t.Error(err)
		}
		handle(w, r, events)
	}))
	t.Cleanup(s.server.Close)
	if o.URL == "" {
		o.URL = s.server.URL
	}
	o.Clock = clocktesting.NewFakePassiveClock(noon)
	s.Sink = New(o)
	t.Cleanup(s.Close)
	return s
}

func answers(status int) handler {
	return func(w http.ResponseWriter, _ *http.Request, _ []audit.Event) { w.WriteHeader(status) }
}

func TestStatuses(t *testing.T) {
	recorded := []int{200, 201, 202, 204, 409}
	later := []int{
		203, 205, 206, 207, 300, 301, 302, 303, 304, 307, 308, 401, 403, 404, 405, 406, 407, 408, 410, 411, 415, 421, 425, 426, 429, 431,
		500, 501, 502, 503, 504, 505, 507, 520, 599,
	}
	refused := []int{400, 402, 412, 413, 414, 418, 422, 424, 451, 499}
	for _, status := range slices.Concat(recorded, later, refused) {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			s := serve(t, Options{}, answers(status))
			events := batchOf(1)
			receipt, err := s.Write(t.Context(), events)
			if got := err != nil; got != slices.Contains(later, status) {
				t.Errorf("the error is %v", err)
			}
			if got := slices.Equal(receipt.Recorded, idsOf(events)); got != slices.Contains(recorded, status) {
				t.Errorf("recorded are %v", receipt.Recorded)
			}
			if _, got := receipt.Refused[events[0].ID]; got != slices.Contains(refused, status) {
				t.Errorf("refused are %v", receipt.Refused)
			}
			if got := s.requests.Load(); got != 1 {
				t.Errorf("it took %d requests", got)
			}
		})
	}
}

func TestTheRequest(t *testing.T) {
	for _, base := range []string{"", "/", "/sub", "/sub/"} {
		var got *http.Request
		var length int
		s := serve(t, Options{}, func(w http.ResponseWriter, r *http.Request, events []audit.Event) {
			got, length = r, len(events)
			w.WriteHeader(http.StatusCreated)
		})
		s.options.URL += base
		if _, err := s.Write(t.Context(), batchOf(3)); err != nil {
			t.Fatal(err)
		}
		want := "/api/v1/audit/events/batch"
		if len(base) > 1 {
			want = "/sub" + want
		}
		if got.Method != http.MethodPost || got.URL.Path != want || length != 3 {
			t.Errorf("%s %s with %d events", got.Method, got.URL.Path, length)
		}
		for name, want := range map[string]string{
			"Content-Type": "application/json", "Accept": "application/json", "User-Agent": "workflowexecution-controller",
			"Authorization": "", "Idempotency-Key": "",
		} {
			if got := got.Header.Get(name); got != want {
				t.Errorf("%s is %q, want %q", name, got, want)
			}
		}
	}
}

func TestNothingIsWrittenWithoutEvents(t *testing.T) {
	s := New(Options{URL: "http://127.0.0.1:1"})
	if receipt, err := s.Write(t.Context(), nil); err != nil || receipt.Recorded != nil || receipt.Refused != nil {
		t.Error(receipt, err)
	}
	if s.Name() != "datastorage" {
		t.Error(s.Name())
	}
	s.Close()
}

func TestRefusedEventsAreFound(t *testing.T) {
	for _, row := range []struct {
		name        string
		n           int
		refused     []int
		maxRequests int64
	}{
		{"none", 100, nil, 1},
		{"one of 100", 100, []int{57}, 15},
		{"the first", 100, []int{0}, 15},
		{"the last", 100, []int{99}, 15},
		{"three of 100", 100, []int{3, 50, 99}, 41},
		{"two neighbours", 100, []int{49, 50}, 29},
		{"all of 8", 8, []int{0, 1, 2, 3, 4, 5, 6, 7}, 15},
	} {
		for _, status := range []int{http.StatusBadRequest, http.StatusUnprocessableEntity, http.StatusRequestEntityTooLarge, http.StatusConflict} {
			t.Run(fmt.Sprint(row.name, " ", status), func(t *testing.T) {
				events := batchOf(row.n)
				bad := map[uuid.UUID]bool{}
				for _, i := range row.refused {
					bad[events[i].ID] = true
				}
				s := serve(t, Options{}, func(w http.ResponseWriter, _ *http.Request, events []audit.Event) {
					if slices.ContainsFunc(events, func(e audit.Event) bool { return bad[e.ID] }) {
						http.Error(w, "that one is bad", status)
						return
					}
					w.WriteHeader(http.StatusCreated)
				})
				receipt, err := s.Write(t.Context(), events)
				if err != nil {
					t.Fatal(err)
				}
				if status == http.StatusConflict {
					bad = nil
				}
				for _, event := range events {
					reason, refused := receipt.Refused[event.ID]
					want := fmt.Sprintf("%d %s: that one is bad", status, http.StatusText(status))
					if refused != bad[event.ID] || refused && reason != want {
						t.Errorf("%s is refused: %q", event.ResourceID, reason)
					}
					if slices.Contains(receipt.Recorded, event.ID) == bad[event.ID] {
						t.Errorf("%s is recorded, or not", event.ResourceID)
					}
				}
				if got := s.requests.Load(); got > row.maxRequests || len(receipt.Recorded)+len(receipt.Refused) != row.n {
					t.Errorf("%d requests for %d and %d", got, len(receipt.Recorded), len(receipt.Refused))
				}
			})
		}
	}
}

func TestHalfABatchMayBeRecorded(t *testing.T) {
	events := batchOf(8)
	s := serve(t, Options{}, func(w http.ResponseWriter, _ *http.Request, got []audit.Event) {
		switch {
		case len(got) == 8:
			w.WriteHeader(http.StatusRequestEntityTooLarge)
		case got[0].ID != events[0].ID:
			w.Header().Set("Retry-After", "7")
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	receipt, err := s.Write(t.Context(), events)
	var later *audit.RetryAfterError
	if !errors.As(err, &later) || later.After != 7*time.Second {
		t.Error("the error is", err)
	}
	if !slices.Equal(receipt.Recorded, idsOf(events[:4])) || receipt.Refused != nil {
		t.Error(receipt)
	}
}

func TestTheSearchEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := serve(t, Options{}, func(w http.ResponseWriter, _ *http.Request, got []audit.Event) {
		if len(got) <= 4 {
			cancel()
		}
		w.WriteHeader(http.StatusBadRequest)
	})
	receipt, err := s.Write(ctx, batchOf(16))
	if !errors.Is(err, context.Canceled) || len(receipt.Recorded)+len(receipt.Refused) > 0 || s.requests.Load() > 3 {
		t.Error(receipt, err, s.requests.Load())
	}
}

func TestAnEventThatIsNoJSONDoesNotHoldUpTheOthers(t *testing.T) {
	s := serve(t, Options{}, answers(http.StatusCreated))
	events := batchOf(3)
	events[1].Timestamp = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)
	receipt, err := s.Write(t.Context(), events)
	if err != nil || len(receipt.Recorded) != 2 || receipt.Refused[events[1].ID] == "" {
		t.Error(receipt, err)
	}
}
