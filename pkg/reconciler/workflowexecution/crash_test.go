// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package workflowexecution

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/pkg/audit"
	"kubernaut.ai/workflowexecution/pkg/targetlock"
)

// lives are those of an execution that succeeds, fails or is refused, and whose run may be pruned at once; that is left alone, deleted at each
// moment, or gone at each moment without its finalizer; with a rival of another workflow that is there
// from the start, or one of the same workflow that comes late.
func lives() []life {
	var all []life
	for _, end := range []life{{}, {fails: true}, {refused: true}, {prunes: true}, {fails: true, prunes: true}} {
		for _, rival := range []life{{rival: "drain", arrives: 0}, {rival: "restart", arrives: 3}} {
			l := end
			l.rival, l.arrives, l.crash, l.jumps, l.deleted, l.removed = rival.rival, rival.arrives, never, never, never, never
			all = append(all, l)
			for moment := range 6 {
				deleted, removed := l, l
				deleted.deleted, removed.removed = moment, moment
				all = append(all, deleted, removed)
			}
		}
	}
	return all
}

// The controller dies at each of its writes, before it or before the answer. Whatever happens: two never
// work at the same time, no workflow starts twice, all end, the target is free, and what is remembered
// of it is right.
func TestCrashAnywhere(t *testing.T) {
	points := 0
	for _, l := range lives() {
		for l.crash = 0; ; l.crash++ {
			writes := 0
			for _, l.applied = range []bool{false, true} {
				t.Run(fmt.Sprintf("%+v", l), func(t *testing.T) {
					w := newWorld(t, l)
					w.live()
					w.checkEnd()
					writes = w.writes
				})
			}
			if writes <= l.crash {
				break
			}
			points += 2
		}
	}
	t.Logf("%d crash points", points)
}

// The clock is set forward or back by an hour at each moment.
func TestClockJumps(t *testing.T) {
	for _, l := range lives() {
		for l.jumps = range 8 {
			for _, l.jump = range []time.Duration{time.Hour, -time.Hour} {
				t.Run(fmt.Sprintf("%+v", l), func(t *testing.T) {
					w := newWorld(t, l)
					w.live()
					w.checkEnd()
				})
			}
		}
	}
}

// What becomes of a late rival when nothing goes wrong.
func TestLateRival(t *testing.T) {
	for _, test := range []struct {
		name, rival    string
		refused, fails bool
		want           v1alpha1.SkipReason
	}{
		{name: "of another workflow runs after a success", rival: "drain"},
		{name: "of another workflow runs after a failure", rival: "drain", fails: true},
		{name: "of another workflow runs after a refusal", rival: "drain", refused: true},
		{name: "of the same workflow waits after a success", rival: "restart", want: v1alpha1.SkipRecentlyRemediated},
		{name: "of the same workflow waits for a person after a failure", rival: "restart", fails: true, want: v1alpha1.SkipPreviousExecutionFailed},
		{name: "of the same workflow waits after a refusal", rival: "restart", refused: true, want: v1alpha1.SkipRecentlyRemediated},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t, life{
				refused: test.refused, fails: test.fails, rival: test.rival, arrives: 8,
				deleted: never, removed: never, crash: never, jumps: never,
			})
			w.live()
			w.checkEnd()
			var got v1alpha1.SkipReason
			if details := w.last["other"].Status.SkipDetails; details != nil {
				got = details.Reason
			}
			if got != test.want || (w.started["other"] == 1) != (test.want == "") {
				t.Errorf("Skipped for %q and started %d times, want %q", got, w.started["other"], test.want)
			}
		})
	}
}

// check is what holds at every instant.
func (w *world) check() {
	w.t.Helper()
	lock := w.lock()
	if lock.LedgerErr != nil {
		w.t.Fatal("The ledger is unreadable:", lock.LedgerErr)
	}
	for _, run := range w.runs() {
		if run.IsPending() || run.IsDone() {
			continue
		}
		a := run.Annotations
		owner := a["kubernaut.ai/execution-namespace"] + "/" + a["kubernaut.ai/execution-name"] + "/" + a["kubernaut.ai/execution-uid"]
		if lock.Holder == nil || lock.Holder.Identity != owner {
			w.t.Fatalf("The run of %s works while the target is held by %+v", owner, lock.Holder)
		}
	}
	for name, n := range w.created {
		if n > 1 || w.started[name] > 1 {
			w.t.Fatalf("%d runs were created for %s and started %d times", n, name, w.started[name])
		}
	}
}

// checkEnd is what holds when everything has come to rest.
func (w *world) checkEnd() {
	w.t.Helper()
	lock := w.lock()
	if lock.Holder != nil {
		w.t.Errorf("The target is still held by %s", lock.Holder.Identity)
	}
	for name, wfe := range w.last {
		if wfe.Status.IsTerminal() {
			w.checkOutcome(wfe)
			w.checkReleasedTime(wfe)
		} else if name != "fix" || w.removed == never {
			w.t.Errorf("%s ended as %q", name, wfe.Status.Phase)
		}
		w.checkAudit(wfe)
	}
	for _, run := range w.runs() {
		if run.IsPending() && (ownerOf(&run) != "fix" || w.removed == never) {
			w.t.Errorf("Run %s waits for a start that never comes", run.Name)
		}
	}
	if w.rival == "restart" && w.jump == 0 && len(w.order) > 1 {
		w.t.Errorf("The workflow was repeated at once: %v", w.order)
	}
	w.checkLedger(lock.Ledger)
}

