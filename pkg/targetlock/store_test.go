// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package targetlock

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation"
)

const target = "payment/deployments.apps/api"

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// by is the claim of an execution, which differs from others in its UID only: names come back.
func by(uid types.UID) Claim {
	return Claim{
		Target: target, Holder: Holder{Namespace: "payment", Name: "fix", UID: uid},
		WorkflowID: "restart", RunNamespace: "kubernaut-workflows",
	}
}

func acquire(t *testing.T, s *Store, claim Claim) {
	t.Helper()
	if decision, err := s.Acquire(t.Context(), claim); err != nil || decision.Conflict != nil {
		t.Fatalf("Acquire() = %+v, %v", decision, err)
	}
}

func mayStart(t *testing.T, s *Store, claim Claim) bool {
	t.Helper()
	may, err := s.MayStart(t.Context(), claim)
	if err != nil {
		t.Fatal("MayStart() =", err)
	}
	return may
}

func TestAcquireMakesALeaseThatPeopleUnderstand(t *testing.T) {
	server := newAPIServer()
	acquire(t, server.store(noon), by("a"))
	want := &coordinationv1.Lease{
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
	if diff := cmp.Diff(want, server.lease(target)); diff != "" {
		t.Error("(-want, +got):", diff)
	}
}

func TestAcquireTellsWhoHasTheTarget(t *testing.T) {
	server := newAPIServer()
	holder := Claim{
		Target: target, Holder: Holder{Namespace: "other", Name: "scale", UID: "b"}, WorkflowID: "scale-up", RunNamespace: "elsewhere",
	}
	acquire(t, server.store(noon), holder)
	got, err := server.store(noon.Add(time.Hour)).Acquire(t.Context(), by("a"))
	want := Decision{Conflict: &Conflict{Holder: holder.Holder, WorkflowID: "scale-up", RunNamespace: "elsewhere", Since: noon}}
	if err != nil || !cmp.Equal(want, got) {
		t.Errorf("Acquire() = %+v, %v, want %+v", got, err, want)
	}
}

func TestAcquireFindsItsOwnLockAfterACrash(t *testing.T) {
	server := newAPIServer()
	acquire(t, server.store(noon), by("a"))
	before := server.lease(target)
	acquire(t, server.store(noon.Add(time.Minute)), by("a"))
	if diff := cmp.Diff(before, server.lease(target)); diff != "" {
		t.Error("the time at which it took the target must stay:", diff)
	}
	if !mayStart(t, server.store(noon), by("a")) {
		t.Error("the holder may start")
	}
}

func TestAnExecutionOfTheSameNameIsAnotherOne(t *testing.T) {
	server := newAPIServer()
	acquire(t, server.store(noon), by("a"))
	decision, err := server.store(noon).Acquire(t.Context(), by("b"))
	if err != nil || decision.Conflict == nil || decision.Conflict.Holder.UID != "a" {
		t.Errorf("Acquire() = %+v, %v", decision, err)
	}
	if mayStart(t, server.store(noon), by("b")) {
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

func TestAcquireWhileTheLeaseVanishes(t *testing.T) {
	// Between "it exists" and reading it, its holder frees it. To guess would be wrong either way.
	server := newAPIServer()
	s := server.store(noon)
	acquire(t, s, by("a"))
	server.before["get"] = func() {
		if err := s.Release(t.Context(), by("a")); err != nil {
			t.Error(err)
		}
	}
	if _, err := s.Acquire(t.Context(), by("b")); !apierrors.IsNotFound(err) {
		t.Fatal("Acquire() =", err, "- want an error, so that it is tried again")
	}
	acquire(t, s, by("b"))
}

func TestErrorsOfTheServerAreNoDecisions(t *testing.T) {
	broken := errors.New("etcdserver: leader changed")
	tests := map[string]struct {
		verb string
		call func(*testing.T, *Store) error
	}{
		"acquire: create": {"create", func(t *testing.T, s *Store) error {
			_, err := s.Acquire(t.Context(), by("b"))
			return err
		}},
		"acquire: get": {"get", func(t *testing.T, s *Store) error {
			_, err := s.Acquire(t.Context(), by("b"))
			return err
		}},
		"may start": {"get", func(t *testing.T, s *Store) error {
			may, err := s.MayStart(t.Context(), by("a"))
			if may {
				t.Error("it may start without having been asked")
			}
			return err
		}},
		"fence: get":      {"get", func(t *testing.T, s *Store) error { return s.Fence(t.Context(), by("a")) }},
		"fence: update":   {"update", func(t *testing.T, s *Store) error { return s.Fence(t.Context(), by("a")) }},
		"release: get":    {"get", func(t *testing.T, s *Store) error { return s.Release(t.Context(), by("a")) }},
		"release: delete": {"delete", func(t *testing.T, s *Store) error { return s.Release(t.Context(), by("a")) }},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			server := newAPIServer()
			s := server.store(noon)
			acquire(t, s, by("a"))
			server.fail(tc.verb, broken)
			err := tc.call(t, s)
			if !errors.Is(err, broken) || !strings.Contains(err.Error(), target) {
				t.Errorf("got %v, want %v with the target", err, broken)
			}
			if got := server.lease(target); *got.Spec.HolderIdentity != "payment/fix/a" || isFenced(got) {
				t.Error("the lock has changed:", got)
			}
		})
	}
}

func TestUnreadableHolder(t *testing.T) {
	for name, identity := range map[string]*string{
		"none": nil, "empty": new(""), "words": new("somebody"), "no uid": new("a/b/"), "too much": new("a/b/c/d"),
	} {
		t.Run(name, func(t *testing.T) {
			server := newAPIServer()
			s := server.store(noon)
			server.put(&coordinationv1.Lease{
				ObjectMeta: metav1.ObjectMeta{Namespace: lockNamespace, Name: LeaseName(target)},
				Spec:       coordinationv1.LeaseSpec{HolderIdentity: identity},
			})
			before := server.lease(target)
			decision, err := s.Acquire(t.Context(), by("a"))
			if err == nil || decision.Conflict != nil || !strings.Contains(err.Error(), "lease kubernaut-system/"+LeaseName(target)) {
				t.Errorf("Acquire() = %+v, %v, want an error that names the lease", decision, err)
			}
			if mayStart(t, s, by("a")) {
				t.Error("it may start")
			}
			if err := errors.Join(s.Fence(t.Context(), by("a")), s.Release(t.Context(), by("a"))); err != nil {
				t.Error(err)
			}
			if diff := cmp.Diff(before, server.lease(target)); diff != "" {
				t.Error("only a person can tell whose it is, and it was changed:", diff)
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
	if mayStart(t, s, by("a")) {
		t.Error("a fenced holder may start")
	}
	// Neither to take the lock once more nor to fence once more lifts the fence.
	acquire(t, s, by("a"))
	before := server.lease(target)
	if err := server.store(noon.Add(time.Hour)).Fence(t.Context(), by("a")); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, server.lease(target)); diff != "" {
		t.Error("the second fence changes something:", diff)
	}
	if mayStart(t, s, by("a")) {
		t.Error("the fence is gone")
	}
	if decision, err := s.Acquire(t.Context(), by("b")); err != nil || decision.Conflict == nil {
		t.Errorf("a fenced target is not a free one: Acquire() = %+v, %v", decision, err)
	}
}

func TestFenceOfALeaseWithoutAnnotations(t *testing.T) {
	server := newAPIServer()
	s := server.store(noon)
	acquire(t, s, by("a"))
	lease := server.lease(target)
	lease.Annotations = nil
	server.put(lease)
	if err := s.Fence(t.Context(), by("a")); err != nil || mayStart(t, s, by("a")) {
		t.Error("it is not fenced:", err)
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
	if err := s.Fence(t.Context(), by("a")); !apierrors.IsConflict(err) {
		t.Error("Fence() =", err, "- want a conflict")
	}
}

func TestReleaseFreesTheTarget(t *testing.T) {
	server := newAPIServer()
	s := server.store(noon)
	acquire(t, s, by("a"))
	if err := s.Release(t.Context(), by("a")); err != nil || server.lease(target) != nil {
		t.Fatal("Release() =", err)
	}
	if err := s.Release(t.Context(), by("a")); err != nil {
		t.Error("the second time it fails:", err)
	}
	acquire(t, s, by("b"))
	if err := s.Release(t.Context(), by("a")); err != nil || !mayStart(t, s, by("b")) {
		t.Error("a late release took the lock of the next execution:", err)
	}
}

func TestReleaseWhileTheLeaseChangesHands(t *testing.T) {
	// A stalled replica goes on after another one freed the target and a new execution took it.
	server := newAPIServer()
	s := server.store(noon)
	acquire(t, s, by("a"))
	server.before["delete"] = func() {
		if err := s.Release(t.Context(), by("a")); err != nil {
			t.Error(err)
		}
		acquire(t, s, by("b"))
	}
	if err := s.Release(t.Context(), by("a")); !apierrors.IsConflict(err) {
		t.Error("Release() =", err, "- want a conflict")
	}
	if !mayStart(t, s, by("b")) {
		t.Error("the new holder has lost its lock")
	}
}

func TestReleaseWhileTheLeaseVanishes(t *testing.T) {
	server := newAPIServer()
	s := server.store(noon)
	acquire(t, s, by("a"))
	server.before["delete"] = func() {
		if err := s.Release(t.Context(), by("a")); err != nil {
			t.Error(err)
		}
	}
	if err := s.Release(t.Context(), by("a")); err != nil {
		t.Error("it is free, which is what was wanted:", err)
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
		if msgs := validation.IsDNS1123Label(LeaseName(target)); len(msgs) > 0 {
			t.Errorf("LeaseName(%q) = %q: %v", target, LeaseName(target), msgs)
		}
	}
	if LeaseName("payment/pods/a") == LeaseName("payment/pods/b") {
		t.Error("two targets share a lease")
	}
}
