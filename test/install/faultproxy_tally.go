// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package install

import (
	"maps"
	"sync"
)

// Tally counts calls.
type Tally struct {
	matches func(Call) bool

	mu     sync.Mutex
	counts map[string]int
}

// Tally counts the calls that match from now on. Watches, events and discovery are not counted.
func (p *FaultProxy) Tally(matches func(Call) bool) *Tally {
	p.mu.Lock()
	defer p.mu.Unlock()
	t := &Tally{matches: matches, counts: map[string]int{}}
	p.tallies = append(p.tallies, t)
	return t
}

// Counts are those until now by verb and resource, as Call.String has them.
func (t *Tally) Counts() map[string]int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return maps.Clone(t.counts)
}

func (t *Tally) add(call Call) {
	if call.Verb == "watch" || !t.matches(call) {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.counts[call.String()]++
}
