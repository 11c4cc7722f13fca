// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package targetlock

// requests are the steps of a pass, by the point that it has come to. Where more than one thing can
// come of a request, choice tells which; the answer is false if there is no such choice.
var requests = [points]func(m *model, w *world, p *pass, choice int) bool{
	idle:                  (*model).begin,
	readLease:             once((*model).readLease),
	readHolder:            once((*model).readHolder),
	readHoldersRun:        once((*model).readHoldersRun),
	readWorking:           once((*model).readWorking),
	takeLease:             once((*model).takeLease),
	createRun:             (*model).createRun,
	readExistingRun:       once((*model).readExistingRun),
	readReference:         once((*model).readReference),
	readBeforeGivingUp:    once((*model).readBeforeGivingUp),
	readRunBeforeGivingUp: once((*model).readRunBeforeGivingUp),
	readExecution:         once((*model).readExecution),
	readLeaseToStart:      once((*model).readLeaseToStart),
	readWorkingToStart:    once((*model).readWorkingToStart),
	startRun:              (*model).startRun,
	readLeaseAgain:        once((*model).readLeaseAgain),
	readToFence:           once((*model).readToFence),
	writeFence:            once((*model).writeFence),
	readRunToAbandon:      once((*model).readRunToAbandon),
	deleteUnstarted:       once((*model).deleteUnstarted),
	readRemains:           once((*model).readRemains),
	readToRelease:         once((*model).readToRelease),
	writeRelease:          once((*model).writeRelease),
	writeStatus:           once((*model).writeStatus),
	letGo:                 once((*model).letGo),
	readIfStarted:         once((*model).readIfStarted),
	readLeaseOfStarted:    once((*model).readLeaseOfStarted),
	readSetBack:           once((*model).readSetBack),
	cancelRun:             (*model).cancelRun,
	readIfEnded:           once((*model).readIfEnded),
	readOwnEntry:          once((*model).readOwnEntry),
	readOwnRun:            once((*model).readOwnRun),
}

// pointNames say what a pass does at a point, for the story of a broken promise.
var pointNames = [points]string{
	"begins with", "reads the lease for", "reads the holder for", "reads the holder's run for", "looks who works, for",
	"takes the lease for", "creates the run of", "reads the existing run of", "reads whether a run is stored of",
	"before giving up, reads", "before giving up, reads the run of", "reads", "reads the lease, to start", "looks who works, to start", "starts the run of",
	"reads the lease again for", "reads the lease, to fence, for", "fences, for", "reads the run, to abandon it, of",
	"deletes an unstarted run for", "reads what remains of", "reads the lease, to release it, for", "releases, for",
	"stores the status of", "lets go of", "reads whether a start is stored of", "reads the lease of the started run of", "reads the run that was set back of",
	"cancels the run of", "reads whether an outcome is stored of", "looks in the ledger for",
	"before turning it away, reads the run of",
}

func once(request func(*model, *world, *pass) bool) func(*model, *world, *pass, int) bool {
	return func(m *model, w *world, p *pass, choice int) bool { return choice == 0 && request(m, w, p) }
}

// look notes which Lease was read.
func (p *pass) look(w *world) {
	p.leaseIsFresh, p.leaseExists = true, w.lease.exists
}

func (m *model) readLease(w *world, p *pass) bool {
	p.look(w)
	switch m.decide(question{lease: w.lease, who: p.who}) {
	case Held:
		p.of = p.who
		return p.goTo(readWorking)
	case Spent:
		return p.turnAway(asRemembered(w.lease.ledger[p.who-1]))
	case Busy:
		p.of = w.lease.holder
		return p.goTo(readHolder)
	case Free:
		p.of = nobody
		return p.goTo(readWorking)
	case NotAgain, Unreadable, Full:
	}
	return false
}

func (m *model) readHolder(w *world, p *pass) bool {
	e := w.execution(p.of)
	if !e.gone && !e.end.isTerminal() {
		return p.turnAway(endedIdle)
	}
	p.aim += toTakeOver
	switch {
	case e.gone || e.end != endedIdle:
		p.noting = hasRun
	case !e.deleted:
		p.noting = endedIdle
	}
	return m.fence(p)
}

func (m *model) readHoldersRun(w *world, p *pass) bool {
	run := p.saw(w, p.of)
	switch {
	case w.reruns[p.of-1] && !m.releasesUnderReruns, w.run(p.of).isWorking() && !m.isUnstarted(run) && !m.earlyRelease:
		p.aim -= toTakeOver
		return p.turnAway(endedIdle)
	case m.isUnstarted(run):
		if w.execution(p.of).gone {
			p.noting = notEnded
		}
		return p.goTo(deleteUnstarted)
	}
	return p.goTo(readToRelease)
}

// readWorking goes by an index that is assumed not to lag. A pending run counts: a replica may
// be about to start it.
func (m *model) readWorking(w *world, p *pass) bool {
	switch {
	case m.isBusy(w, p):
		return p.turnAway(endedIdle)
	case p.of == p.who:
		return m.taken(p)
	}
	return p.goTo(takeLease)
}

func (m *model) isBusy(w *world, p *pass) bool {
	run := w.run(partyA + partyB - p.who)
	hasReruns := w.reruns != [2]bool{} && !m.startsBesideReruns
	return hasReruns || run.isWorking() || run.state == pending && !m.pendingIsIdle
}

