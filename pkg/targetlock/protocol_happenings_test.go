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
		switch run.state {
		case working, cancelled:
			run.state = done
		case haunting:
			run.state = noRun
		default:
			return false
		}
		w.unlocked[who-1] = false
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
		if !isOrphan && (run.state != done || w.isUnseen(who) || !m.fault(w, who)) {
			return false
		}
		run.state = noRun
		w.changedRun(who)
		return true
	}},
	{"the copy ends of the run of", func(_ *model, w *world, who party) bool {
		worked := w.reruns[who-1]
		w.reruns[who-1] = false
		return worked
	}},
	{"somebody else starts the run of", (*model).startByOther},
	{"somebody sets back the run of", (*model).setBackByOther},
	{"somebody makes a copy of the run of", (*model).rerunByOther},
	{"the lease is given back to", (*model).restore},
	{"the lease is deleted by hand under", func(m *model, w *world, who party) bool {
		if !m.byHand || !w.lease.exists || !m.fault(w, who) {
			return false
		}
		w.lease, w.edited = modelLease{}, true
		w.changedLease()
		return true
	}},
}
