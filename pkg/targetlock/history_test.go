// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package targetlock

import (
	"fmt"
	"slices"
	"time"
)

// history is the reference: it keeps all that ever happened on a target, the latest last, and looks it
// through for each answer. It carries no counters, and no dates that follow from others.
type history []*ending

// ending is how an execution ended, and what became of it.
type ending struct {
	workflow string
	claim    Claim
	at       time.Time

	succeeded, ran, deleted bool
	cleared, gone           bool
	// lifted: it keeps nobody from the target any more, and is not counted. dropped: nobody knows of it.
	lifted, dropped bool
}

// couldNotRun tells whether it is one of the failures that are counted.
func (e *ending) couldNotRun() bool { return !e.succeeded && !e.ran && !e.deleted }

// of is what is known of one workflow, the latest first.
func (h history) of(workflow string) history {
	var known history
	for _, e := range slices.Backward(h) {
		if e.workflow == workflow && e.dropped {
			break
		}
		if e.workflow == workflow {
			known = append(known, e)
		}
	}
	return known
}

// failures are those that are counted, up to the latest. What blocks is the last of its row.
func (h history) failures() int {
	count := 0
	for _, e := range h {
		if e.succeeded || e.lifted || e.ran && !e.deleted {
			break
		}
		if e.couldNotRun() {
			count++
		}
	}
	return count
}

// isBlock tells whether the latest is one that has to be cleared. Every third failure is.
func (h history) isBlock() bool {
	e := h[0]
	return !e.succeeded && !e.deleted && (e.ran || !e.lifted && h.failures()%3 == 0)
}

// lasts tells whether the latest matters however late it is.
func (h history) lasts() bool {
	return !h[0].lifted && !h[0].succeeded && (h.isBlock() || h.failures()%3 != 0)
}

// freeAt is when time alone would let the workflow run again.
func (h history) freeAt() time.Time {
	wait := 5 * time.Minute
	if h[0].cleared && h[0].lifted {
		return time.Time{}
	}
	if h[0].couldNotRun() {
		wait = []time.Duration{time.Minute, 2 * time.Minute, 4 * time.Minute}[h[1:].failures()%3]
	}
	until := h[0].at.Add(wait)
	if second := until.Truncate(time.Second); second.Before(until) {
		return second.Add(time.Second)
	}
	return until
}

// answer is the table in docs/design.md, "Decisions", for a target that nobody holds.
func (h history) answer(workflow string, now time.Time) string {
	known := h.of(workflow)
	if len(known) == 0 || known[0].cleared {
		return "run"
	}
	if last := known[0]; known.isBlock() && !last.lifted && !last.gone {
		return map[bool]string{true: "PreviousExecutionFailed", false: "ExhaustedRetries"}[last.ran]
	}
	if until := known.freeAt(); now.Before(until) {
		return fmt.Sprint("RecentlyRemediated for ", until.Sub(now))
	}
	return "run"
}

// lift ends a block, as far as it is known.
func (h history) lift(e *ending, now time.Time) bool {
	known := h.of(e.workflow)
	if len(known) == 0 || known[0] != e || e.lifted || !known.isBlock() {
		return false
	}
	e.lifted = true
	h.sweep(now, false, "")
	return true
}

// sweep drops what time has made void, and if it is known who is gone, what only mattered as long as
// that one was there.
func (h history) sweep(now time.Time, knowsWhoIsGone bool, except string) {
	for _, workflow := range workflows {
		known := h.of(workflow)
		if len(known) == 0 || workflow == except {
			continue
		}
		if known.lasts() {
			if !knowsWhoIsGone || !known[0].gone {
				continue
			}
			known[0].lifted = true
		}
		known[0].dropped = !now.Before(known.freeAt())
	}
}
