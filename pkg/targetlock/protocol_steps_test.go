// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package targetlock

// point is the request that a pass makes next.
type point uint8

const (
	idle point = iota
	readLease
	readHolder
	readHoldersRun
	readWorking
	takeLease
	createRun
	readExistingRun
	readReference
	readBeforeGivingUp
	readRunBeforeGivingUp
	readExecution
	readLeaseToStart
	readWorkingToStart
	startRun
	readLeaseAgain
	readToFence
	writeFence
	readRunToAbandon
	deleteUnstarted
	readRemains
	readToRelease
	writeRelease
	writeStatus
	letGo
	readIfStarted
	readLeaseOfStarted
	readSetBack
	cancelRun
	readIfEnded
	readOwnEntry
	readOwnRun
	points
)

// purpose is what a pass does its requests for, where it matters to what comes after them.
type purpose uint8

const (
	toAcquire purpose = iota
	// toRegain takes back a lock that was lost before the start.
	toRegain
	// toTakeOver and toTakeOverAgain free the lock of a dead holder, for the two above.
	toTakeOver
	toTakeOverAgain
	// toAbandon ends what never started.
	toAbandon
	// toGiveUp and toGiveUpFenced look whether there is a run after all, before and after the fence.
	toGiveUp
	toGiveUpFenced
	// toTurnAway deletes a run that has lost its target.
	toTurnAway
	toFinish
	// toStartAgain starts a run that was set back.
	toStartAgain
	// toFinalize ends a run whose execution was deleted.
	toFinalize
)

// pass is a replica at work for one execution, with all that it knows.
type pass struct {
	at  point
	aim purpose
	who party
	// status is what the pass was given, and what it will store.
	status status
	// of is whose lock or run the next requests are about.
	of party
	// seen are the runs as they were read.
	seen [2]pipelineRun
	// noting is what the ledger is to remember.
	noting end
	// leaseIsFresh and runIsFresh tell whether nobody has changed what was read.
	leaseIsFresh, leaseExists bool
	runIsFresh                [2]bool
}

func (p *pass) saw(w *world, of party) *pipelineRun {
	seen := *w.run(of)
	if ref := p.status.ref; seen.state == haunting || of == p.who && ref != 0 && seen.uid != ref {
		seen.state = noRun
	}
	p.seen[of-1], p.runIsFresh[of-1] = seen, true
	return &p.seen[of-1]
}

func (p *pass) goTo(at point) bool {
	p.at = at
	return true
}

func (p *pass) stop() bool {
	*p = pass{}
	return true
}

// store has the status written, and forgets what is not needed for that.
func (p *pass) store() bool {
	*p = pass{at: writeStatus, who: p.who, status: p.status}
	return true
}

func (p *pass) ends(with end) bool {
	p.status.end = with
	return p.store()
}

// free has a lock released.
func (p *pass) free(of party, noting end) bool {
	p.of, p.noting = of, noting
	return p.goTo(readToRelease)
}

// begin gives a replica one of the executions. A replica with an old copy is one that was held up
// right after it began.
func (m *model) begin(w *world, p *pass, choice int) bool {
	who := party(choice%2 + 1)
	e := w.execution(who)
	if e.gone || m.passes == len(w.passes) && (p == &w.passes[2]) != (who == partyB) {
		return false
	}
	p.who, p.status = who, e.status
	run := p.saw(w, who)
	fails := choice >= 2
	if fails && (run.state != done || e.deleted || e.end != notEnded) {
		return false
	}
	switch {
	case e.end.isTerminal():
		return e.deleted && p.goTo(letGo)
	case e.deleted:
		return m.finalize(p, run)
	case e.end == hasRun:
		p.aim = toFinish
		return p.goTo(readRemains)
	case !e.locked:
		// The read of the execution that comes next stops a pass with an old copy: the two are as good as one.
		return p.goTo(readLease)
	}
	return m.proceed(p, run, fails)
}

// proceed is what follows once the target is locked.
func (m *model) proceed(p *pass, run *pipelineRun, fails bool) bool {
	switch {
	case p.status.ref == 0:
		return p.goTo(createRun)
	case run.state == noRun:
		return p.goTo(readIfEnded)
	case run.state == done && fails:
		return p.ends(hasRun)
	case run.state == done:
		p.status.end, p.aim = hasRun, toFinish
		return p.goTo(readRemains)
	case run.state == working:
		return !p.status.started && p.goTo(readIfStarted)
	case run.state == cancelled:
		return m.noteStart(p)
	case run.state == setBack:
		return p.goTo(readSetBack)
	}
	return p.goTo(readExecution)
}

func (m *model) noteStart(p *pass) bool {
	if p.status.started {
		return false
	}
	p.status.started = true
	return p.store()
}

func (m *model) finalize(p *pass, run *pipelineRun) bool {
	switch {
	case run.state == noRun && p.status.ref == 0, m.isUnstarted(run):
		return m.abandon(p, notEnded)
	case run.state == working || run.state == setBack:
		p.aim = toFinalize
		return p.goTo(cancelRun)
	case run.state == cancelled:
		return m.noteStart(p)
	case run.state == noRun && p.status.end == notEnded:
		return p.goTo(readIfEnded)
	case p.status.end == notEnded:
		return p.ends(hasRun)
	}
	p.aim = toFinish
	return p.goTo(readRemains)
}

// abandon ends an execution whose run has not started.
func (m *model) abandon(p *pass, noting end) bool {
	p.aim, p.of, p.noting = toAbandon, p.who, noting
	return m.fence(p)
}

func (m *model) fence(p *pass) bool {
	if m.noFence {
		return p.fenced()
	}
	return p.goTo(readToFence)
}

// fenced is what follows a fence.
func (p *pass) fenced() bool {
	switch p.aim {
	case toTakeOver, toTakeOverAgain:
		return p.goTo(readHoldersRun)
	case toGiveUp:
		p.aim = toGiveUpFenced
		return p.goTo(readBeforeGivingUp)
	default:
	}
	if p.seen[p.who-1].state == noRun {
		return p.goTo(readRunToAbandon)
	}
	return p.goTo(deleteUnstarted)
}

// released is what follows a release.
func (p *pass) released() bool {
	switch p.aim {
	case toTakeOver, toTakeOverAgain:
		p.aim = p.aim - toTakeOver + toAcquire
		return p.goTo(readLease)
	case toFinish:
		return p.ends(released)
	default:
		return p.ends(endedIdle)
	}
}

// turnAway ends an execution that does not get its target.
func (p *pass) turnAway(with end) bool {
	p.status.end = with
	hasLooked := p.aim == toRegain
	p.aim, p.of = toTurnAway, p.who
	if hasLooked {
		return p.goTo(deleteUnstarted)
	}
	return p.goTo(readOwnRun)
}

// taken is what follows once the target is ours, on paper.
func (m *model) taken(p *pass) bool {
	if p.aim == toRegain {
		return p.goTo(readLeaseAgain)
	}
	p.status.locked = true
	return m.proceed(p, &p.seen[p.who-1], false)
}
