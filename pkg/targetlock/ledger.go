// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package targetlock

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
)

// maxEntries of a ledger, so that it stays below the 256 KiB that all annotations of an object may have,
// with room for some more that only hands at the Lease can bring about.
const maxEntries = 64

// Ledger remembers for each workflow how its last execution on a target ended, by workflow id.
type Ledger map[string]Entry

// Entry is how the last execution of a workflow on a target ended, and what follows from it.
type Entry struct {
	Execution Holder         `json:"execution"`
	Outcome   v1alpha1.Phase `json:"outcome"`
	// Reason and Message of a failure, the message cut short.
	Reason  v1alpha1.FailureReason `json:"reason,omitempty"`
	Message string                 `json:"message,omitempty"`
	// Ran tells whether a step of the workflow may have been executed.
	Ran         bool      `json:"ran"`
	CompletedAt time.Time `json:"completedAt"`
	// ReleasedAt is when the target was freed, in whole seconds. An entry of an earlier version has none.
	ReleasedAt time.Time `json:"releasedAt,omitzero"`
	// ConsecutiveFailures before execution, up to and including this one.
	ConsecutiveFailures int32 `json:"consecutiveFailures,omitempty"`
	// NextAllowed is when the workflow may run on the target again, as far as time decides that.
	NextAllowed time.Time `json:"nextAllowed,omitzero"`
	// Blocks is why the workflow may not run on the target at all until a person has cleared this
	// execution, or deleted it; empty if it does not block.
	Blocks v1alpha1.SkipReason `json:"blocks,omitempty"`
}

// DecodeLedger reads what Ledger.Encode wrote. It refuses values that it does not understand: to forget
// a block is worse than to ask a person. Fields that it does not know are those of a later version, whose
// entries have to keep their targets usable after a way back.
func DecodeLedger(text string) (Ledger, error) {
	var ledger Ledger
	if err := json.Unmarshal([]byte(text), &ledger); err != nil {
		return nil, err
	}
	if ledger == nil {
		return nil, fmt.Errorf("%q is not an object", text)
	}
	for workflowID, entry := range ledger {
		if err := entry.validate(); err != nil {
			return nil, fmt.Errorf("workflow %q: %w", workflowID, err)
		}
	}
	return ledger, nil
}

// Encode is deterministic.
func (l Ledger) Encode() (string, error) {
	text, err := json.Marshal(l)
	return string(text), err
}

func (e *Entry) validate() error {
	switch {
	case e.Execution == Holder{}:
		return fmt.Errorf("names no execution")
	case e.Outcome != v1alpha1.PhaseCompleted && e.Outcome != v1alpha1.PhaseFailed:
		return fmt.Errorf("outcome %q is neither Completed nor Failed", e.Outcome)
	case e.Blocks != "" && e.Blocks != v1alpha1.SkipPreviousExecutionFailed && e.Blocks != v1alpha1.SkipExhaustedRetries:
		return fmt.Errorf("blocks for the unknown reason %q", e.Blocks)
	case e.ConsecutiveFailures < 0:
		return fmt.Errorf("%d consecutive failures are too few", e.ConsecutiveFailures)
	case e.CompletedAt.IsZero():
		return fmt.Errorf("does not say when the execution completed")
	}
	return nil
}

// Waits tells how long the workflow still has to wait, 0 if time does not hold it back.
func (e *Entry) Waits(now time.Time) time.Duration {
	return max(0, e.NextAllowed.Sub(now))
}

// Outlives tells whether the entry matters as long as its execution exists, however late it is: it
// blocks, or it is a failure that the next one counts on from.
func (e *Entry) Outlives() bool {
	return e.Blocks != "" || e.ConsecutiveFailures > 0
}

// Prune drops what does not matter any more, and tells when the next entry will be dropped by time,
// zero if none. An execution that is gone neither blocks nor counts; how to find that out is the
// caller's, who may say false as long as it does not know.
func (l Ledger) Prune(now time.Time, isGone func(Holder) bool) (next time.Time) {
	for workflowID, entry := range l {
		if entry.Outlives() {
			if !isGone(entry.Execution) {
				continue
			}
			entry.Blocks, entry.ConsecutiveFailures = "", 0
			l[workflowID] = entry
		}
		switch {
		case entry.Waits(now) == 0:
			delete(l, workflowID)
		case next.IsZero() || entry.NextAllowed.Before(next):
			next = entry.NextAllowed
		}
	}
	return next
}

// expire drops what time alone has made void.
func (l Ledger) expire(now time.Time) {
	l.Prune(now, func(Holder) bool { return false })
}

// IsFull tells whether there is room for no further workflow, because too many block. Decide does not let one run
// then: it might end in one block more.
func (l Ledger) IsFull() bool {
	blocks := 0
	for _, entry := range l {
		if entry.Blocks != "" {
			blocks++
		}
	}
	return blocks >= maxEntries
}

// limit drops the entries that matter least: expired ones first, then those that end soonest. One that blocks
// is never dropped, even where a ledger that somebody has edited outgrows the limit.
func (l Ledger) limit(now time.Time, keep string) {
	ids := slices.DeleteFunc(slices.Collect(maps.Keys(l)), func(id string) bool { return id == keep || l[id].Blocks != "" })
	slices.SortFunc(ids, func(a, b string) int {
		x, y := l[a], l[b]
		return cmp.Or(
			compareBool(x.Waits(now) > 0, y.Waits(now) > 0),
			compareBool(x.Outlives(), y.Outlives()),
			x.NextAllowed.Compare(y.NextAllowed),
			x.CompletedAt.Compare(y.CompletedAt),
			cmp.Compare(a, b))
	})
	for _, id := range ids[:min(len(ids), max(0, len(l)-maxEntries))] {
		delete(l, id)
	}
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}
