// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package targetlock

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution"
	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
)

// remembered is the ledger of the target.
func remembered(t *testing.T, server *apiServer) Ledger {
	t.Helper()
	lock := LockOf(server.lease(target))
	if lock.LedgerErr != nil {
		t.Fatal(lock.LedgerErr)
	}
	return lock.Ledger
}

func failedEntry(execution Claim, at time.Time) Entry {
	return Entry{
		Execution: execution.Holder, Outcome: v1alpha1.PhaseFailed, Reason: v1alpha1.FailureTaskFailed, Message: "exit code 1", Ran: true,
		CompletedAt: at, ReleasedAt: at, NextAllowed: at.Add(5 * time.Minute), Blocks: v1alpha1.SkipPreviousExecutionFailed,
	}
}

func TestReleaseFreesAndRemembersInOneWrite(t *testing.T) {
	server := newAPIServer()
	s := server.store(noon)
	acquire(t, s, by("a"))
	if err := s.Fence(t.Context(), by("a")); err != nil {
		t.Fatal(err)
	}
	server.requests = nil
	entry := release(t, s, by("a"), failed(noon, true))
	if want := []string{"get", "update"}; !slices.Equal(server.requests, want) {
		t.Errorf("asked for %v, want %v", server.requests, want)
	}
	want := heldLease()
	want.ResourceVersion = "3"
	want.Spec = coordinationv1.LeaseSpec{}
	want.Annotations = map[string]string{
		"kubernaut.ai/target-resource": "payment/deployments.apps/api",
		"kubernaut.ai/ledger": `{"restart":{"execution":"payment/fix/a","outcome":"Failed","reason":"TaskFailed","message":"exit code 1",` +
			`"ran":true,"completedAt":"2026-03-01T12:00:00Z","releasedAt":"2026-03-01T12:00:00Z","nextAllowed":"2026-03-01T12:05:00Z","blocks":"PreviousExecutionFailed"}}`,
	}
	if diff := cmp.Diff(want, server.lease(target)); diff != "" {
		t.Error("(-want, +got):", diff)
	}
	if diff := cmp.Diff(new(failedEntry(by("a"), noon)), entry); diff != "" {
		t.Error("Release() (-want, +got):", diff)
	}
}

func TestOrdinaryExecutionWritesItsLeaseTwice(t *testing.T) {
	server := newAPIServer()
	s := server.store(noon)
	acquire(t, s, by("a"))
	mayStart(t, s, by("a"))
	release(t, s, by("a"), completed(noon))
	if want := []string{"get", "create", "get", "get", "update"}; !slices.Equal(server.requests, want) {
		t.Errorf("asked for %v, want %v", server.requests, want)
	}
}

func TestReleaseOfWhatIsNotToBeRememberedDeletesTheLease(t *testing.T) {
	server := newAPIServer()
	s := server.store(noon)
	acquire(t, s, by("a"))
	server.requests = nil
	if entry := release(t, s, by("a"), nil); entry != nil || server.lease(target) != nil {
		t.Errorf("Release() = %+v, left %v", entry, server.lease(target))
	}
	if want := []string{"get", "delete"}; !slices.Equal(server.requests, want) {
		t.Errorf("asked for %v, want %v", server.requests, want)
	}
	wantOptions := metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: new(types.UID("lease-1")), ResourceVersion: new("1")}}
	if diff := cmp.Diff(wantOptions, server.deletions[0]); diff != "" {
		t.Error("(-want, +got):", diff)
	}
	release(t, s, by("a"), nil)
	acquire(t, s, by("b"))
	release(t, s, by("a"), nil)
	if !mayStart(t, s, by("b")) {
		t.Error("a late release took the lock of the next execution")
	}
}

func TestReleaseWithoutAnOutcomeKeepsWhatIsRemembered(t *testing.T) {
	server := newAPIServer()
	s := server.store(noon)
	acquire(t, s, by("x").of("scale"))
	release(t, s, by("x").of("scale"), failed(noon, true))
	before := remembered(t, server)
	acquire(t, s, by("a"))
	release(t, s, by("a"), nil)
	if diff := cmp.Diff(before, remembered(t, server)); diff != "" || len(before) != 1 {
		t.Error("(-want, +got):", diff)
	}
}

