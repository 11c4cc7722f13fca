// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package targetlock

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution"
	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
)

// heldLease is what `kubectl get lease -o yaml` shows of a target that execution a holds since noon.
func heldLease() *coordinationv1.Lease {
	return &coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "kubernaut-system",
			Name:      "target-6403dd4a8637c388e319cb66a03b071d234d6f81",
			UID:       "lease-1", ResourceVersion: "1",
			Labels: map[string]string{"kubernaut.ai/lock": "target"},
			Annotations: map[string]string{
				"kubernaut.ai/target-resource": "payment/deployments.apps/api",
				"kubernaut.ai/workflow-id":     "restart",
				"kubernaut.ai/run-namespace":   "kubernaut-workflows",
			},
		},
		Spec: coordinationv1.LeaseSpec{
			HolderIdentity: new("payment/fix/a"),
			AcquireTime:    new(metav1.NewMicroTime(noon)),
		},
	}
}

func TestTakeMakesALeaseThatPeopleUnderstand(t *testing.T) {
	server := newAPIServer()
	acquire(t, server.store(noon), by("a"))
	if diff := cmp.Diff(heldLease(), server.lease(target)); diff != "" {
		t.Error("(-want, +got):", diff)
	}
	if want := []string{"get", "create"}; !slices.Equal(server.requests, want) {
		t.Errorf("asked for %v, want %v", server.requests, want)
	}
}

func TestTakeOfAFreeLeaseKeepsWhatItRemembers(t *testing.T) {
	server := newAPIServer()
	s := server.store(noon)
	acquire(t, s, by("b").of("scale"))
	release(t, s, by("b").of("scale"), failed(noon, true))
	ledger := server.lease(target).Annotations[workflowexecution.LedgerAnnotation]
	server.requests = nil
	acquire(t, s, by("a"))
	want := heldLease()
	want.ResourceVersion = "3"
	want.Annotations[workflowexecution.LedgerAnnotation] = ledger
	if diff := cmp.Diff(want, server.lease(target)); diff != "" || ledger == "" {
		t.Error("(-want, +got):", diff)
	}
	if want := []string{"get", "update"}; !slices.Equal(server.requests, want) {
		t.Errorf("asked for %v, want %v", server.requests, want)
	}
}

func TestTakeMendsALeaseThatSomebodyEdited(t *testing.T) {
	server := newAPIServer()
	server.put(&coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{
		Namespace: lockNamespace, Name: LeaseName(target), Annotations: map[string]string{workflowexecution.FencedAnnotation: "yes"},
	}})
	acquire(t, server.store(noon), by("a"))
	want := heldLease()
	want.ResourceVersion = "2"
	if diff := cmp.Diff(want, server.lease(target)); diff != "" {
		t.Error("(-want, +got):", diff)
	}
}

func TestTakeOfALockThatHasChanged(t *testing.T) {
	hand := func(*testing.T, *apiServer, *Store) {}
	for name, tc := range map[string]struct {
		before, meanwhile func(*testing.T, *apiServer, *Store)
	}{
		"created by another": {hand, func(t *testing.T, _ *apiServer, s *Store) { acquire(t, s, by("b")) }},
		"taken by another": {
			func(t *testing.T, _ *apiServer, s *Store) {
				acquire(t, s, by("x").of("scale"))
				release(t, s, by("x").of("scale"), completed(noon))
			},
			func(t *testing.T, _ *apiServer, s *Store) { acquire(t, s, by("b")) },
		},
		"deleted": {
			func(t *testing.T, _ *apiServer, s *Store) {
				acquire(t, s, by("x").of("scale"))
				release(t, s, by("x").of("scale"), completed(noon))
			},
			func(_ *testing.T, server *apiServer, _ *Store) { server.remove(target) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := newAPIServer()
			s := server.store(noon)
			tc.before(t, server, s)
			lock := look(t, s)
			tc.meanwhile(t, server, s)
			before := server.lease(target)
			wantChanged(t, s.Take(t.Context(), lock, by("a")))
			if diff := cmp.Diff(before, server.lease(target)); diff != "" {
				t.Error("it was changed:", diff)
			}
		})
	}
}

