// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package targetlock

import (
	"errors"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	"k8s.io/apimachinery/pkg/types"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution"
	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
)

const target = "payment/deployments.apps/api"

var (
	noon   = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	policy = Policy{Cooldown: 5 * time.Minute, BackoffBase: time.Minute, BackoffMax: 10 * time.Minute, MaxConsecutiveFailures: 3}
)

// by is the claim of an execution, which differs from others in its UID only: names come back.
func by(uid types.UID) Claim {
	return Claim{
		Target: target, Holder: Holder{Namespace: "payment", Name: "fix", UID: uid},
		WorkflowID: "restart", RunNamespace: "kubernaut-workflows",
	}
}

func (c Claim) of(workflowID string) Claim {
	c.WorkflowID = workflowID
	return c
}

func completed(at time.Time) *Outcome {
	return &Outcome{Phase: v1alpha1.PhaseCompleted, Ran: true, CompletedAt: at}
}

func failed(at time.Time, ran bool) *Outcome {
	return &Outcome{Phase: v1alpha1.PhaseFailed, Reason: v1alpha1.FailureTaskFailed, Message: "exit code 1", Ran: ran, CompletedAt: at}
}

func look(t *testing.T, s *Store) *Lock {
	t.Helper()
	lock, err := s.Look(t.Context(), target)
	if err != nil {
		t.Fatal("Look() =", err)
	}
	return lock
}

// decide answers a claim by what the API server has.
func decide(t *testing.T, s *Store, claim Claim) Decision {
	t.Helper()
	return Decide(look(t, s), claim, Facts{}, s.clock.Now())
}

func acquire(t *testing.T, s *Store, claim Claim) {
	t.Helper()
	lock, err := s.Look(t.Context(), claim.Target)
	if err != nil {
		t.Fatal("Look() =", err)
	}
	if decision := Decide(lock, claim, Facts{}, s.clock.Now()); decision.Verdict != Free {
		t.Fatalf("Decide() = %+v", decision)
	}
	if err := s.Take(t.Context(), lock, claim); err != nil {
		t.Fatal("Take() =", err)
	}
}

func release(t *testing.T, s *Store, claim Claim, outcome *Outcome) *Entry {
	t.Helper()
	released, err := s.Release(t.Context(), claim, outcome, policy)
	if err != nil {
		t.Fatal("Release() =", err)
	}
	return released.Entry
}

func mayStart(t *testing.T, s *Store, claim Claim) bool {
	t.Helper()
	may, err := s.MayStart(t.Context(), claim)
	if err != nil {
		t.Fatal("MayStart() =", err)
	}
	return may
}

func wantChanged(t *testing.T, err error) {
	t.Helper()
	if !errors.Is(err, ErrChanged) {
		t.Errorf("got %v, want %v", err, ErrChanged)
	}
}

// leaseWith is a Lease with what is needed for a decision.
func leaseWith(ledger, identity string) *coordinationv1.Lease {
	lease := newLease(lockNamespace, target)
	lease.Annotations[workflowexecution.LedgerAnnotation] = ledger
	lease.Spec.HolderIdentity = &identity
	return lease
}
