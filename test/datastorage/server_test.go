// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package datastorage

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/utils/clock"

	"kubernaut.ai/workflowexecution/pkg/audit"
	sink "kubernaut.ai/workflowexecution/pkg/audit/datastorage"
)

// batch is a started and a skipped event, in this order.
func batch() []audit.Event { return []audit.Event{startedEvent(), skippedEvent()} }

func sinkFor(t *testing.T, s *Server, o sink.Options) *sink.Sink {
	t.Helper()
	o.URL, o.Clock = s.URL(), clock.RealClock{}
	if o.Timeout == 0 {
		o.Timeout = 10 * time.Second
	}
	k := sink.New(o)
	t.Cleanup(k.Close)
	return k
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestTheSinkAgainstEveryMode(t *testing.T) {
	isSkip := func(e Event) bool { return e.Action == "skipped" }
	for _, row := range []struct {
		name              string
		mode              Mode
		timeout           time.Duration
		recorded, refused int
		fails             bool
		after             time.Duration
		stored            int
	}{
		{name: "healthy", mode: Healthy, recorded: 2, stored: 2},
		{name: "slow", mode: Slow(50 * time.Millisecond), recorded: 2, stored: 2},
		{name: "too slow", mode: Slow(time.Hour), timeout: 50 * time.Millisecond, fails: true},
		{name: "failing", mode: Failing(http.StatusInternalServerError), fails: true},
		{name: "failing for all", mode: Failing(http.StatusBadRequest), refused: 2},
		{name: "busy", mode: RetryAfter(http.StatusTooManyRequests, 7), fails: true, after: 7 * time.Second},
		{name: "down", mode: RetryAfter(http.StatusServiceUnavailable, 8), fails: true, after: 8 * time.Second},
		{name: "refusing", mode: Refusing(isSkip), recorded: 1, refused: 1, stored: 1},
		{name: "request cut", mode: CutRequest, fails: true},
		{name: "answer cut", mode: CutAnswer, fails: true, stored: 2},
		{name: "halfway cut", mode: CutHalfway, fails: true, stored: 2},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := running(t, Options{})
			s.Switch(row.mode)
			k := sinkFor(t, s, sink.Options{Timeout: row.timeout})
			receipt, err := k.Write(t.Context(), batch())
			if len(receipt.Recorded) != row.recorded || len(receipt.Refused) != row.refused || (err != nil) != row.fails {
				t.Errorf("%+v, and the error is %v", receipt, err)
			}
			var later *audit.RetryAfterError
			if errors.As(err, &later) != (row.after > 0) || later != nil && later.After != row.after {
				t.Error("the error is", err)
			}
			if got := len(s.Events()); got != row.stored || s.Requests() == 0 {
				t.Errorf("%d are stored after %d requests", got, s.Requests())
			}
			s.Switch(Healthy)
			if receipt, err := k.Write(t.Context(), batch()); err != nil || len(receipt.Recorded) != 2 {
				t.Error("once it is healthy:", receipt, err)
			}
			if got := s.Violations(); len(got) > 0 || len(s.Events()) != 2 || s.Repeats() != row.stored {
				t.Errorf("%d events, %d repeats, violations: %v", len(s.Events()), s.Repeats(), got)
			}
		})
	}
}

func TestADeadServerRevivesAtItsAddress(t *testing.T) {
	s := running(t, Options{})
	k := sinkFor(t, s, sink.Options{})
	url := s.URL()
	if _, err := k.Write(t.Context(), batch()); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		s.Dead()
		if receipt, err := k.Write(t.Context(), batch()); err == nil || len(receipt.Recorded) > 0 {
			t.Error("it is dead:", receipt, err)
		}
		if err := errors.Join(s.Revive(), s.Revive()); err != nil {
			t.Fatal(err)
		}
		if receipt, err := k.Write(t.Context(), batch()); err != nil || len(receipt.Recorded) != 2 {
			t.Error("it lives:", receipt, err)
		}
	}
	if s.URL() != url || len(s.Events()) != 2 || s.Repeats() != 6 || s.Requests() != 4 {
		t.Error(s.URL(), len(s.Events()), s.Repeats(), s.Requests())
	}
}

