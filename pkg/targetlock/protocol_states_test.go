// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package targetlock

// sort makes one state of two that differ only in which replica does what.
func (w *world) sort() {
	if w.passes[0].key() > w.passes[1].key() {
		w.passes[0], w.passes[1] = w.passes[1], w.passes[0]
	}
}

// forget makes one state of those that differ only in what is not used any more.
func (p *pass) forget() {
	switch p.at {
	case readWorking, takeLease, writeFence, writeRelease:
	default:
		p.leaseIsFresh, p.leaseExists = false, false
	}
	for of := range p.seen {
		if !p.needs(party(of + 1)) {
			p.seen[of], p.runIsFresh[of] = pipelineRun{}, false
		}
	}
}

func (p *pass) needs(run party) bool {
	keepsOwn := p.aim == toRegain || p.aim == toTakeOverAgain || p.aim == toTurnAway
	switch p.at {
	case readReference, readExecution, readLeaseToStart, readWorkingToStart, startRun, readLeaseAgain,
		readIfStarted, readLeaseOfStarted, cancelRun:
		keepsOwn = true
	case readToFence, writeFence:
		keepsOwn = keepsOwn || p.aim == toAbandon
	default:
	}
	return keepsOwn && run == p.who || p.at == deleteUnstarted && run == p.of
}

// key tells passes apart.
func (p *pass) key() uint64 {
	k := pack(0, 5, uint8(p.at))
	k = pack(k, 4, uint8(p.aim))
	k = pack(k, 2, uint8(p.who), uint8(p.of), uint8(p.noting))
	for i, run := range p.seen {
		k = packFlags(pack(pack(k, 3, uint8(run.state)), 2, run.uid), p.runIsFresh[i])
	}
	return packFlags(p.status.pack(k), p.leaseIsFresh, p.leaseExists)
}

func (s *status) pack(k uint64) uint64 {
	return packFlags(pack(k, 2, s.ref, uint8(s.end)), s.locked, s.started, s.deleted)
}

// key tells states apart, and is smaller.
func (w *world) key() [4]uint64 {
	k := pack(0, 2, uint8(w.lease.holder), uint8(w.lease.ledger[0]), uint8(w.lease.ledger[1]), w.faults)
	k = packFlags(pack(k, 2, w.strangers), w.lease.exists, w.lease.fenced, w.edited, w.freed)
	k = packFlags(k, w.unlocked[0], w.unlocked[1], w.reruns[0], w.reruns[1])
	for i := range w.executions {
		e, run := &w.executions[i], &w.runs[i]
		k = packFlags(e.pack(k), e.gone, e.ran)
		k = pack(pack(k, 3, uint8(run.state)), 2, run.uid)
	}
	return [4]uint64{k, w.passes[0].key(), w.passes[1].key(), w.passes[2].key()}
}

func pack(key uint64, bits uint, values ...uint8) uint64 {
	for _, value := range values {
		key = key<<bits | uint64(value)
	}
	return key
}

func packFlags(key uint64, flags ...bool) uint64 {
	for _, flag := range flags {
		if key <<= 1; flag {
			key |= 1
		}
	}
	return key
}
