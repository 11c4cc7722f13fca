// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package targetlock

import (
	"context"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
)

// Lift ends the block of an execution in the ledger of a target. One that was cleared by a person
// does not make its workflow wait any longer either; one that was deleted does. It tells whether
// there was a block to lift. Holder and run of the target are left alone.
func (s *Store) Lift(ctx context.Context, claim Claim, cleared bool) (lifted bool, err error) {
	err = s.change(ctx, claim.Target, func(lock *Lock) error {
		entry := lock.Ledger.own(claim)
		if lifted = entry != nil && entry.Blocks != ""; !lifted {
			return nil
		}
		entry.Blocks, entry.ConsecutiveFailures = "", 0
		if cleared {
			entry.NextAllowed = time.Time{}
		}
		lock.Ledger[claim.WorkflowID] = *entry
		lock.Ledger.expire(s.clock.Now())
		return s.putLedger(ctx, lock, "write the ledger")
	})
	return lifted, err
}

func (s *Store) putLedger(ctx context.Context, lock *Lock, what string) error {
	lease := lock.lease.DeepCopy()
	if err := lock.Ledger.write(lease); err != nil {
		return err
	}
	return s.put(ctx, lease, what, lock.Target())
}

// Discard frees a target whose holder names no execution. What the ledger remembers stays. The lease may
// come from a cache, as for Prune.
func (s *Store) Discard(ctx context.Context, lease *coordinationv1.Lease) error {
	copied := lease.DeepCopy()
	clearHolder(copied)
	return s.put(ctx, copied, "free the lease", LockOf(lease).Target())
}

// Prune drops from a lease what it need not remember any more, and the whole lease if that is all of
// it. It tells when the next entry is due, zero if none. The lease may come from a cache: the write
// fails with ErrChanged if it is old.
func (s *Store) Prune(ctx context.Context, lease *coordinationv1.Lease, isGone func(Holder) bool) (next time.Time, err error) {
	lock := LockOf(lease)
	if lock.LedgerErr != nil {
		return time.Time{}, nil //nolint:nilerr // a person has to repair it, to try again does not help
	}
	before, err := lock.Ledger.Encode()
	if err != nil {
		return time.Time{}, err
	}
	next = lock.Ledger.Prune(s.clock.Now(), isGone)
	after, err := lock.Ledger.Encode()
	if err != nil || before == after && (len(lock.Ledger) > 0 || !isFree(lease)) {
		return next, err
	}
	return next, s.putLedger(ctx, lock, "prune the lease")
}
