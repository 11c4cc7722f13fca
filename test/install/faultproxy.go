// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package install

import (
	"context"
	"net/http"
	"sync"

	"kubernaut.ai/workflowexecution/test/cluster"
)

// FaultProxy stands between a replica and the API server, and is as unkind to the replica as it is
// told: it refuses calls, loses answers, holds calls up, lets watches lag. It counts calls too.
type FaultProxy struct {
	*relay

	mu      sync.Mutex
	tallies []*Tally
	chaos   *chaos
	holds   []*Hold
	lags    lags
}

// NewFaultProxy makes one that only forwards, until it is told otherwise.
func NewFaultProxy(c *cluster.Cluster) (*FaultProxy, error) {
	p := &FaultProxy{}
	var err error
	p.relay, err = newRelay(c, p.before, p.after)
	return p, err
}

type callKey struct{}

// inFlight is what the answer to a call needs to know.
type inFlight struct {
	call Call
	lost bool
}

func (p *FaultProxy) before(w http.ResponseWriter, r *http.Request) *http.Request {
	call, err := readCall(r)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	hold, fault := p.look(call)
	if hold != nil && !hold.wait(r.Context()) {
		panic(http.ErrAbortHandler)
	}
	if fault != "" && fault != AnswerLost {
		fault.answer(w, call)
		return nil
	}
	return r.WithContext(context.WithValue(r.Context(), callKey{}, inFlight{call: call, lost: fault == AnswerLost}))
}

// look counts a call, and tells what is to happen to it.
func (p *FaultProxy) look(call Call) (*Hold, Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !call.isAboutState() {
		return nil, ""
	}
	for _, tally := range p.tallies {
		tally.add(call)
	}
	for _, hold := range p.holds {
		if hold.takes(call) {
			return hold, ""
		}
	}
	return nil, p.chaos.fault(call)
}

func (p *FaultProxy) after(response *http.Response) error {
	flight, ok := response.Request.Context().Value(callKey{}).(inFlight)
	if !ok {
		return nil
	}
	if flight.lost {
		return errAnswerLost
	}
	if flight.call.Verb == "watch" {
		response.Body = newLaggingBody(response.Body, p.lags.of(flight.call.Resource))
	}
	return nil
}
