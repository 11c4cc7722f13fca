// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package testing

import (
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution"
	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/pkg/targetlock"
)

// FreeLease is the Lease of Target while nobody holds it. Facts say what it remembers.
func FreeLease(facts ...func(*coordinationv1.Lease)) *coordinationv1.Lease {
	lease := LockLease(Execution("nobody/nobody"), 0)
	lease.Spec = coordinationv1.LeaseSpec{}
	delete(lease.Annotations, workflowexecution.WorkflowIDAnnotation)
	delete(lease.Annotations, workflowexecution.RunNamespaceAnnotation)
	for _, fact := range facts {
		fact(lease)
	}
	return lease
}

// Ledger is what the Lease remembers, as it is written there.
func Ledger(text string) func(*coordinationv1.Lease) {
	return func(lease *coordinationv1.Lease) { lease.Annotations[workflowexecution.LedgerAnnotation] = text }
}

// Remembers adds what the Lease remembers of a workflow.
func Remembers(workflowID string, entry targetlock.Entry) func(*coordinationv1.Lease) {
	return func(lease *coordinationv1.Lease) {
		ledger := targetlock.Ledger{}
		if text, found := lease.Annotations[workflowexecution.LedgerAnnotation]; found {
			ledger = must(targetlock.DecodeLedger(text))
		}
		ledger[workflowID] = entry
		lease.Annotations[workflowexecution.LedgerAnnotation] = must(ledger.Encode())
	}
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// EntryFact is a fact of which the ledger knows.
type EntryFact func(*targetlock.Entry)

// Entry is what a ledger says of an execution that completed that long ago. Facts say what follows.
func Entry(wfe *v1alpha1.WorkflowExecution, ago time.Duration, facts ...EntryFact) targetlock.Entry {
	entry := targetlock.Entry{
		Execution: targetlock.Holder{Namespace: wfe.Namespace, Name: wfe.Name, UID: wfe.UID},
		Outcome:   v1alpha1.PhaseCompleted, Ran: true, CompletedAt: Ago(ago).UTC(), ReleasedAt: Ago(ago).UTC(),
	}
	for _, fact := range facts {
		fact(&entry)
	}
	return entry
}

// FreedAgo is when its target was freed, that long ago.
func FreedAgo(ago time.Duration) EntryFact {
	return func(entry *targetlock.Entry) { entry.ReleasedAt = Ago(ago).UTC() }
}

// FailedFor ran and failed.
func FailedFor(reason v1alpha1.FailureReason, message string) EntryFact {
	return func(entry *targetlock.Entry) {
		entry.Outcome, entry.Reason, entry.Message = v1alpha1.PhaseFailed, reason, message
	}
}

// NeverRan failed before anything ran, for the n-th time in a row.
func NeverRan(n int32, reason v1alpha1.FailureReason, message string) EntryFact {
	return func(entry *targetlock.Entry) {
		FailedFor(reason, message)(entry)
		entry.Ran, entry.ConsecutiveFailures = false, n
	}
}

// Until is when its workflow may run again, that long from Now.
func Until(d time.Duration) EntryFact {
	return func(entry *targetlock.Entry) { entry.NextAllowed = Now().Add(d) }
}

// Blocks its workflow until a person has looked.
func Blocks(reason v1alpha1.SkipReason) EntryFact {
	return func(entry *targetlock.Entry) { entry.Blocks = reason }
}
