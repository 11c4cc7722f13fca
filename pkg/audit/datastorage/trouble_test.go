// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package datastorage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"kubernaut.ai/workflowexecution/pkg/audit"
)

// fails writes one event and wants an error, and nothing said about the event.
func fails(t *testing.T, ctx context.Context, s *Sink) error { //nolint:revive // t comes first in a helper.
	t.Helper()
	receipt, err := s.Write(ctx, batchOf(1))
	if err == nil || len(receipt.Recorded)+len(receipt.Refused) > 0 {
		t.Errorf("%+v, and the error is %v", receipt, err)
	}
	return err
}

func hangs(_ http.ResponseWriter, r *http.Request, _ []audit.Event) { <-r.Context().Done() }

func hangsInItsAnswer(w http.ResponseWriter, r *http.Request, _ []audit.Event) {
	w.WriteHeader(http.StatusCreated)
	_ = http.NewResponseController(w).Flush()
	<-r.Context().Done()
}

func TestASlowServerIsLeft(t *testing.T) {
	for name, handle := range map[string]handler{"no answer": hangs, "half an answer": hangsInItsAnswer} {
		t.Run(name+", timeout", func(t *testing.T) {
			s := serve(t, Options{Timeout: 50 * time.Millisecond}, handle)
			var timeout net.Error
			if err := fails(t, t.Context(), s.Sink); !errors.As(err, &timeout) || !timeout.Timeout() {
				t.Error(err)
			}
		})
		t.Run(name+", context", func(t *testing.T) {
			s := serve(t, Options{}, handle)
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			if err := fails(t, ctx, s.Sink); !errors.Is(err, context.DeadlineExceeded) {
				t.Error(err)
			}
		})
	}
}

func TestConnectionsThatBreak(t *testing.T) {
	for name, handle := range map[string]handler{
		"no answer": func(http.ResponseWriter, *http.Request, []audit.Event) { panic(http.ErrAbortHandler) },
		"half an answer": func(w http.ResponseWriter, _ *http.Request, _ []audit.Event) {
			w.Header().Set("Content-Length", "100")
			w.WriteHeader(http.StatusCreated)
			_, _ = io.WriteString(w, "half")
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		},
		"half a refusal": func(w http.ResponseWriter, _ *http.Request, _ []audit.Event) {
			w.Header().Set("Content-Length", "100")
			w.WriteHeader(http.StatusBadRequest)
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		},
	} {
		t.Run(name, func(t *testing.T) { _ = fails(t, t.Context(), serve(t, Options{}, handle).Sink) })
	}
	t.Run("half a request", func(t *testing.T) {
		server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.ReadFull(r.Body, make([]byte, 100))
			panic(http.ErrAbortHandler)
		}))
		defer server.Close()
		s := New(Options{URL: server.URL})
		if receipt, err := s.Write(t.Context(), batchOf(10000)); err == nil || len(receipt.Recorded) > 0 {
			t.Error(receipt, err)
		}
	})
	t.Run("nobody there", func(t *testing.T) {
		server := httptest.NewServer(nil)
		server.Close()
		_ = fails(t, t.Context(), New(Options{URL: server.URL}))
	})
}

func TestConnectionsAreKeptAlive(t *testing.T) {
	addresses := map[string]bool{}
	s := serve(t, Options{}, func(w http.ResponseWriter, r *http.Request, _ []audit.Event) {
		addresses[r.RemoteAddr] = true
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, strings.Repeat("stored ", 1000))
	})
	for range 5 {
		if _, err := s.Write(t.Context(), batchOf(2)); err != nil {
			t.Fatal(err)
		}
	}
	if len(addresses) != 1 {
		t.Error("connections:", addresses)
	}
}

func TestNoRedirectIsFollowed(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it was followed") }))
	defer elsewhere.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		s := serve(t, Options{}, func(w http.ResponseWriter, r *http.Request, _ []audit.Event) {
			http.Redirect(w, r, elsewhere.URL, status)
		})
		_ = fails(t, t.Context(), s.Sink)
	}
}

func TestALongAnswerIsNotReadToItsEnd(t *testing.T) {
	for _, status := range []int{http.StatusCreated, http.StatusBadRequest, http.StatusBadGateway} {
		s := serve(t, Options{}, func(w http.ResponseWriter, _ *http.Request, _ []audit.Event) {
			w.WriteHeader(status)
			for range 10 << 10 {
				if _, err := io.WriteString(w, strings.Repeat("wörter, ", 128)); err != nil {
					return
				}
			}
			t.Error("all of it was read")
		})
		receipt, err := s.Write(t.Context(), batchOf(1))
		said := fmt.Sprint(receipt.Refused, err)
		if n := utf8.RuneCountInString(said); n > 700 || !utf8.ValidString(said) {
			t.Errorf("%d characters: %s", n, said)
		}
		if len(receipt.Recorded) != 1 == (status == http.StatusCreated) {
			t.Error(receipt, err)
		}
	}
}

func TestNoSecretComesOut(t *testing.T) {
	const secret = "hunter2hunter2hunter2"
	page := strings.Repeat("x ", 245) + "\n<p>Authorization: Bearer " + secret + "</p>\npassword=" + secret + " \x1b[31m\npostgres://audit:" + secret + "@db/audit"
	for _, status := range []int{302, 400, 401, 422, 429, 500} {
		s := serve(t, Options{}, func(w http.ResponseWriter, _ *http.Request, _ []audit.Event) {
			w.Header().Set("Location", "http://user:"+secret+"@127.0.0.1/")
			http.Error(w, page, status)
		})
		receipt, err := s.Write(t.Context(), batchOf(1))
		said := fmt.Sprint(receipt.Refused, err)
		if strings.Contains(said, secret[:6]) || strings.ContainsAny(said, "\n\x1b") || !strings.Contains(said, "x x x") {
			t.Errorf("%d: %q", status, said)
		}
	}
	for _, url := range []string{
		"http://user:" + secret + "@127.0.0.1:1", "http://user:" + secret + "@127.0.0.1:port", "http://user:" + secret + "/@host:1",
		"http://user:" + secret + "@ho st", ":" + secret, "ftp://user:" + secret + "@host", "http://%zz:" + secret + "@host", "",
	} {
		if err := fails(t, t.Context(), New(Options{URL: url})); strings.Contains(err.Error(), secret[:6]) {
			t.Error(err)
		}
	}
}

func TestWhatIsNoHTTPIsQuotedWithoutSecrets(t *testing.T) {
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		if c, err := listener.Accept(); err == nil {
			_, _ = io.WriteString(c, "password=hunter2hunter2 is no HTTP\r\n\r\n")
			_ = c.Close()
		}
	}()
	if err := fails(t, t.Context(), New(Options{URL: "http://" + listener.Addr().String()})); strings.Contains(err.Error(), "hunter2") {
		t.Error(err)
	}
}