func (m *model) takeLease(w *world, p *pass) bool {
	if p.leaseExists != w.lease.exists || p.leaseExists && !p.leaseIsFresh && !m.blindUpdate {
		return p.goTo(readLease)
	}
	w.lease.exists, w.lease.holder, w.lease.fenced, w.unlocked[p.who-1] = true, p.who, false, false
	w.changedLease()
	return m.taken(p)
}

// createRun may also be refused (1), or have its answer lost for so long (2) that the execution is given up.
func (m *model) createRun(w *world, p *pass, choice int) bool {
	run := w.run(p.who)
	exists := run.state != noRun && run.state != haunting
	switch {
	case choice > 0 && !m.fault(w, p.who):
		return false
	case choice == 1, choice == 2 && !exists && run.uid < maxRuns:
		p.aim, p.noting = toGiveUp, endedIdle
		p.goTo(readBeforeGivingUp)
	case choice == 0 && exists:
		return p.goTo(readExistingRun)
	case choice > 0 || run.uid == maxRuns:
		return false
	}
	if choice == 1 {
		return true
	}
	run.state, run.uid = pending, run.uid+1
	w.changedRun(p.who)
	if choice == 0 {
		return m.created(w, p)
	}
	return true
}

func (m *model) created(w *world, p *pass) bool {
	p.status.ref = w.run(p.who).uid
	if m.earlyStart {
		p.saw(w, p.who)
		return p.goTo(readExecution)
	}
	return p.store()
}

func (m *model) readExistingRun(w *world, p *pass) bool {
	if p.saw(w, p.who).state == noRun {
		return p.stop()
	}
	return p.goTo(readReference)
}

// hasNoReference tells whether, as far as the API server knows, no run of the execution is stored.
func (w *world) hasNoReference(p *pass) bool {
	e := w.execution(p.who)
	return !e.gone && e.ref == 0 && e.end == notEnded
}

func (m *model) readReference(w *world, p *pass) bool {
	if !w.hasNoReference(p) {
		return p.stop()
	}
	p.status.ref = p.seen[p.who-1].uid
	return p.store()
}

func (m *model) readBeforeGivingUp(w *world, p *pass) bool {
	if !w.hasNoReference(p) {
		return p.stop()
	}
	return p.goTo(readRunBeforeGivingUp)
}

func (m *model) readRunBeforeGivingUp(w *world, p *pass) bool {
	p.of = p.who
	if run := p.saw(w, p.who); run.state != noRun {
		p.status.ref = run.uid
		return p.store()
	}
	if p.aim == toGiveUpFenced || m.noSecondLook {
		return p.goTo(readToRelease)
	}
	return m.fence(p)
}

func (m *model) readExecution(w *world, p *pass) bool {
	e := w.execution(p.who)
	isStored := e.ref == p.seen[p.who-1].uid || m.earlyStart
	switch {
	case e.gone || e.deleted || e.end != notEnded || e.started && p.aim != toStartAgain || !isStored:
		return p.stop()
	case m.noLeaseRead:
		return p.goTo(startRun)
	}
	return p.goTo(readLeaseToStart)
}

func (m *model) readLeaseToStart(w *world, p *pass) bool {
	isLocked := w.lease.holder == p.who && !w.lease.fenced
	switch {
	case !isLocked && p.aim == toStartAgain:
		return p.goTo(cancelRun)
	case !isLocked:
		p.aim = toRegain
		return p.goTo(readLease)
	case m.looksOnlyToTake:
		return p.goTo(startRun)
	}
	return p.goTo(readWorkingToStart)
}

// readWorkingToStart turns away whoever finds another run before its own start. Its lock stays until the
// next one finds its holder dead.
func (m *model) readWorkingToStart(w *world, p *pass) bool {
	switch {
	case !m.isBusy(w, p):
		return p.goTo(startRun)
	case p.aim == toStartAgain:
		return p.goTo(cancelRun)
	}
	p.aim = toRegain
	return p.turnAway(endedIdle)
}

// startRun may also have its answer lost for so long that the execution is abandoned, whether the request
// came through (1) or not (2).
func (m *model) startRun(w *world, p *pass, choice int) bool {
	run, seen := w.run(p.who), p.seen[p.who-1]
	isPending := run.state == pending || run.state == setBack
	mayStart := isPending && run.uid == seen.uid || m.blindStart && run.state != haunting && run.state != working
	switch {
	case choice > 2, choice > 0 && !m.fault(w, p.who):
		return false
	case choice < 2 && mayStart:
		run.state, w.execution(p.who).ran, w.unlocked[p.who-1] = working, true, false
		w.changedRun(p.who)
	case choice == 0 && (run.state == noRun || run.state == haunting || run.uid != seen.uid):
		return p.stop()
	case choice == 0 && run.state == working && p.aim != toStartAgain && !m.anyStartCounts:
		return p.goTo(readIfStarted)
	}
	switch {
	case choice > 0 && p.aim == toStartAgain:
		// It goes on as one that was started.
	case choice > 0:
		return m.abandon(p, endedIdle)
	}
	p.status.started = true
	return p.store()
}

func (m *model) readLeaseAgain(w *world, p *pass) bool {
	if w.lease.holder == p.who && !w.lease.fenced {
		return p.stop()
	}
	p.aim, p.of = toAbandon, p.who
	return p.goTo(deleteUnstarted)
}