// Between reading and deleting, another replica frees the target and others take it.
func TestReleaseWhileTheLeaseChangesHands(t *testing.T) {
	for name, outcome := range map[string]*Outcome{"delete": nil, "update": failed(noon, true)} {
		t.Run(name, func(t *testing.T) {
			server := newAPIServer()
			s := server.store(noon)
			acquire(t, s, by("a"))
			server.before[name] = func() {
				release(t, s, by("a"), nil)
				acquire(t, s, by("b"))
			}
			if entry := release(t, s, by("a"), outcome); entry != nil {
				t.Errorf("Release() = %+v, and nobody has noted that", entry)
			}
			if !mayStart(t, s, by("b")) || len(remembered(t, server)) > 0 {
				t.Error("it changed the lease of the new holder:", server.lease(target))
			}
		})
	}
}

// A Lease of the same name, created anew, is another one: the preconditions have to say which is meant.
func TestReleaseDeletesOnlyTheLeaseThatItRead(t *testing.T) {
	for name, change := range map[string]func(*coordinationv1.Lease){
		"another lease":   func(lease *coordinationv1.Lease) { lease.UID = "another" },
		"another version": func(*coordinationv1.Lease) {},
	} {
		t.Run(name, func(t *testing.T) {
			server := newAPIServer()
			s := server.store(noon)
			acquire(t, s, by("a"))
			server.before["delete"] = func() {
				lease := server.lease(target)
				lease.Spec.HolderIdentity = new("payment/fix/b")
				change(lease)
				server.put(lease)
			}
			release(t, s, by("a"), nil)
			if !mayStart(t, s, by("b")) {
				t.Error("the new holder has lost its lock")
			}
		})
	}
}

func TestReleaseWhileTheLeaseVanishes(t *testing.T) {
	server := newAPIServer()
	s := server.store(noon)
	acquire(t, s, by("a"))
	server.before["delete"] = func() { server.remove(target) }
	release(t, s, by("a"), nil)
	acquire(t, s, by("a"))
	server.before["update"] = func() { server.remove(target) }
	release(t, s, by("a"), failed(noon, true))
	if diff := cmp.Diff(Ledger{"restart": failedEntry(by("a"), noon)}, remembered(t, server)); diff != "" {
		t.Error("(-want, +got):", diff)
	}
}

func TestBlockIsRememberedThoughTheLeaseWasFreedByHand(t *testing.T) {
	for name, edit := range map[string]func(*apiServer){
		"deleted": func(server *apiServer) { server.remove(target) },
		"no holder": func(server *apiServer) {
			lease := server.lease(target)
			lease.Spec.HolderIdentity = nil
			server.put(lease)
		},
		"empty holder": func(server *apiServer) {
			lease := server.lease(target)
			lease.Spec.HolderIdentity = new("")
			server.put(lease)
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := newAPIServer()
			s := server.store(noon)
			acquire(t, s, by("a"))
			edit(server)
			release(t, s, by("a"), failed(noon, true))
			got := server.lease(target)
			want := heldLease()
			want.UID, want.ResourceVersion, want.Spec = got.UID, got.ResourceVersion, coordinationv1.LeaseSpec{}
			want.Annotations = map[string]string{workflowexecution.TargetAnnotation: target, workflowexecution.LedgerAnnotation: got.Annotations[workflowexecution.LedgerAnnotation]}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error("(-want, +got):", diff)
			}
			if diff := cmp.Diff(Ledger{"restart": failedEntry(by("a"), noon)}, remembered(t, server)); diff != "" {
				t.Error("(-want, +got):", diff)
			}
		})
	}
}

func TestWhatIsOverMakesNoLease(t *testing.T) {
	// The target was released, its entry expired and its Lease went. To release it once more leaves nothing.
	server := newAPIServer()
	s := server.store(noon.Add(5 * time.Minute))
	if entry := release(t, s, by("a"), completed(noon)); entry != nil || server.lease(target) != nil {
		t.Errorf("Release() = %+v, left %v", entry, server.lease(target))
	}
}

