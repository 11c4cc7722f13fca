// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package startup

import (
	"context"
	"net/http"
	"time"

	"k8s.io/klog/v2"
	"k8s.io/utils/clock"
)

// watchRetry is the time between two attempts to open a watch while the API server is away.
const watchRetry = time.Second

// patientWatches has a watch that cannot be opened tried again until the program ends. client-go's reflectors double their
// delay with each attempt, up to a minute: after an outage as long as that, what they watch would go unnoticed for as long again.
type patientWatches struct {
	next  http.RoundTripper
	done  <-chan struct{}
	clock clock.Clock
}

// withPatience is a transport.WrapperFunc for a program that ends with the context.
func withPatience(ctx context.Context) func(http.RoundTripper) http.RoundTripper {
	return func(next http.RoundTripper) http.RoundTripper {
		return &patientWatches{next: next, done: ctx.Done(), clock: clock.RealClock{}}
	}
}

// RoundTrip implements http.RoundTripper.
func (p *patientWatches) RoundTrip(request *http.Request) (*http.Response, error) {
	if !isWatch(request) {
		return p.next.RoundTrip(request)
	}
	for attempt := 1; ; attempt++ {
		response, err := p.next.RoundTrip(request.Clone(request.Context()))
		if !isAway(response, err) {
			return response, err
		}
		if attempt%attemptsPerLine == 1 {
			klog.ErrorS(err, "A watch cannot be opened; it is tried again every second", "path", request.URL.Path, "code", codeOf(response))
		}
		select {
		case <-p.done:
			return response, err
		case <-request.Context().Done():
			return response, err
		case <-p.clock.After(watchRetry):
		}
		if response != nil {
			_ = response.Body.Close()
		}
	}
}

// attemptsPerLine of log, so that it is told once a minute.
const attemptsPerLine = 60

func codeOf(response *http.Response) int {
	if response == nil {
		return 0
	}
	return response.StatusCode
}

func isWatch(request *http.Request) bool {
	watch := request.URL.Query().Get("watch")
	return request.Method == http.MethodGet && (watch == "true" || watch == "1")
}

// isAway tells whether there is no API server, as far as a client or something between the two can tell.
func isAway(response *http.Response, err error) bool {
	if err != nil {
		return true
	}
	switch response.StatusCode {
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}
