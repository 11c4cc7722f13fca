// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package targetlock

// maxRuns is how often the run of one execution is created: once more after it was deleted.
const maxRuns = 2

func (r *pipelineRun) isWorking() bool {
	return r.state == working || r.state == haunting || r.state == cancelled || r.state == setBack
}

func (m *model) readToFence(w *world, p *pass) bool {
	p.look(w)
	if w.lease.holder != p.of || w.lease.fenced {
		return p.fenced()
	}
	return p.goTo(writeFence)
}

func (m *model) writeFence(w *world, p *pass) bool {
	if !p.leaseIsFresh {
		return p.goTo(readToFence)
	}
	w.lease.fenced = true
	w.changedLease()
	return p.fenced()
}

func (m *model) readRunToAbandon(w *world, p *pass) bool {
	switch run := p.saw(w, p.who); {
	case run.state == noRun:
		return p.free(p.who, p.noting)
	case m.isUnstarted(run):
		return p.goTo(deleteUnstarted)
	default:
		return p.stop()
	}
}

func (m *model) deleteUnstarted(w *world, p *pass) bool {
	run, seen := w.run(p.of), p.seen[p.of-1]
	switch {
	case m.goneIsUnstarted && (run.state == noRun || run.state == haunting):
	case m.blindDelete && run.state == working:
		run.state = haunting
		w.changedRun(p.of)
	case !m.blindDelete && (!p.runIsFresh[p.of-1] || !m.isUnstarted(&seen) || seen.uid != run.uid):
		return p.stop()
	case run.state == setBack:
		run.state = haunting
		w.changedRun(p.of)
	default:
		run.state = noRun
		w.changedRun(p.of)
	}
	if p.aim == toTurnAway {
		return p.store()
	}
	return p.goTo(readToRelease)
}

func (m *model) readRemains(w *world, p *pass) bool {
	hasCopy := w.reruns[p.who-1] && !m.releasesUnderReruns
	switch {
	case !hasCopy && (!w.run(p.who).isWorking() || m.earlyRelease):
		return p.free(p.who, hasRun)
	case w.execution(p.who).end == notEnded:
		return p.store()
	}
	return p.stop()
}

func (m *model) readToRelease(w *world, p *pass) bool {
	p.look(w)
	isNew := p.noting != notEnded && w.lease.ledger[p.of-1] == notEnded
	if w.lease.holder == p.of || isNew && w.lease.holder == nobody {
		return p.goTo(writeRelease)
	}
	return p.released()
}

func (m *model) writeRelease(w *world, p *pass) bool {
	if p.leaseExists != w.lease.exists || p.leaseExists && !p.leaseIsFresh && !m.blindUpdate {
		return p.goTo(readToRelease)
	}
	w.freed = w.freed || w.lease.holder == p.of && w.reruns[p.of-1] && p.asksForReruns()
	w.lease.holder, w.lease.fenced = nobody, false
	if entry := &w.lease.ledger[p.of-1]; *entry == notEnded {
		*entry = p.noting
	}
	w.lease.exists = w.lease.ledger != [2]end{}
	w.changedLease()
	return p.released()
}

// writeStatus overwrites whatever was stored meanwhile, as Knative does when its write conflicts, except for
// what the rules of the resource protect.
func (m *model) writeStatus(w *world, p *pass) bool {
	e := w.execution(p.who)
	refused := e.ref != 0 && p.status.ref != e.ref ||
		e.end.isTerminal() && p.status.end != e.end ||
		e.end == hasRun && p.status.end != hasRun && p.status.end != released
	if !e.gone && (!refused || m.noStatusRules) {
		p.status.deleted = e.deleted
		e.status = p.status
	}
	return p.stop()
}

func (m *model) letGo(w *world, p *pass) bool {
	w.execution(p.who).gone = true
	run := w.run(p.who)
	switch {
	case run.state == pending || run.state == done:
		run.state = noRun
		w.changedRun(p.who)
	case run.isWorking() && run.state != haunting:
		run.state = haunting
		w.changedRun(p.who)
	}
	return p.stop()
}

// event is what leads from one state to the next.
type event struct {
	what string
	who  party
}

func (e event) String() string { return e.what + " " + workflow(e.who) }

// successors calls back with every state that can come next, and with what leads there.
func (m *model) successors(w *world, visit func(event, *world)) {
	var next world
	for i := range m.passes {
		before := &w.passes[i]
		for choice := range 4 {
			next = *w
			if p := &next.passes[i]; requests[before.at](m, &next, p, choice) {
				p.forget()
				by := max(before.who, p.who)
				next.sort()
				visit(event{pointNames[before.at], by}, &next)
			}
		}
		if next = *w; before.who != nobody && m.fault(&next, before.who) {
			next.passes[i].stop()
			next.sort()
			visit(event{"crash of the pass for", before.who}, &next)
		}
	}
	for _, happening := range happenings {
		for _, who := range []party{partyA, partyB} {
			if next = *w; happening.to(m, &next, who) {
				next.sort()
				visit(event{happening.what, who}, &next)
			}
		}
	}
}
