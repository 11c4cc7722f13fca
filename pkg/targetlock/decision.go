// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package targetlock

import (
	"fmt"
	"time"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
)

// Verdict is the kind of a decision.
type Verdict string

const (
	// Free means that the claim may take the target.
	Free Verdict = "Free"
	// Held means that the claim has it already: that is how a restarted controller finds its own lock.
	Held Verdict = "Held"
	// Spent means that the execution has had its run on the target. It must never get another one.
	Spent Verdict = "Spent"
	// Busy means that another execution has the target.
	Busy Verdict = "Busy"
	// NotAgain means that what the ledger says of the workflow keeps it from the target.
	NotAgain Verdict = "NotAgain"
	// Unreadable means that nobody can tell what the ledger says.
	Unreadable Verdict = "Unreadable"
	// Full means that the ledger has no room for another workflow: all its entries block.
	Full Verdict = "Full"
)

// Facts are what a decision rests on beside the lock itself, each as the API server has it.
type Facts struct {
	// Running is an execution whose run on the target has not ended though the Lease does not say so:
	// somebody has deleted or edited the Lease.
	Running *Conflict
	// Cleared is an execution whose block a person has cleared.
	Cleared Holder
	// Gone is an execution that was deleted, and with it its block. How long the workflow has to wait
	// after it stays as it was.
	Gone Holder
}

// Decision answers a claim.
type Decision struct {
	Verdict Verdict
	// Conflict is who has the target instead (Busy).
	Conflict *Conflict
	// Entry is the one that speaks against the claim (NotAgain), or the claim's own (Spent).
	Entry Entry
	// Skip is the reason of Busy and NotAgain.
	Skip v1alpha1.SkipReason
	// Remaining is how long the workflow has to wait (NotAgain), 0 if time alone does not help.
	Remaining time.Duration
	// Err is what is wrong with the ledger (Unreadable).
	Err error
}

// Decide answers a claim on a target: the table in docs/design.md, "Decisions", in its order.
func Decide(lock *Lock, claim Claim, facts Facts, now time.Time) Decision {
	if lock.isHeldBy(claim.Holder) {
		return DecideHeld(facts)
	}
	entry, known := lock.Ledger[claim.WorkflowID]
	switch {
	case known && entry.Execution == claim.Holder:
		return Decision{Verdict: Spent, Entry: entry}
	case lock.Holder != nil:
		return busy(lock.Holder)
	case facts.Running != nil:
		return busy(facts.Running)
	case lock.LedgerErr != nil:
		return Decision{Verdict: Unreadable, Err: fmt.Errorf("the ledger cannot be read: %w", lock.LedgerErr)}
	case !known && lock.Ledger.IsFull():
		return Decision{Verdict: Full}
	case !known:
		return Decision{Verdict: Free}
	}
	return mayRunAgain(entry, facts, now)
}

// DecideHeld answers a claim that has its target, as the Lease says it. It believes the Lease unless
// another execution runs on the target: somebody has edited the Lease then, or deleted it under that
// one. The lock stays as it is, for whoever frees the targets of dead holders.
func DecideHeld(facts Facts) Decision {
	if facts.Running != nil {
		return busy(facts.Running)
	}
	return Decision{Verdict: Held}
}

func busy(by *Conflict) Decision {
	return Decision{Verdict: Busy, Conflict: by, Skip: v1alpha1.SkipResourceBusy}
}

// mayRunAgain tells whether a workflow may run again on a target after that entry.
func mayRunAgain(entry Entry, facts Facts, now time.Time) Decision {
	refusal := Decision{Verdict: NotAgain, Entry: entry, Remaining: entry.Waits(now)}
	switch {
	case entry.Blocks != "" && entry.Execution == facts.Cleared:
		return Decision{Verdict: Free}
	case entry.Blocks != "" && entry.Execution != facts.Gone:
		refusal.Skip, refusal.Remaining = entry.Blocks, 0
		return refusal
	case refusal.Remaining > 0:
		refusal.Skip = v1alpha1.SkipRecentlyRemediated
		return refusal
	}
	return Decision{Verdict: Free}
}
