// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package install

import (
	"context"
	"sync"
)

// Hold stops one call on its way to the API server until it is let go: the replica is stalled there.
type Hold struct {
	matches func(Call) bool
	reached chan struct{}
	release chan struct{}
	once    sync.Once
	taken   bool
}

// Hold stops the first call that matches. Others pass meanwhile, those of the same kind too.
func (p *FaultProxy) Hold(matches func(Call) bool) *Hold {
	p.mu.Lock()
	defer p.mu.Unlock()
	h := &Hold{matches: matches, reached: make(chan struct{}), release: make(chan struct{})}
	p.holds = append(p.holds, h)
	return h
}

// Reached is closed when the call has come.
func (h *Hold) Reached() <-chan struct{} { return h.reached }

// LetGo sends the call on its way.
func (h *Hold) LetGo() { h.once.Do(func() { close(h.release) }) }

// takes is called with the mutex of the proxy held.
func (h *Hold) takes(call Call) bool {
	if h.taken || !h.matches(call) {
		return false
	}
	h.taken = true
	close(h.reached)
	return true
}

// wait tells whether the call was let go; it is not if the replica has given up or is gone.
func (h *Hold) wait(ctx context.Context) bool {
	select {
	case <-h.release:
		return true
	case <-ctx.Done():
		return false
	}
}
