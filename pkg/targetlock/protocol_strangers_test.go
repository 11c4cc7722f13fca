// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package targetlock

// Strangers do to runs what nothing but a policy of the API server could keep them from: they start a pending run, set a
// started one back to pending, and make a copy of a run, with all its marks, which works at once (a copy that is pending is
// one that comes later). No lock can keep a stranger from the target while somebody works there, or is just about to: what is
// proven is that no start, release or takeover of ours joins such a work, or denies it. So a stranger does not act
//
//   - where work of the other execution is on the target, or its start has looked who works and has not been sent yet:
//     there would be two whatever the protocol is;
//   - with a start, where it is stored or about to be, after the last look at the run, that nothing of the execution ran:
//     a terminal phase never changes;
//   - with the deletion of a run that a stranger has started and that has ended, where its reference is not stored;
//   - with a copy, where its execution has been seen to have nothing left, and the release has not been sent yet.

// stranger counts one more act, and tells whether there may be one.
func (m *model) stranger(w *world) bool {
	w.strangers++
	return w.strangers <= m.strangers
}

// works tells whether anything of an execution is at work on the target.
func (w *world) works(p party) bool { return w.run(p).isWorking() || w.reruns[p-1] }

// isFree tells whether work of an execution that begins now can still be seen by whoever decides about the other one.
func (w *world) isFree(who party) bool {
	other := partyA + partyB - who
	return !w.works(other) && !w.isAt(func(p *pass) bool { return p.who == other && p.at == startRun })
}

func (w *world) isAt(holds func(*pass) bool) bool {
	return holds(&w.passes[0]) || holds(&w.passes[1]) || holds(&w.passes[2])
}

// isDenied tells whether nothing can change any more that an execution says that nothing of it ran.
func (w *world) isDenied(who party) bool {
	return w.execution(who).end == endedIdle || w.isAt(func(p *pass) bool {
		isReleased := (p.aim == toAbandon || p.aim == toGiveUpFenced) && (p.at == readToRelease || p.at == writeRelease)
		return p.who == who && (isReleased || p.at == writeStatus && p.status.end == endedIdle)
	})
}

// isUnseen tells whether a stranger has started a run of which nothing is stored: once that is gone, nobody can know of it.
func (w *world) isUnseen(who party) bool {
	return w.execution(who).ran && w.execution(who).ref == 0
}

// isSurplus tells whether the run was made by a creation that came late: its execution has had another one, or has ended, and
// frees the target whatever becomes of this one.
func (w *world) isSurplus(who party) bool {
	e := w.execution(who)
	return e.gone || e.end != notEnded || e.ref != 0 && e.ref != w.run(who).uid
}

// asksForReruns tells whether a pass has looked what is left of the execution whose target it frees.
func (p *pass) asksForReruns() bool {
	switch p.aim {
	case toFinish, toTakeOver, toTakeOverAgain:
		return true
	default:
		return false
	}
}

func (m *model) startByOther(w *world, who party) bool {
	run := w.run(who)
	if run.state != pending || !w.isFree(who) || w.isDenied(who) || !m.stranger(w) {
		return false
	}
	run.state, w.execution(who).ran = working, true
	w.unlocked[who-1] = w.isSurplus(who) || w.lease.holder != who || w.lease.fenced
	w.changedRun(who)
	return true
}

func (m *model) setBackByOther(w *world, who party) bool {
	run := w.run(who)
	if run.state != working && run.state != cancelled || !m.stranger(w) {
		return false
	}
	run.state = setBack
	w.changedRun(who)
	return true
}

func (m *model) rerunByOther(w *world, who party) bool {
	isSeen := w.isAt(func(p *pass) bool {
		return p.of == who && p.asksForReruns() && (p.at == deleteUnstarted || p.at == readToRelease || p.at == writeRelease)
	})
	run := w.run(who)
	if run.state == noRun || run.state == haunting || w.reruns[who-1] || isSeen || !w.isFree(who) || !m.stranger(w) {
		return false
	}
	w.reruns[who-1] = true
	return true
}

// restore is what the reconciler of Leases does for a run of ours that works on a target which nobody holds.
func (m *model) restore(w *world, who party) bool {
	if m.strangers == 0 || w.lease.holder != nobody || !w.run(who).isWorking() {
		return false
	}
	w.lease.exists, w.lease.holder, w.lease.fenced = true, who, false
	w.unlocked[who-1] = w.unlocked[who-1] && w.isSurplus(who)
	w.changedLease()
	return true
}

// isUnstarted tells whether a run is pending and has never been anything else.
func (m *model) isUnstarted(run *pipelineRun) bool {
	return run.state == pending || m.setBackIsUnstarted && run.state == setBack
}

// readIfStarted and readLeaseOfStarted look at a run that works while no start of it is noted.
func (m *model) readIfStarted(w *world, p *pass) bool {
	if e := w.execution(p.who); e.gone || e.started {
		return p.stop()
	}
	if m.anyStartCounts {
		return m.noteStart(p)
	}
	return p.goTo(readLeaseOfStarted)
}

func (m *model) readLeaseOfStarted(w *world, p *pass) bool {
	if w.lease.holder == p.who && !w.lease.fenced {
		return m.noteStart(p)
	}
	return p.goTo(cancelRun)
}

func (m *model) readSetBack(w *world, p *pass) bool {
	if p.saw(w, p.who).state != setBack {
		return p.stop()
	}
	p.aim = toStartAgain
	return p.goTo(readExecution)
}

// cancelRun has a run end by way of its finally tasks, if it is not refused (1).
func (m *model) cancelRun(w *world, p *pass, choice int) bool {
	run := w.run(p.who)
	switch {
	case choice > 1, choice == 1 && !m.fault(w, p.who):
		return false
	case choice == 0 && run.uid == p.seen[p.who-1].uid && (run.state == working || run.state == setBack):
		run.state = cancelled
		w.changedRun(p.who)
	}
	if p.aim == toFinalize {
		p.status.started = true
		return p.store()
	}
	return p.stop()
}

// readIfEnded and readOwnEntry find out how a run ended that is gone.
func (m *model) readIfEnded(w *world, p *pass) bool {
	if e := w.execution(p.who); e.gone || e.end != notEnded {
		return p.stop()
	}
	return p.goTo(readOwnEntry)
}

func (m *model) readOwnEntry(w *world, p *pass) bool {
	if m.decide(question{lease: w.lease, who: p.who}) != Spent {
		return p.ends(hasRun)
	}
	return p.ends(asRemembered(w.lease.ledger[p.who-1]))
}

// readOwnRun looks whether there is a run that a pass before a crash has created. One that was started counts.
func (m *model) readOwnRun(w *world, p *pass) bool {
	run := p.saw(w, p.who)
	switch {
	case m.skipsBlindly || run.state == noRun || p.status.end == released:
		return p.store()
	case m.isUnstarted(run):
		return p.goTo(deleteUnstarted)
	}
	p.status.locked, p.status.ref, p.status.end = true, run.uid, notEnded
	return p.store()
}

// asRemembered is how an execution is over of which the ledger says that.
func asRemembered(entry end) end {
	if entry == hasRun {
		return released
	}
	return endedIdle
}
