// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package targetlock

// happenings are what comes about without a pass.
var happenings = []struct {
	what string
	to   func(m *model, w *world, who party) bool
}{
	{"the work ends of", func(_ *model, w *world, who party) bool {
		run := w.run(who)
		next := map[runState]runState{working: done, haunting: noRun}[run.state]
		if next == noRun && run.state != haunting {
			return false
		}
		run.state = next
		w.changedRun(who)
		return true
	}},
	{"somebody deletes", func(_ *model, w *world, who party) bool {
		e := w.execution(who)
		if e.gone || e.deleted || who == partyB {
			return false
		}
		e.deleted = true
		return true
	}},
	{"somebody removes the finalizer of", func(m *model, w *world, who party) bool {
		e := w.execution(who)
		if e.gone || !m.fault(w, who) {
			return false
		}
		e.gone = true
		return true
	}},
	{"the ledger forgets", func(m *model, w *world, who party) bool {
		entry := w.lease.ledger[who-1]
		if entry == notEnded || entry == endedIdle && !w.execution(who).gone || !m.fault(w, who) {
			return false
		}
		w.lease.ledger[who-1] = notEnded
		w.lease.exists = w.lease.holder != nobody || w.lease.ledger != [2]end{}
		w.changedLease()
		return true
	}},
	{"the history is deleted of", func(m *model, w *world, who party) bool {
		run, e := w.run(who), w.execution(who)
		isOrphan := run.state == pending && (e.gone || e.end.isTerminal())
		if !isOrphan && (run.state != done || !m.fault(w, who)) {
			return false
		}
		run.state = noRun
		w.changedRun(who)
		return true
	}},
	{"the lease is deleted by hand under", func(m *model, w *world, who party) bool {
		if !m.byHand || !w.lease.exists || !m.fault(w, who) {
			return false
		}
		w.lease, w.edited = modelLease{}, true
		w.changedLease()
		return true
	}},
}
