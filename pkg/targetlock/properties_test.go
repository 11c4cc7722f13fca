// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package targetlock

import (
	"fmt"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"
	clocktesting "k8s.io/utils/clock/testing"
	"pgregory.net/rapid"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
)

var workflows = []string{"restart", "scale", "drain"}

// town is a target with all that happens around it.
type town struct {
	server  *apiServer
	clock   *clocktesting.FakePassiveClock
	store   *Store
	history history
	born    int
}

func newTown() *town {
	server, clock := newAPIServer(), clocktesting.NewFakePassiveClock(noon)
	return &town{server: server, clock: clock, store: NewStore(server, lockNamespace, clock)}
}

// answer is what the product says to a new execution of a workflow.
func (w *town) answer(t *rapid.T, claim Claim) (string, *Lock) {
	lock, err := w.store.Look(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	got := Decide(lock, claim, Facts{}, w.clock.Now())
	if got.Verdict == NotAgain {
		got = Decide(lock, claim, w.fateOf(got.Entry.Execution), w.clock.Now())
	}
	switch {
	case got.Verdict == Free:
		return "run", lock
	case got.Verdict == Busy:
		return "held by " + got.Conflict.Identity, lock
	case got.Verdict == NotAgain && got.Skip == v1alpha1.SkipRecentlyRemediated:
		return fmt.Sprint("RecentlyRemediated for ", got.Remaining), lock
	case got.Verdict == NotAgain && got.Remaining == 0:
		return string(got.Skip), lock
	}
	return fmt.Sprintf("%+v", got), lock
}

// fateOf is what the API server has of an execution.
func (w *town) fateOf(execution Holder) Facts {
	for _, e := range w.history {
		switch {
		case e.claim.Holder == execution && e.gone:
			return Facts{Gone: execution}
		case e.claim.Holder == execution && e.cleared:
			return Facts{Cleared: execution}
		}
	}
	return Facts{}
}

// submit has a new execution ask for the target, and if it gets it, come to some end.
func (w *town) submit(t *rapid.T) {
	w.born++
	claim := by(types.UID(fmt.Sprint(w.born))).of(rapid.SampledFrom(workflows).Draw(t, "workflow"))
	got, lock := w.answer(t, claim)
	if want := w.history.answer(claim.WorkflowID, w.clock.Now()); got != want {
		t.Fatalf("%s: %q, want %q; the ledger is %+v", claim.WorkflowID, got, want, lock.Ledger)
	}
	if got != "run" {
		return
	}
	if err := w.store.Take(t.Context(), lock, claim); err != nil {
		t.Fatal(err)
	}
	w.meanwhile(t)
	w.end(t, claim)
}

// meanwhile is what happens while an execution has the target. Nobody else gets it.
func (w *town) meanwhile(t *rapid.T) {
	for range rapid.IntRange(0, 2).Draw(t, "meanwhile") {
		w.step(t, map[string]func(*rapid.T){"wait": w.wait, "delete": w.delete, "lift late": w.liftLate, "prune": w.prune})
	}
	for _, workflow := range workflows {
		if got := decideIn(t, w, by("rival").of(workflow)); got.Verdict != Busy {
			t.Fatalf("on a held target %s gets %+v", workflow, got)
		}
	}
}

func decideIn(t *rapid.T, w *town, claim Claim) Decision {
	lock, err := w.store.Look(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	return Decide(lock, claim, Facts{}, w.clock.Now())
}

func (w *town) end(t *rapid.T, claim Claim) {
	e := &ending{workflow: claim.WorkflowID, claim: claim, at: w.clock.Now().Add(-time.Duration(rapid.IntRange(0, 2_000_000_000).Draw(t, "since")))}
	how := rapid.SampledFrom([]string{"succeeds", "fails", "cannot run", "cannot run", "is deleted", "is cancelled"}).Draw(t, "how")
	outcome := failed(e.at, how != "cannot run")
	switch how {
	case "succeeds":
		outcome, e.succeeded = completed(e.at), true
	case "is deleted":
		outcome.Deleted, e.deleted, e.gone = true, true, true
	case "is cancelled":
		outcome = nil
	}
	e.ran = outcome != nil && outcome.Ran
	released, err := w.store.Release(t.Context(), claim, outcome, policy)
	if err != nil {
		t.Fatal(err)
	}
	entry := released.Entry
	if want := w.clock.Now().Truncate(time.Second); !released.At.Equal(want) || entry != nil && !entry.ReleasedAt.Equal(want) {
		t.Fatalf("It was released at %v, the entry is %+v, want %v", released.At, entry, want)
	}
	if outcome == nil {
		return
	}
	w.history.sweep(w.clock.Now(), false, e.workflow)
	w.history = append(w.history, e)
	if want := w.history.of(e.workflow).freeAt(); entry == nil || !entry.NextAllowed.Equal(want) {
		t.Fatalf("the entry is %+v, want it to wait until %v", entry, want)
	}
	if got := decideIn(t, w, claim); got.Verdict != Spent {
		t.Fatalf("one that has had its run gets %+v", got)
	}
}

func (w *town) wait(t *rapid.T) {
	w.clock.SetTime(w.clock.Now().Add(time.Duration(rapid.Int64Range(0, int64(6*time.Minute)).Draw(t, "wait"))))
}

func (w *town) jump(t *rapid.T) {
	w.clock.SetTime(w.clock.Now().Add(rapid.SampledFrom([]time.Duration{time.Hour, -time.Hour}).Draw(t, "jump")))
}

// pick is one that ended, mostly one of the latest.
func (w *town) pick(t *rapid.T) *ending {
	if len(w.history) == 0 {
		return nil
	}
	return w.history[len(w.history)-1-rapid.IntRange(0, min(3, len(w.history)-1)).Draw(t, "execution")]
}

// delete removes an execution, and mostly somebody tells the ledger.
func (w *town) delete(t *rapid.T) {
	e := w.pick(t)
	if e == nil || e.gone {
		return
	}
	// A clearance that nobody has noticed goes with it.
	e.gone, e.cleared = true, e.cleared && e.lifted
	if rapid.Bool().Draw(t, "told") {
		w.lift(t, e, false)
	}
}

// clear has a person clear a block. The controller may notice much later.
func (w *town) clear(t *rapid.T) {
	e := w.pick(t)
	if e == nil || e.gone || e.lifted || !w.history.wasBlock(e) {
		return
	}
	e.cleared = true
	if rapid.Bool().Draw(t, "told") {
		w.lift(t, e, true)
	}
}

// wasBlock tells whether an ending is the latest of its workflow, and has to be cleared.
func (h history) wasBlock(e *ending) bool {
	known := h.of(e.workflow)
	return len(known) > 0 && known[0] == e && known.isBlock()
}

func (w *town) liftLate(t *rapid.T) {
	if e := w.pick(t); e != nil && e.cleared {
		w.lift(t, e, true)
	}
}

func (w *town) lift(t *rapid.T, e *ending, cleared bool) {
	got, err := w.store.Lift(t.Context(), e.claim, cleared)
	if err != nil {
		t.Fatal(err)
	}
	if want := w.history.lift(e, w.clock.Now()); got != want {
		t.Fatalf("Lift() = %v, want %v", got, want)
	}
}

// prune must not change any decision, whenever it comes.
func (w *town) prune(t *rapid.T) {
	lease := w.server.lease(target)
	if lease == nil {
		return
	}
	before := w.answers(t)
	next, err := w.store.Prune(t.Context(), lease, func(h Holder) bool { return w.fateOf(h).Gone == h })
	if err != nil {
		t.Fatal(err)
	}
	if after := w.answers(t); before != after {
		t.Fatalf("Prune() has changed %q to %q", before, after)
	}
	w.history.sweep(w.clock.Now(), true, "")
	if want := w.nextDue(); !next.Equal(want) {
		t.Fatalf("Prune() = %v, want %v", next, want)
	}
}

func (w *town) answers(t *rapid.T) string {
	var answers string
	for _, workflow := range workflows {
		answer, _ := w.answer(t, by("asks").of(workflow))
		answers += workflow + ": " + answer + "\n"
	}
	return answers
}

// nextDue is when time will drop the next entry.
func (w *town) nextDue() (next time.Time) {
	for _, workflow := range workflows {
		if known := w.history.of(workflow); len(known) > 0 && !known.lasts() && (next.IsZero() || known.freeAt().Before(next)) {
			next = known.freeAt()
		}
	}
	return next
}

func (w *town) step(t *rapid.T, actions map[string]func(*rapid.T)) {
	names := make([]string, 0, len(actions))
	for _, name := range []string{"submit", "wait", "jump", "delete", "clear", "lift late", "prune"} {
		if actions[name] != nil {
			names = append(names, name)
		}
	}
	actions[rapid.SampledFrom(names).Draw(t, "action")](t)
}

func TestDecisionsFollowFromHistory(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := newTown()
		actions := map[string]func(*rapid.T){
			"submit": w.submit, "wait": w.wait, "jump": w.jump, "delete": w.delete, "clear": w.clear,
			"lift late": w.liftLate, "prune": w.prune,
		}
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			w.step(t, actions)
			w.submit(t)
		}
		for _, e := range w.history {
			e.gone = true
		}
		w.clock.SetTime(w.clock.Now().Add(1000 * time.Hour))
		w.prune(t)
		if left := w.server.lease(target); left != nil {
			t.Fatal("leases accumulate:", left)
		}
	})
}