func TestASlowServerDoesNotHoldUpItsEnd(t *testing.T) {
	s := running(t, Options{})
	s.Switch(Slow(time.Hour))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() {
		_, err := sinkFor(t, s, sink.Options{}).Write(ctx, batch())
		done <- err
	}()
	err := wait.PollUntilContextTimeout(ctx, time.Millisecond, time.Minute, true, func(context.Context) (bool, error) {
		return s.Requests() > 0, nil
	})
	if err != nil {
		t.Fatal("no request:", err)
	}
	s.Close()
	if err := <-done; err == nil {
		t.Error("there is an answer")
	}
}

func TestTLSAndTokens(t *testing.T) {
	ca, token := filepath.Join(t.TempDir(), "ca.crt"), filepath.Join(t.TempDir(), "token")
	write(t, token, "one")
	s := running(t, Options{CAFile: ca, Tokens: []string{"one", "two"}})
	if !strings.HasPrefix(s.URL(), "https://127.0.0.1:") {
		t.Error(s.URL())
	}
	k := sinkFor(t, s, sink.Options{CAFile: ca, TokenFile: token})
	if _, err := k.Write(t.Context(), batch()); err != nil {
		t.Error(err)
	}
	s.Accept("two")
	if _, err := k.Write(t.Context(), batch()); err == nil {
		t.Error("a token is taken that is not accepted any more")
	}
	write(t, token, "two")
	if _, err := k.Write(t.Context(), batch()); err != nil {
		t.Error(err)
	}
	if _, err := sinkFor(t, s, sink.Options{TokenFile: token}).Write(t.Context(), batch()); err == nil {
		t.Error("nobody vouches for the server, and it is believed")
	}
	if got := s.Violations(); len(got) > 0 {
		t.Error(got)
	}
}

func TestAnEventMustNotChange(t *testing.T) {
	s := running(t, Options{})
	k := sinkFor(t, s, sink.Options{})
	other := startedEvent()
	other.Data.Rationale = "another"
	if _, err := k.Write(t.Context(), batch()); err != nil {
		t.Fatal(err)
	}
	receipt, err := k.Write(t.Context(), []audit.Event{other, completedEvent()})
	if err != nil || len(receipt.Recorded) != 1 || !strings.Contains(receipt.Refused[other.ID], "come before") {
		t.Error(receipt, err)
	}
	again := failedEvent()
	changed := again
	changed.Data.FailedTaskName = "another"
	receipt, err = k.Write(t.Context(), []audit.Event{again, changed})
	if err != nil || !slices.Equal(receipt.Recorded, []uuid.UUID{again.ID}) || receipt.Refused[again.ID] == "" {
		t.Error("within a batch:", receipt, err)
	}
	if got := s.Violations(); len(got) != 4 || len(s.Events()) != 4 || s.Repeats() != 0 {
		t.Errorf("%d events, %d repeats, violations: %q", len(s.Events()), s.Repeats(), got)
	}
}

func TestViolationsOfTheRequest(t *testing.T) {
	for _, row := range []struct {
		name, method, path string
		header             map[string]string
		want               int
	}{
		{"as it should be", "POST", path, nil, http.StatusCreated},
		{"path", "POST", path + "/", nil, http.StatusNotFound},
		{"double slash", "POST", "/" + path, nil, http.StatusNotFound},
		{"query", "POST", path + "?a=b", nil, http.StatusNotFound},
		{"method", "PUT", path, nil, http.StatusMethodNotAllowed},
		{"content type", "POST", path, map[string]string{"Content-Type": "text/plain"}, http.StatusUnsupportedMediaType},
		{"user agent", "POST", path, map[string]string{"User-Agent": "curl"}, http.StatusBadRequest},
		{"token", "POST", path, map[string]string{"Authorization": "Bearer one"}, http.StatusBadRequest},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := running(t, Options{})
			body := slices.Concat([]byte("["), written(t, startedEvent()), []byte("]"))
			request, err := http.NewRequestWithContext(t.Context(), row.method, s.URL()+row.path, bytes.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("Content-Type", "application/json")
			request.Header.Set("User-Agent", audit.Controller)
			for name, value := range row.header {
				request.Header.Set(name, value)
			}
			response, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			_, _ = io.Copy(io.Discard, response.Body)
			if response.StatusCode != row.want || len(s.Violations()) == 0 != (row.want == http.StatusCreated) {
				t.Error(response.Status, s.Violations())
			}
		})
	}
}