// checkOutcome holds what is said of an execution against what was seen of it.
func (w *world) checkOutcome(wfe *v1alpha1.WorkflowExecution) {
	w.t.Helper()
	started, details := w.started[wfe.Name] > 0, wfe.Status.FailureDetails
	switch {
	case wfe.Status.Phase == v1alpha1.PhaseCompleted && !started:
		w.t.Errorf("%s completed without a run", wfe.Name)
	case w.succeeded[wfe.Name] && wfe.Status.Phase != v1alpha1.PhaseCompleted:
		w.t.Errorf("The run of %s succeeded, and it says: %s, %+v", wfe.Name, wfe.Status.Phase, details)
	case wfe.Status.Phase == v1alpha1.PhaseSkipped && started:
		w.t.Errorf("%s was skipped, and its run was started", wfe.Name)
	case details != nil && started && (!details.WasExecutionFailure || strings.Contains(details.Message, "nothing ran")):
		w.t.Errorf("The run of %s was started, and it says: %+v", wfe.Name, *details)
	}
}

// checkReleasedTime holds what is said of a release against when it was seen. After a crash that came between it and
// its note, the ledger knows it, if anything ran.
func (w *world) checkReleasedTime(wfe *v1alpha1.WorkflowExecution) {
	w.t.Helper()
	at, freed := w.freed[wfe.Name]
	if end := wfe.Status.CompletionTime.Time; freed && at.Before(end) {
		// The clock was set back.
		at = end
	}
	isKnown := w.started[wfe.Name] > 0 || w.crash == never
	switch said := wfe.Status.ReleasedTime; {
	case said == nil && freed && isKnown && w.removed == never:
		w.t.Errorf("%s does not say that its target was freed at %s", wfe.Name, at)
	case said != nil && !freed:
		w.t.Errorf("%s never had its target, and says that it was freed at %s", wfe.Name, said)
	case said != nil && (isKnown && !said.Time.Equal(at) || said.Time.Before(at)):
		w.t.Errorf("%s says that its target was freed at %s, and it was at %s", wfe.Name, said, at)
	}
}

// checkAudit holds what the sink has stored against what became of an execution. Of one whose finalizer
// somebody has removed it may lack what came last.
func (w *world) checkAudit(wfe *v1alpha1.WorkflowExecution) {
	w.t.Helper()
	for _, e := range audit.TypesOf(wfe) {
		if _, ok := w.audited[audit.ID(wfe.UID, e)]; !ok && (wfe.Name != "fix" || w.removed == never) {
			w.t.Errorf("The sink has no event %s of %s", e, wfe.Name)
		}
	}
	if _, ok := w.audited[audit.ID(wfe.UID, audit.WorkflowStarted)]; ok != wfe.Status.HasStarted() && w.removed == never {
		w.t.Errorf("%s has started: %t; the sink has its start: %t", wfe.Name, wfe.Status.HasStarted(), ok)
	}
}

// checkLedger holds the ledger against what was seen. Time may have made void what does not block.
func (w *world) checkLedger(ledger targetlock.Ledger) {
	w.t.Helper()
	latest := map[string]string{}
	for _, name := range w.order {
		latest[w.workflowOf(name)] = name
	}
	for id, name := range latest {
		entry, known := ledger[id]
		switch {
		case !known && w.jump == 0, !known && w.blocks(name):
			w.t.Errorf("%s ran, and is not remembered: %+v", name, ledger)
		case known && (entry.Execution.Name != name || !entry.Ran):
			w.t.Errorf("%s ran, and what is remembered is %+v", name, entry)
		}
	}
	for id, entry := range ledger {
		w.checkEntry(id, entry)
	}
}

func (w *world) checkEntry(id string, entry targetlock.Entry) {
	w.t.Helper()
	name := entry.Execution.Name
	if id != w.workflowOf(name) {
		w.t.Errorf("%s is remembered for workflow %s", name, id)
	}
	if hasRun := w.started[name] > 0; entry.Ran != hasRun && !w.isUnknown(name, hasRun) {
		w.t.Errorf("%s was started %d times, and what is remembered is %+v", name, w.started[name], entry)
	}
	if !entry.Ran && entry.ConsecutiveFailures > 1 {
		w.t.Errorf("One failure of %s counts as %d", name, entry.ConsecutiveFailures)
	}
	if wfe := w.last[name]; wfe.Status.IsTerminal() {
		if wfe.Status.Phase != entry.Outcome {
			w.t.Errorf("%s is %s, and what is remembered is %+v", name, wfe.Status.Phase, entry)
		}
		if blocks := entry.Blocks != ""; blocks != w.blocks(name) {
			w.t.Errorf("%s blocks: %t, and what is remembered is %+v", name, w.blocks(name), entry)
		}
	}
}

// isUnknown tells whether nobody can tell if an execution ran: one that was removed, and one that was deleted
// before its run started, where a crash came between the deletions of its run and of itself. What is not
// known is taken for what ran.
func (w *world) isUnknown(name string, hasRun bool) bool {
	return name == "fix" && (w.removed != never || !hasRun && w.deleted != never && w.crash != never)
}

// blocks tells whether an execution has to block its workflow: it ran and failed, and nobody has deleted it.
func (w *world) blocks(name string) bool {
	wfe := w.last[name]
	return wfe.Status.Phase == v1alpha1.PhaseFailed && w.started[name] > 0 && wfe.DeletionTimestamp == nil
}

func (w *world) workflowOf(name string) string {
	if name == "fix" {
		return "restart"
	}
	return w.rival
}