func TestLateReleaseLeavesTheNextHolderAndItsEntryAlone(t *testing.T) {
	server := newAPIServer()
	s := server.store(noon)
	acquire(t, s, by("a"))
	server.remove(target)
	acquire(t, s, by("b"))
	before := server.lease(target)
	if entry := release(t, s, by("a"), failed(noon, true)); entry != nil {
		t.Errorf("Release() = %+v, and nobody has noted that", entry)
	}
	if diff := cmp.Diff(before, server.lease(target)); diff != "" {
		t.Error("(-want, +got):", diff)
	}
	release(t, s, by("b"), completed(noon.Add(time.Second)))
	before = server.lease(target)
	release(t, s, by("a"), failed(noon, true))
	if diff := cmp.Diff(before, server.lease(target)); diff != "" {
		t.Error("it replaced a newer entry (-want, +got):", diff)
	}
}

func TestReleaseRepeated(t *testing.T) {
	server := newAPIServer()
	s := server.store(noon)
	acquire(t, s, by("a"))
	first, err := s.Release(t.Context(), by("a"), failed(noon, true), policy)
	if err != nil {
		t.Fatal(err)
	}
	before := server.lease(target)
	later := server.store(noon.Add(time.Hour))
	// A repeated pass may see another time of completion, and another policy may hold.
	second, err := later.Release(t.Context(), by("a"), failed(noon.Add(time.Minute), false), Policy{Cooldown: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(first, second); diff != "" || first.Entry == nil || !first.At.Equal(noon) {
		t.Error("the second answer differs:", diff)
	}
	if diff := cmp.Diff(before, server.lease(target)); diff != "" {
		t.Error("the second release changes something:", diff)
	}
	if got := decide(t, later, by("a")); got.Verdict != Spent || !cmp.Equal(got.Entry, *first.Entry) {
		t.Errorf("Decide() = %+v, want %+v of one that has had its run", got, first.Entry)
	}
}

// When a target was freed is known as long as it is held, or remembered.
func TestTimeOfRelease(t *testing.T) {
	later := noon.Add(1500 * time.Millisecond)
	for name, test := range map[string]struct {
		outcome *Outcome
		before  func(*testing.T, *apiServer)
		want    time.Time
	}{
		"of what is remembered":     {completed(noon), nil, noon.Add(time.Second)},
		"of what is not remembered": {nil, nil, noon.Add(time.Second)},
		"of what was freed by hand": {completed(noon), func(_ *testing.T, server *apiServer) { server.remove(target) }, noon.Add(time.Second)},
		"of what is another's by now": {completed(noon), func(t *testing.T, server *apiServer) {
			t.Helper()
			server.remove(target)
			acquire(t, server.store(noon), by("b"))
		}, time.Time{}},
		"repeated": {completed(noon), func(t *testing.T, server *apiServer) {
			t.Helper()
			release(t, server.store(noon), by("a"), completed(noon))
		}, noon},
		"repeated, of what is not remembered": {nil, func(t *testing.T, server *apiServer) {
			t.Helper()
			release(t, server.store(noon), by("a"), nil)
		}, time.Time{}},
		"of what an earlier version has released": {completed(noon), func(_ *testing.T, server *apiServer) {
			server.put(leaseWith(`{"restart":{"execution":"payment/fix/a","outcome":"Completed","ran":true,"completedAt":"2026-03-01T12:00:00Z"}}`, ""))
		}, time.Time{}},
	} {
		t.Run(name, func(t *testing.T) {
			server := newAPIServer()
			acquire(t, server.store(noon), by("a"))
			if test.before != nil {
				test.before(t, server)
			}
			released, err := server.store(later).Release(t.Context(), by("a"), test.outcome, policy)
			if err != nil || !released.At.Equal(test.want) {
				t.Errorf("Release() = %+v, %v; want %v", released, err, test.want)
			}
		})
	}
}

// An execution that has had its run gets no other one, whoever has the target.
func TestSpentIsSaidBeforeBusy(t *testing.T) {
	server := newAPIServer()
	s := server.store(noon)
	acquire(t, s, by("a"))
	release(t, s, by("a"), completed(noon))
	acquire(t, s, by("b").of("scale"))
	if got := decide(t, s, by("a")); got.Verdict != Spent {
		t.Errorf("Decide() = %+v", got)
	}
}

// The one before completed by a clock that was an hour ahead.
func TestHolderIsRememberedWhateverTheClockSaid(t *testing.T) {
	server := newAPIServer()
	ahead := server.store(noon.Add(time.Hour))
	acquire(t, ahead, by("a"))
	if err := ahead.Fence(t.Context(), by("a")); err != nil {
		t.Fatal(err)
	}
	release(t, ahead, by("a"), completed(noon.Add(time.Hour)))
	after := server.store(noon.Add(66 * time.Minute))
	acquire(t, after, by("b"))
	release(t, server.store(noon.Add(6*time.Minute)), by("b"), failed(noon.Add(6*time.Minute), true))
	want := Ledger{"restart": failedEntry(by("b"), noon.Add(6*time.Minute))}
	if diff := cmp.Diff(want, remembered(t, server)); diff != "" {
		t.Error("the block is forgotten (-want, +got):", diff)
	}
}

func TestCorruptLedger(t *testing.T) {
	for name, text := range map[string]string{
		"no JSON": "scale", "empty": "", "null": "null", "a list": "[]", "cut short": `{"restart":{"execution":"payment/fix/x"`,
		"no execution":    `{"restart":{"outcome":"Failed","completedAt":"2026-03-01T12:00:00Z"}}`,
		"unknown outcome": `{"restart":{"execution":"payment/fix/x","outcome":"Skipped","completedAt":"2026-03-01T12:00:00Z"}}`,
		"unknown block":   `{"restart":{"execution":"payment/fix/x","outcome":"Failed","completedAt":"2026-03-01T12:00:00Z","blocks":"Bored"}}`,
		"no time":         `{"restart":{"execution":"payment/fix/x","outcome":"Failed"}}`,
		"no holder":       `{"restart":{"execution":"payment/fix","outcome":"Failed","completedAt":"2026-03-01T12:00:00Z"}}`,
		"negative count": `{"restart":{"execution":"payment/fix/x","outcome":"Failed","completedAt":"2026-03-01T12:00:00Z",` +
			`"consecutiveFailures":-1}}`,
	} {
		t.Run(name, func(t *testing.T) {
			server := newAPIServer()
			s := server.store(noon)
			acquire(t, s, by("a"))
			lease := server.lease(target)
			lease.Annotations[workflowexecution.LedgerAnnotation] = text
			server.put(lease)
			if got := decide(t, s, by("a")); got.Verdict != Held {
				t.Errorf("the holder: Decide() = %+v", got)
			}
			if got := decide(t, s, by("b")); got.Verdict != Busy {
				t.Errorf("another one: Decide() = %+v", got)
			}
			release(t, s, by("a"), failed(noon, true))
			got := server.lease(target)
			if text != got.Annotations[workflowexecution.LedgerAnnotation] || !isFree(got) {
				t.Errorf("it is left as %+v", got)
			}
			if got := decide(t, s, by("b")); got.Verdict != Unreadable || got.Err == nil {
				t.Errorf("on a free target: Decide() = %+v", got)
			}
			leftAlone(t, server, s)
		})
	}
}

// leftAlone expects that nobody but a person changes what cannot be read.
func leftAlone(t *testing.T, server *apiServer, s *Store) {
	t.Helper()
	before := server.lease(target)
	if lifted, err := s.Lift(t.Context(), by("x"), true); lifted || err != nil {
		t.Errorf("Lift() = %v, %v", lifted, err)
	}
	next, err := s.Prune(t.Context(), server.lease(target), func(Holder) bool { return true })
	if err != nil || !next.IsZero() {
		t.Errorf("Prune() = %v, %v", next, err)
	}
	if diff := cmp.Diff(before, server.lease(target)); diff != "" {
		t.Error("it was changed:", diff)
	}
}
