// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package observability

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestProbes(t *testing.T) {
	pass := func(context.Context) error { return nil }
	unsynced := func(context.Context) error { return errors.New("the caches are not synced yet") }
	tests := map[string]struct {
		checks []Check
		method string
		path   string
		code   int
		body   string
	}{
		// A program that waits for its caches runs all the same; to restart it would not help.
		"healthy while not ready":  {[]Check{unsynced}, "GET", "/health", 200, ""},
		"ready without checks":     {nil, "GET", "/ready", 200, ""},
		"ready":                    {[]Check{pass, pass}, "GET", "/ready", 200, ""},
		"one check fails":          {[]Check{pass, unsynced}, "GET", "/ready", 503, "the caches are not synced yet\n"},
		"the first reason is told": {[]Check{unsynced, pass}, "GET", "/ready", 503, "the caches are not synced yet\n"},
		"HEAD":                     {[]Check{pass}, "HEAD", "/ready", 200, ""},
		"nothing can be changed":   {nil, "POST", "/health", 405, "Method Not Allowed\n"},
		"nothing else is served":   {nil, "GET", "/metrics", 404, "404 page not found\n"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			response := httptest.NewRecorder()
			Probes(tc.checks...).ServeHTTP(response, httptest.NewRequestWithContext(t.Context(), tc.method, tc.path, nil))
			if response.Code != tc.code || response.Body.String() != tc.body {
				t.Errorf("%d %q, want %d %q", response.Code, response.Body, tc.code, tc.body)
			}
		})
	}
}

func TestReadinessFollowsItsChecks(t *testing.T) {
	ready := false
	probes := Probes(func(context.Context) error {
		if ready {
			return nil
		}
		return errors.New("not yet")
	})
	for _, want := range []int{503, 200, 503} {
		ready = want == 200
		response := httptest.NewRecorder()
		probes.ServeHTTP(response, httptest.NewRequestWithContext(t.Context(), "GET", "/ready", nil))
		if response.Code != want {
			t.Errorf("%d, want %d", response.Code, want)
		}
	}
}

func TestServeAnswersUntilTheContextEnds(t *testing.T) {
	address := freeAddress(t)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- Serve(ctx, address, Probes()) }()

	for {
		code, err := get(t, "http://"+address+"/health")
		if err == nil {
			if code != http.StatusOK {
				t.Error("the answer is", code)
			}
			break
		}
		select {
		case err := <-ended:
			t.Fatal("Serve() =", err)
		default:
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Error("Serve() =", err, "- the end of the context is no error")
	}
	if _, err := get(t, "http://"+address+"/health"); err == nil {
		t.Error("it still answers")
	}
}

func TestServeOnAnAddressThatIsTaken(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	err = Serve(t.Context(), taken.Addr().String(), Probes())
	if err == nil || !strings.Contains(err.Error(), "address already in use") {
		t.Error("Serve() =", err)
	}
}

func get(t *testing.T, url string) (int, error) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	return response.StatusCode, err
}

func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}