func TestDecisionTellsWhoHasTheTarget(t *testing.T) {
	server := newAPIServer()
	holder := Claim{
		Target: target, Holder: Holder{Namespace: "other", Name: "scale", UID: "b"}, WorkflowID: "scale-up", RunNamespace: "elsewhere",
	}
	acquire(t, server.store(noon), holder)
	got := decide(t, server.store(noon.Add(time.Hour)), by("a"))
	want := Decision{Verdict: Busy, Skip: v1alpha1.SkipResourceBusy, Conflict: &Conflict{
		Holder: holder.Holder, Identity: "other/scale/b", Target: target, WorkflowID: "scale-up", RunNamespace: "elsewhere", Since: noon,
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error("(-want, +got):", diff)
	}
	if got := got.Conflict.Claim(); got != holder {
		t.Errorf("Claim() = %+v, want %+v", got, holder)
	}
}

func TestHolderFindsItsOwnLockAfterACrash(t *testing.T) {
	server := newAPIServer()
	acquire(t, server.store(noon), by("a"))
	later := server.store(noon.Add(time.Minute))
	if got := decide(t, later, by("a")); got.Verdict != Held {
		t.Errorf("Decide() = %+v", got)
	}
	if !mayStart(t, later, by("a")) {
		t.Error("the holder may start")
	}
}

func TestAnExecutionOfTheSameNameIsAnotherOne(t *testing.T) {
	server := newAPIServer()
	s := server.store(noon)
	acquire(t, s, by("a"))
	if got := decide(t, s, by("b")); got.Verdict != Busy || got.Conflict.Holder.UID != "a" {
		t.Errorf("Decide() = %+v", got)
	}
	if mayStart(t, s, by("b")) {
		t.Error("it may start without the lock")
	}
}

func TestOtherTargetsAreFree(t *testing.T) {
	server := newAPIServer()
	acquire(t, server.store(noon), by("a"))
	other := by("b")
	other.Target = "payment/deployments.apps/web"
	acquire(t, server.store(noon), other)
}

func TestErrorsOfTheServerAreNoDecisions(t *testing.T) {
	broken := errors.New("etcdserver: leader changed")
	// A 404 that is not about the Lease does not mean that nobody holds the target.
	notServed := apierrors.NewGenericServerResponse(http.StatusNotFound, "get",
		schema.GroupResource{Group: "coordination.k8s.io", Resource: "leases"}, LeaseName(target), "404 page not found", 0, true)
	take := func(ctx context.Context, s *Store) error { return s.Take(ctx, LockOf(nil), by("b")) }
	releasing := func(ctx context.Context, s *Store) error {
		_, err := s.Release(ctx, by("a"), failed(noon, true), policy)
		return err
	}
	forgetting := func(ctx context.Context, s *Store) error {
		_, err := s.Release(ctx, by("a"), nil, policy)
		return err
	}
	fence := func(ctx context.Context, s *Store) error { return s.Fence(ctx, by("a")) }
	tests := map[string]struct {
		verb string
		call func(context.Context, *Store) error
	}{
		"look": {"get", func(ctx context.Context, s *Store) error {
			_, err := s.Look(ctx, target)
			return err
		}},
		"take": {"create", take},
		"may start": {"get", func(ctx context.Context, s *Store) error {
			may, err := s.MayStart(ctx, by("a"))
			if may {
				return nil
			}
			return err
		}},
		"fence: get":      {"get", fence},
		"fence: update":   {"update", fence},
		"release: get":    {"get", releasing},
		"release: update": {"update", releasing},
		"release: delete": {"delete", forgetting},
		"lift": {"get", func(ctx context.Context, s *Store) error {
			_, err := s.Lift(ctx, by("a"), true)
			return err
		}},
	}
	for name, tc := range tests {
		for _, failure := range []error{broken, notServed} {
			t.Run(name+": "+failure.Error(), func(t *testing.T) {
				server := newAPIServer()
				s := server.store(noon)
				acquire(t, s, by("a"))
				server.fail(tc.verb, failure)
				err := tc.call(t.Context(), s)
				if !errors.Is(err, failure) || errors.Is(err, ErrChanged) || !strings.Contains(err.Error(), target) {
					t.Errorf("got %v, want %v with the target", err, failure)
				}
				if diff := cmp.Diff(heldLease(), server.lease(target)); diff != "" {
					t.Error("the lock has changed:", diff)
				}
			})
		}
	}
}

func TestHolderThatNamesNoExecution(t *testing.T) {
	for name, identity := range map[string]string{
		"words": "somebody", "no uid": "a/b/", "no name": "a//c", "too much": "a/b/c/d", "a blank": " ",
	} {
		t.Run(name, func(t *testing.T) {
			server := newAPIServer()
			s := server.store(noon)
			server.put(&coordinationv1.Lease{
				ObjectMeta: metav1.ObjectMeta{Namespace: lockNamespace, Name: LeaseName(target)},
				Spec:       coordinationv1.LeaseSpec{HolderIdentity: &identity},
			})
			before := server.lease(target)
			want := Decision{Verdict: Busy, Skip: v1alpha1.SkipResourceBusy, Conflict: &Conflict{Identity: identity}}
			if diff := cmp.Diff(want, decide(t, s, by("a"))); diff != "" {
				t.Error("(-want, +got):", diff)
			}
			if mayStart(t, s, by("a")) {
				t.Error("it may start")
			}
			if err := s.Fence(t.Context(), by("a")); err != nil {
				t.Error(err)
			}
			release(t, s, by("a"), failed(noon, true))
			if diff := cmp.Diff(before, server.lease(target)); diff != "" {
				t.Error("whose it is, is not for this call to decide, and it was changed:", diff)
			}
		})
	}
}

func TestFencedHolderMayNotStart(t *testing.T) {
	server := newAPIServer()
	s := server.store(noon)
	acquire(t, s, by("a"))
	if err := s.Fence(t.Context(), by("a")); err != nil {
		t.Fatal(err)
	}
	want := heldLease()
	want.ResourceVersion = "2"
	want.Annotations["kubernaut.ai/fenced"] = "2026-03-01T12:00:00Z"
	if diff := cmp.Diff(want, server.lease(target)); diff != "" {
		t.Error("(-want, +got):", diff)
	}
	if err := server.store(noon.Add(time.Hour)).Fence(t.Context(), by("a")); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, server.lease(target)); diff != "" {
		t.Error("the second fence changes something:", diff)
	}
	if mayStart(t, s, by("a")) {
		t.Error("a fenced holder may start")
	}
	if got := decide(t, s, by("b")); got.Verdict != Busy {
		t.Errorf("a fenced target is not a free one: %+v", got)
	}
}

