// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package targetlock

import (
	"maps"
	"slices"
	"testing"

	"k8s.io/apimachinery/pkg/types"
	"pgregory.net/rapid"
)

// replica is a controller that works for an execution; a stalled one and its successor may both do.
type replica struct {
	server *apiServer
	store  *Store
	// working are the executions whose run has been started and not been seen to end. It is the
	// ground truth that the lock has to protect, and belongs to the whole cluster.
	working map[types.UID]bool
	// finished executions never ask again.
	finished map[types.UID]bool
}

var (
	executions = []types.UID{"a", "b", "c", "d", "e"}
	// To fence is rarer than the rest: it ends executions, and with all of them at an end nothing happens.
	actions = []string{"acquire", "acquire", "start", "start", "end and release", "end and release", "fence"}
)

// act does what the reconciler would do for an execution, and lets others act between any two of the
// requests that it takes.
func (r *replica) act(t *rapid.T, depth int) {
	uid := rapid.SampledFrom(executions).Draw(t, "execution")
	action := rapid.SampledFrom(actions).Draw(t, "action")
	if depth > 0 {
		verb := rapid.SampledFrom([]string{"delete", "get", "update", "create", ""}).Draw(t, "meanwhile before")
		if verb != "" {
			r.server.before[verb] = func() { r.meanwhile(t, uid, depth-1) }
			defer delete(r.server.before, verb)
		}
	}
	r.do(t, uid, action, depth)
	r.check(t)
}

func (r *replica) check(t *rapid.T) {
	if len(r.working) > 1 {
		t.Fatalf("%v work on one target", slices.Sorted(maps.Keys(r.working)))
	}
	for working := range r.working {
		if lease := r.server.lease(target); !LockOf(lease).isHeldBy(by(working).Holder) {
			t.Fatalf("%s works on a target that it does not hold: %v", working, lease)
		}
	}
}

func (r *replica) do(t *rapid.T, uid types.UID, action string, depth int) {
	claim := by(uid).of(string(uid))
	switch action {
	case "acquire":
		if !r.finished[uid] {
			r.acquire(t, claim)
		}
	case "start":
		may, err := r.store.MayStart(t.Context(), claim)
		if err != nil || !may {
			return
		}
		if depth > 0 && rapid.Bool().Draw(t, "stall") {
			r.meanwhile(t, uid, depth-1)
		}
		// The patch that starts the run is refused once the run is fenced off and deleted, or done.
		if !r.finished[uid] {
			r.working[uid] = true
		}
	case "fence":
		if err := r.store.Fence(t.Context(), claim); err == nil && !r.working[uid] {
			// From here on nobody starts it: what follows deletes the pending run.
			r.finished[uid] = true
		}
	case "end and release":
		if r.working[uid] || r.finished[uid] {
			delete(r.working, uid)
			r.finished[uid] = true
			outcome := rapid.SampledFrom([]*Outcome{nil, completed(noon), failed(noon, true)}).Draw(t, "outcome")
			_, _ = r.store.Release(t.Context(), claim, outcome, policy)
		}
	}
}

// acquire looks, decides and takes. An error means that it will be tried again.
func (r *replica) acquire(t *rapid.T, claim Claim) {
	lock, err := r.store.Look(t.Context(), claim.Target)
	if err == nil && Decide(lock, claim, Facts{}, noon).Verdict == Free {
		_ = r.store.Take(t.Context(), lock, claim)
	}
}

// meanwhile is what happens while a replica that works for an execution is held up: anything, or, as
// chance alone hardly ever finds it, that another replica ends the execution and the next one starts.
func (r *replica) meanwhile(t *rapid.T, stalled types.UID, depth int) {
	if !rapid.Bool().Draw(t, "takeover") {
		r.acts(t, depth)
		return
	}
	r.do(t, stalled, "fence", 0)
	r.do(t, stalled, "end and release", 0)
	next := rapid.SampledFrom(executions).Draw(t, "next")
	r.do(t, next, "acquire", 0)
	r.do(t, next, "start", 0)
}

func (r *replica) acts(t *rapid.T, depth int) {
	for range rapid.IntRange(1, 5).Draw(t, "acts") {
		r.act(t, depth)
	}
}

// TestNeverTwoOnOneTarget is the promise of the lock, for whatever order requests arrive in.
func TestNeverTwoOnOneTarget(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		server := newAPIServer()
		r := &replica{
			server: server, store: server.store(noon), working: map[types.UID]bool{}, finished: map[types.UID]bool{},
		}
		for range 6 {
			r.acts(t, 2)
		}
	})
}

// TestOnlyTheHolderChangesTheLease: what others do must leave no trace in it.
func TestOnlyTheHolderChangesTheLease(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		server := newAPIServer()
		r := &replica{server: server, store: server.store(noon)}
		r.acquire(t, by("holder"))
		before := server.lease(target).ResourceVersion
		for range rapid.IntRange(1, 20).Draw(t, "steps") {
			claim := by(rapid.SampledFrom([]types.UID{"a", "b"}).Draw(t, "execution"))
			switch rapid.SampledFrom([]string{"acquire", "fence", "release", "lift", "prune"}).Draw(t, "action") {
			case "acquire":
				r.acquire(t, claim)
			case "fence":
				wantNoError(t, r.store.Fence(t.Context(), claim))
			case "release":
				released, err := r.store.Release(t.Context(), claim, failed(noon, true), policy)
				wantNoError(t, err)
				if released != (Released{}) {
					t.Fatal("it was noted:", released)
				}
			case "lift":
				_, err := r.store.Lift(t.Context(), claim, true)
				wantNoError(t, err)
			case "prune":
				_, err := r.store.Prune(t.Context(), server.lease(target), everybodyIsGone)
				wantNoError(t, err)
			}
		}
		if lease := server.lease(target); lease == nil || lease.ResourceVersion != before {
			t.Fatal("the lease was changed:", lease)
		}
	})
}

func wantNoError(t *rapid.T, err error) {
	if err != nil {
		t.Fatal(err)
	}
}
