// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package targetlock

import (
	"context"
	"time"
)

// Released is what came of a release.
type Released struct {
	// At is when the target was freed, in whole seconds. It is zero if that is not known: the claim did not hold the
	// target any more, and the ledger says nothing of it.
	At time.Time
	// Entry is what the ledger says of the execution, nil if nothing.
	Entry *Entry
}

// Release frees the target if the claim holds it, and remembers in the same write how its execution
// ended; a nil outcome is one of which nothing is to be remembered. Whoever calls it has made sure
// that nothing of the claim's run can run any more. To repeat it changes nothing, and says what the
// first one said as far as the ledger remembers that.
func (s *Store) Release(ctx context.Context, claim Claim, outcome *Outcome, policy Policy) (released Released, err error) {
	err = s.change(ctx, claim.Target, func(lock *Lock) (err error) {
		released, err = s.release(ctx, lock, claim, outcome, policy)
		return err
	})
	return released, err
}

func (s *Store) release(ctx context.Context, lock *Lock, claim Claim, outcome *Outcome, policy Policy) (Released, error) {
	isHeld := lock.isHeldBy(claim.Holder)
	entry, isNew := lock.Ledger.next(claim, outcome, policy, isHeld)
	if !isHeld && (!isNew || lock.Holder != nil || !entry.mattersAt(s.clock.Now())) {
		// Released before, or taken over. What somebody else has noted since stays.
		return lock.Ledger.own(claim).released(), nil
	}
	released := Released{At: s.clock.Now().UTC().Truncate(time.Second), Entry: entry}
	// A lock that is free already was freed by hand. What it is to remember counts all the same.
	lease := newLease(s.namespace, claim.Target)
	if lock.Exists() {
		lease = lock.lease.DeepCopy()
	}
	clearHolder(lease)
	if isNew && lock.LedgerErr == nil {
		entry.ReleasedAt = released.At
		if err := lock.Ledger.with(claim.WorkflowID, *entry, s.clock.Now()).write(lease); err != nil {
			return Released{}, err
		}
	}
	if !lock.Exists() {
		return released, s.create(ctx, lease, claim.Target)
	}
	return released, s.put(ctx, lease, "free the lease", claim.Target)
}

// released is what an entry tells of its execution's release; a nil one tells nothing.
func (e *Entry) released() Released {
	if e == nil {
		return Released{}
	}
	return Released{At: e.ReleasedAt, Entry: e}
}

// next is the entry of the claim's execution, and whether it is not in the ledger yet. It never
// replaces the entry of a later execution. The one that holds the target is the latest, whatever time
// it had when the one before it completed: clocks differ, and are set.
func (l Ledger) next(claim Claim, outcome *Outcome, policy Policy, isHeld bool) (entry *Entry, isNew bool) {
	previous := l[claim.WorkflowID]
	if outcome == nil || previous.Execution == claim.Holder || !isHeld && previous.CompletedAt.After(outcome.CompletedAt) {
		return l.own(claim), false
	}
	e := policy.Entry(previous, claim.Holder, *outcome)
	return &e, true
}

func (l Ledger) own(claim Claim) *Entry {
	if entry, known := l[claim.WorkflowID]; known && entry.Execution == claim.Holder {
		return &entry
	}
	return nil
}

func (e *Entry) mattersAt(now time.Time) bool {
	return e.Outlives() || e.Waits(now) > 0
}

// with adds an entry, drops those that time has made void, and keeps the ledger within its limit.
func (l Ledger) with(workflowID string, entry Entry, now time.Time) Ledger {
	l.expire(now)
	l[workflowID] = entry
	l.limit(now, workflowID)
	return l
}