func TestFenceOfALeaseWithoutMetadata(t *testing.T) {
	server := newAPIServer()
	s := server.store(noon)
	acquire(t, s, by("a"))
	lease := server.lease(target)
	lease.Labels, lease.Annotations = nil, nil
	server.put(lease)
	if err := s.Fence(t.Context(), by("a")); err != nil || mayStart(t, s, by("a")) {
		t.Error("it is not fenced:", err)
	}
	if server.lease(target).Labels[workflowexecution.LockLabel] != workflowexecution.LockTarget {
		t.Error("nobody watches it")
	}
}

func TestFenceTouchesNobodyElse(t *testing.T) {
	server := newAPIServer()
	s := server.store(noon)
	if err := s.Fence(t.Context(), by("a")); err != nil {
		t.Error("there is nothing to fence:", err)
	}
	acquire(t, s, by("b"))
	if err := s.Fence(t.Context(), by("a")); err != nil || !mayStart(t, s, by("b")) {
		t.Error("it fenced another execution:", err)
	}
}

func TestFenceWhileTheLeaseChanges(t *testing.T) {
	server := newAPIServer()
	s := server.store(noon)
	acquire(t, s, by("a"))
	server.before["update"] = func() { server.put(server.lease(target)) }
	if err := s.Fence(t.Context(), by("a")); err != nil || mayStart(t, s, by("a")) {
		t.Error("it is not fenced:", err)
	}
	release(t, s, by("a"), nil)
	acquire(t, s, by("a"))
	server.before["update"] = func() {
		release(t, s, by("a"), nil)
		acquire(t, s, by("b"))
	}
	if err := s.Fence(t.Context(), by("a")); err != nil || !mayStart(t, s, by("b")) {
		t.Error("it fenced the next holder:", err)
	}
}

func TestWhatChangesAllTheTimeIsGivenUp(t *testing.T) {
	server := newAPIServer()
	s := server.store(noon)
	acquire(t, s, by("a"))
	var edit func()
	edit = func() {
		server.put(server.lease(target))
		server.before["update"] = edit
	}
	edit()
	wantChanged(t, s.Fence(t.Context(), by("a")))
	if got := len(server.requests); got > 15 {
		t.Errorf("it took %d requests", got)
	}
}

func TestMayStartWithoutALease(t *testing.T) {
	if mayStart(t, newAPIServer().store(noon), by("a")) {
		t.Error("nobody holds the target")
	}
}

func TestHolderComesBack(t *testing.T) {
	want := Holder{Namespace: "payment", Name: strings.Repeat("a.", 99) + "a", UID: "0b5c5f0e-6f4c-4d0e-9d3e-0d8b5a3c6f11"}
	if got, err := ParseHolder(want.String()); err != nil || got != want {
		t.Errorf("ParseHolder() = %+v, %v", got, err)
	}
}

func TestLeaseName(t *testing.T) {
	for _, target := range []string{"nodes/a", target, strings.Repeat("a", 635), "clusterroles.rbac.authorization.k8s.io/system:node"} {
		name := LeaseName(target)
		if msgs := validation.IsDNS1123Label(name); len(msgs) > 0 {
			t.Errorf("LeaseName(%q) = %q: %v", target, name, msgs)
		}
		if hash, ok := HashOfLease(name); !ok || hash != v1alpha1.TargetHash(target) {
			t.Errorf("HashOfLease(%q) = %q, %v", name, hash, ok)
		}
	}
	if LeaseName("payment/pods/a") == LeaseName("payment/pods/b") {
		t.Error("two targets share a lease")
	}
	for _, name := range []string{"", "target-", "controller-leader", "target-6403dd4a", "6403dd4a8637c388e319cb66a03b071d234d6f81"} {
		if hash, ok := HashOfLease(name); ok {
			t.Errorf("HashOfLease(%q) = %q", name, hash)
		}
	}
}
