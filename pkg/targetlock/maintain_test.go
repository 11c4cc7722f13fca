// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package targetlock

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution"
	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
)

func nobodyIsGone(Holder) bool { return false }

func everybodyIsGone(Holder) bool { return true }

func TestLift(t *testing.T) {
	for name, tc := range map[string]struct {
		cleared bool
		after   time.Duration
		want    Decision
		isLeft  bool
	}{
		"cleared": {cleared: true, want: Decision{Verdict: Free}},
		"deleted": {isLeft: true, want: Decision{
			Verdict: NotAgain, Skip: v1alpha1.SkipRecentlyRemediated, Remaining: 5 * time.Minute,
		}},
		"deleted after the cooldown": {after: 5 * time.Minute, want: Decision{Verdict: Free}},
	} {
		t.Run(name, func(t *testing.T) {
			server := newAPIServer()
			acquire(t, server.store(noon), by("a"))
			release(t, server.store(noon), by("a"), failed(noon, true))
			s := server.store(noon.Add(tc.after))
			if lifted, err := s.Lift(t.Context(), by("a"), tc.cleared); !lifted || err != nil {
				t.Errorf("Lift() = %v, %v", lifted, err)
			}
			got := decide(t, s, by("b"))
			got.Entry = Entry{}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error("(-want, +got):", diff)
			}
			if left := server.lease(target); (left != nil) != tc.isLeft {
				t.Error("left is", left)
			}
			server.requests = nil
			if lifted, err := s.Lift(t.Context(), by("a"), tc.cleared); lifted || err != nil || !slices.Equal(server.requests, []string{"get"}) {
				t.Errorf("the second time: Lift() = %v, %v after %v", lifted, err, server.requests)
			}
		})
	}
}

func TestLiftLeavesHolderAndOthersAlone(t *testing.T) {
	server := newAPIServer()
	s := server.store(noon)
	acquire(t, s, by("x").of("scale"))
	release(t, s, by("x").of("scale"), failed(noon, true))
	acquire(t, s, by("y").of("drain"))
	release(t, s, by("y").of("drain"), failed(noon, true))
	acquire(t, s, by("a"))
	want := server.lease(target)
	if lifted, err := s.Lift(t.Context(), by("x").of("scale"), true); !lifted || err != nil {
		t.Errorf("Lift() = %v, %v", lifted, err)
	}
	got := server.lease(target)
	want.ResourceVersion, want.Annotations[workflowexecution.LedgerAnnotation] = got.ResourceVersion, got.Annotations[workflowexecution.LedgerAnnotation]
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error("(-want, +got):", diff)
	}
	wantLedger := Ledger{"drain": failedEntry(by("y"), noon)}
	if diff := cmp.Diff(wantLedger, remembered(t, server)); diff != "" {
		t.Error("(-want, +got):", diff)
	}
}

func TestNothingToLift(t *testing.T) {
	for name, given := range map[string]func(*testing.T, *Store){
		"no lease":          func(*testing.T, *Store) {},
		"completed":         func(t *testing.T, s *Store) { release(t, s, by("a"), completed(noon)) },
		"another's block":   func(t *testing.T, s *Store) { release(t, s, by("b"), failed(noon, true)) },
		"waits for a while": func(t *testing.T, s *Store) { release(t, s, by("a"), failed(noon, false)) },
		"held":              func(t *testing.T, s *Store) { acquire(t, s, by("a")) },
	} {
		t.Run(name, func(t *testing.T) {
			server := newAPIServer()
			s := server.store(noon)
			given(t, s)
			before := server.lease(target)
			if lifted, err := s.Lift(t.Context(), by("a"), true); lifted || err != nil {
				t.Errorf("Lift() = %v, %v", lifted, err)
			}
			if diff := cmp.Diff(before, server.lease(target)); diff != "" {
				t.Error("it was changed:", diff)
			}
		})
	}
}

func TestLiftWhileTheLeaseChanges(t *testing.T) {
	server := newAPIServer()
	s := server.store(noon)
	release(t, s, by("a"), failed(noon, true))
	server.before["delete"] = func() { acquire(t, s, by("b").of("scale")) }
	if lifted, err := s.Lift(t.Context(), by("a"), true); !lifted || err != nil {
		t.Errorf("Lift() = %v, %v", lifted, err)
	}
	if !mayStart(t, s, by("b").of("scale")) || len(remembered(t, server)) > 0 {
		t.Error("left is", server.lease(target))
	}
}

func prune(t *testing.T, server *apiServer, at time.Time, isGone func(Holder) bool) time.Time {
	t.Helper()
	next, err := server.store(at).Prune(t.Context(), server.lease(target), isGone)
	if err != nil {
		t.Fatal("Prune() =", err)
	}
	return next
}

func TestPruneForgetsEachEntryWhenItIsDue(t *testing.T) {
	server := newAPIServer()
	s := server.store(noon)
	release(t, s, by("a").of("first"), completed(noon))
	release(t, s, by("b").of("second"), completed(noon.Add(time.Minute)))
	release(t, s, by("c").of("blocked"), failed(noon, true))
	server.requests = nil
	if next := prune(t, server, noon, nobodyIsGone); next != noon.Add(5*time.Minute) || len(server.requests) > 0 {
		t.Errorf("Prune() = %v after %v", next, server.requests)
	}
	if next := prune(t, server, noon.Add(5*time.Minute-1), nobodyIsGone); next != noon.Add(5*time.Minute) || len(server.requests) > 0 {
		t.Errorf("a moment too early: Prune() = %v after %v", next, server.requests)
	}
	if next := prune(t, server, noon.Add(5*time.Minute), nobodyIsGone); next != noon.Add(6*time.Minute) {
		t.Errorf("Prune() = %v", next)
	}
	if got := remembered(t, server); len(got) != 2 || got["second"].Outcome == "" || got["blocked"].Blocks == "" {
		t.Errorf("it remembers %+v", got)
	}
	if next := prune(t, server, noon.Add(100*time.Hour), nobodyIsGone); !next.IsZero() {
		t.Errorf("a block is not due, and Prune() = %v", next)
	}
	if got := remembered(t, server); len(got) != 1 || got["blocked"].Blocks == "" {
		t.Errorf("it remembers %+v", got)
	}
	server.requests = nil
	if next := prune(t, server, noon.Add(100*time.Hour), everybodyIsGone); !next.IsZero() || server.lease(target) != nil {
		t.Errorf("Prune() = %v, left %v", next, server.lease(target))
	}
	if !slices.Equal(server.requests, []string{"delete"}) {
		t.Errorf("asked for %v", server.requests)
	}
}

func TestPruneOfABlockWhoseExecutionIsGone(t *testing.T) {
	server := newAPIServer()
	release(t, server.store(noon), by("a"), failed(noon, true))
	if next := prune(t, server, noon, everybodyIsGone); next != noon.Add(5*time.Minute) {
		t.Errorf("Prune() = %v", next)
	}
	want := failedEntry(by("a"), noon)
	want.Blocks = ""
	if diff := cmp.Diff(Ledger{"restart": want}, remembered(t, server)); diff != "" {
		t.Error("(-want, +got):", diff)
	}
}

func TestPruneDeletesWhatRemembersNothing(t *testing.T) {
	server := newAPIServer()
	acquire(t, server.store(noon), by("a"))
	lease := server.lease(target)
	lease.Spec.HolderIdentity = new("")
	server.put(lease)
	if next := prune(t, server, noon, nobodyIsGone); !next.IsZero() || server.lease(target) != nil {
		t.Errorf("Prune() = %v, left %v", next, server.lease(target))
	}
}

func TestPruneLeavesAHeldLeaseHeld(t *testing.T) {
	server := newAPIServer()
	s := server.store(noon)
	acquire(t, s, by("a"))
	server.requests = nil
	if next := prune(t, server, noon, everybodyIsGone); !next.IsZero() || len(server.requests) > 0 {
		t.Errorf("Prune() = %v after %v", next, server.requests)
	}
	release(t, s, by("a"), completed(noon))
	acquire(t, s, by("b").of("scale"))
	want := server.lease(target)
	prune(t, server, noon.Add(time.Hour), everybodyIsGone)
	got := server.lease(target)
	want.ResourceVersion = got.ResourceVersion
	delete(want.Annotations, workflowexecution.LedgerAnnotation)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error("(-want, +got):", diff)
	}
}

func TestPruneOfAnOldCopy(t *testing.T) {
	server := newAPIServer()
	s := server.store(noon)
	release(t, s, by("a"), completed(noon))
	old := server.lease(target)
	acquire(t, s, by("b").of("scale"))
	_, err := server.store(noon.Add(time.Hour)).Prune(t.Context(), old, nobodyIsGone)
	wantChanged(t, err)
	if !mayStart(t, s, by("b").of("scale")) {
		t.Error("the holder has lost its lock")
	}
}

func TestDiscard(t *testing.T) {
	server := newAPIServer()
	s := server.store(noon)
	acquire(t, s, by("a"))
	lease := server.lease(target)
	lease.Spec.HolderIdentity = new("somebody")
	server.put(lease)
	old := server.lease(target)
	server.put(old)
	wantChanged(t, s.Discard(t.Context(), old))
	if err := s.Discard(t.Context(), server.lease(target)); err != nil || server.lease(target) != nil {
		t.Errorf("Discard() = %v, left %v", err, server.lease(target))
	}
	release(t, s, by("a"), failed(noon, true))
	want := remembered(t, server)
	lease = server.lease(target)
	lease.Spec.HolderIdentity = new("somebody")
	server.put(lease)
	if err := s.Discard(t.Context(), server.lease(target)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, remembered(t, server)); diff != "" || !isFree(server.lease(target)) {
		t.Error("(-want, +got):", diff)
	}
}
