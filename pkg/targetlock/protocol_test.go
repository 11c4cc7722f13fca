// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package targetlock

import (
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/types"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
)

// This is a model of how replicas take, use and free one target for two executions of different
// workflows. Every request to the API server is a step of its own, and between any two of them
// everybody else may do anything: a replica that is held up is one whose next step comes late, and a
// crash forgets what a replica was about to do. All states that can come about are visited.

// party is one of the two executions, or nobody.
type party uint8

const (
	nobody party = iota
	partyA
	partyB
)

// end is how an execution ended, as its status says it.
type end uint8

const (
	notEnded end = iota
	// endedIdle is Failed or Skipped with the word that nothing ran.
	endedIdle
	// hasRun is stored before the target is freed, released afterwards.
	hasRun
	released
)

func (e end) isTerminal() bool { return e == endedIdle || e == released }

// status of an execution, as it is stored or as a pass has it before its eyes.
type status struct {
	locked, started, deleted bool
	// ref is the UID of the run, 0 if none is stored.
	ref uint8
	end end
}

type execution struct {
	status
	gone bool
	// ran is the truth that no status may deny.
	ran bool
}

type runState uint8

const (
	noRun runState = iota
	pending
	working
	done
	// haunting is a run that was deleted while its pods work on.
	haunting
	// cancelled is one that was cancelled and has not ended; setBack is pending again while its pods work on.
	cancelled
	setBack
)

type pipelineRun struct {
	state runState
	uid   uint8
}

type modelLease struct {
	exists, fenced bool
	holder         party
	// ledger has for each execution how it ended, if it has an entry.
	ledger [2]end
}

// world is a state of the whole. The zero one is the beginning.
type world struct {
	lease      modelLease
	executions [2]execution
	runs       [2]pipelineRun
	passes     [3]pass
	// faults tells how many there have been, edited whether the Lease was deleted by hand, strangers how often one has acted.
	faults, strangers uint8
	edited            bool
	// unlocked are runs that a stranger has started while the target was not locked for them, nor has been since.
	unlocked [2]bool
	// reruns tells of which executions a stranger's copy of the run works.
	reruns [2]bool
	// freed tells that a target was freed though a copy was there to be seen.
	freed bool
}

// model is the protocol, or what becomes of it when part of it is left out.
type model struct {
	// passes is how many replicas work at a time. Of three, the third works for the second execution, and
	// the others for the first.
	passes int
	// faults is how many there may be in one history: crashes, requests that are refused or whose answer is
	// lost, finalizers, histories and entries of the ledger that are removed.
	faults uint8
	// byHand lets people delete the Lease as well.
	byHand bool
	// strangers is how often somebody may start, set back or copy a run in one history.
	strangers uint8
	flaws
	verdicts map[question]Verdict
}

type flaws struct {
	noFence, noSecondLook, noLeaseRead, blindDelete, blindStart, blindUpdate bool
	earlyRelease, earlyStart, noStatusRules, goneIsUnstarted                 bool
	// These matter where the Lease is deleted by hand.
	pendingIsIdle, looksOnlyToTake bool
	// These matter where strangers act.
	setBackIsUnstarted, anyStartCounts, startsBesideReruns, releasesUnderReruns, skipsBlindly bool
}

// fault tells whether one more may befall an execution, and counts it. The second execution is a rival that
// nothing befalls: what matters is what it can be made to do to the first.
func (m *model) fault(w *world, who party) bool {
	w.faults++
	return w.faults <= m.faults && who == partyA
}

func (w *world) execution(p party) *execution { return &w.executions[p-1] }
func (w *world) run(p party) *pipelineRun     { return &w.runs[p-1] }

// changed makes conditional writes fail that rest on an earlier version of the Lease.
func (w *world) changedLease() {
	for i := range w.passes {
		w.passes[i].leaseIsFresh = false
	}
}

func (w *world) changedRun(p party) {
	for i := range w.passes {
		w.passes[i].runIsFresh[p-1] = false
	}
}

// question is what Decide is asked in the model.
type question struct {
	lease   modelLease
	who     party
	working party
}

func identity(p party) Holder {
	return Holder{Namespace: "payment", Name: "fix", UID: types.UID('a' + rune(p) - 1)}
}

func workflow(p party) string { return string(identity(p).UID) }

// decide has the product answer, so that the model is no second truth.
func (m *model) decide(q question) Verdict {
	q.lease.fenced = false
	if verdict, known := m.verdicts[q]; known {
		return verdict
	}
	lock := &Lock{Ledger: Ledger{}}
	if q.lease.holder != nobody {
		lock.Holder = &Conflict{Holder: identity(q.lease.holder), Identity: identity(q.lease.holder).String()}
	}
	for i, e := range q.lease.ledger {
		if e != notEnded {
			p := party(i + 1)
			lock.Ledger[workflow(p)] = Entry{Execution: identity(p), Outcome: v1alpha1.PhaseFailed, Ran: e == hasRun}
		}
	}
	var facts Facts
	if q.working != nobody {
		facts.Running = &Conflict{Holder: identity(q.working)}
	}
	verdict := Decide(lock, Claim{Holder: identity(q.who), WorkflowID: workflow(q.who)}, facts, noon).Verdict
	m.verdicts[q] = verdict
	return verdict
}

// The promises that can be broken.
const (
	bothWork      = "two runs work on one target"
	denied        = "a run was started whose execution says that nothing ran"
	unlocked      = "a run works that does not hold its target"
	accepted      = "a run goes on that somebody else has started without its lock"
	freedTooEarly = "a target was freed while a copy of its holder's run worked"
)

// broken tells which promise a state breaks.
func (w *world) broken() string {
	switch {
	case w.works(partyA) && w.works(partyB):
		return bothWork
	case w.freed:
		return freedTooEarly
	}
	for i := range w.executions {
		e := &w.executions[i]
		if e.ran && e.end == endedIdle {
			return denied
		}
		isWanted := e.started && e.ref == w.runs[i].uid && w.runs[i].state == working && !e.deleted && !e.gone
		switch {
		case !w.edited && w.runs[i].isWorking() && w.lease.holder != party(i+1) && !w.unlocked[i]:
			return unlocked
		case w.unlocked[i] && isWanted:
			return accepted
		}
	}
	return ""
}

// explore visits every state, and returns how many there are and the shortest way to a broken one.
func (m *model) explore(t *testing.T, limit int) (int, []string) {
	t.Helper()
	m.verdicts = map[question]Verdict{}
	visited, parents, index := []world{{}}, []int32{-1}, map[[4]uint64]int32{{}: 0}
	for i := 0; i < len(visited) && len(visited) < limit; i++ {
		w := visited[i]
		if promise := w.broken(); promise != "" {
			return len(visited), append(m.way(visited, parents, i), promise)
		}
		m.successors(&w, func(_ event, next *world) {
			known, isKnown := index[next.key()]
			if !isKnown {
				index[next.key()] = int32(len(visited))
				visited, parents = append(visited, *next), append(parents, int32(i))
			} else if visited[known] != *next {
				t.Fatalf("two states have one key: %+v and %+v", visited[known], *next)
			}
		})
	}
	if len(visited) >= limit {
		t.Fatalf("more than %d states", limit)
	}
	return len(visited), nil
}

// way tells what happened up to a state.
func (m *model) way(visited []world, parents []int32, i int) []string {
	var steps []string
	for ; parents[i] >= 0; i = int(parents[i]) {
		step := ""
		m.successors(&visited[parents[i]], func(e event, next *world) {
			if *next == visited[i] {
				step = e.String()
			}
		})
		steps = append(steps, step)
	}
	slices.Reverse(steps)
	return steps
}

func TestProtocolNeverHasTwoRunsOnOneTarget(t *testing.T) {
	t.Parallel()
	for name, m := range map[string]model{
		"two replicas and two faults":                {passes: 2, faults: 2},
		"two replicas and a lease deleted by hand":   {passes: 2, faults: 2, byHand: true},
		"three replicas and a lease deleted by hand": {passes: 3, faults: 1, byHand: true},
		"two replicas and a stranger":                {passes: 2, faults: 1, strangers: 1},
		"two replicas and two strangers":             {passes: 2, strangers: 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			states, way := m.explore(t, 5_500_000)
			if way != nil {
				t.Errorf("after %d states:\n%s", states, strings.Join(way, "\n"))
			}
			if states < 100_000 {
				t.Errorf("visited only %d states", states)
			}
			t.Logf("%d states", states)
		})
	}
}

// TestEachPartOfTheProtocolIsNeeded also proves that the model can find something. A run that works without
// its lock is enough: the next execution takes the target.
func TestEachPartOfTheProtocolIsNeeded(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		model model
		want  string
	}{
		"no fence before giving up":                     {model{flaws: flaws{noFence: true}}, unlocked},
		"no second look after the fence":                {model{flaws: flaws{noSecondLook: true}}, unlocked},
		"start without reading the lease":               {model{flaws: flaws{noLeaseRead: true}}, unlocked},
		"deletion of the run without its version":       {model{flaws: flaws{blindDelete: true}}, unlocked},
		"start that does not test the run":              {model{flaws: flaws{blindStart: true}}, unlocked},
		"start before the reference is stored":          {model{flaws: flaws{earlyStart: true}}, denied},
		"updates of the lease without its version":      {model{flaws: flaws{blindUpdate: true}}, unlocked},
		"release before the end of the run":             {model{flaws: flaws{earlyRelease: true}}, unlocked},
		"status that may be overwritten":                {model{flaws: flaws{noStatusRules: true}}, denied},
		"a run that is gone taken for one not started":  {model{flaws: flaws{goneIsUnstarted: true}}, denied},
		"a lease deleted under a run that is held back": {model{byHand: true, flaws: flaws{pendingIsIdle: true}}, bothWork},
		"a lease deleted after the look who works":      {model{byHand: true, flaws: flaws{looksOnlyToTake: true}}, bothWork},
		"a run that was set back taken for unstarted":   {model{strangers: 1, flaws: flaws{setBackIsUnstarted: true}}, unlocked},
		"a start by somebody else without the lock":     {model{strangers: 1, flaws: flaws{anyStartCounts: true}}, accepted},
		"start without asking for copies":               {model{strangers: 1, flaws: flaws{startsBesideReruns: true}}, bothWork},
		"release without asking for copies":             {model{strangers: 1, flaws: flaws{releasesUnderReruns: true}}, freedTooEarly},
		"a skip without a look at one's own run":        {model{strangers: 2, flaws: flaws{skipsBlindly: true}}, denied},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tc.model.passes, tc.model.faults = 2, 2
			if tc.model.strangers > 0 {
				tc.model.faults = 1
			}
			states, way := tc.model.explore(t, 5_000_000)
			if len(way) == 0 || way[len(way)-1] != tc.want {
				t.Fatalf("after %d states: %q, want %q", states, way, tc.want)
			}
			t.Logf("%d states, %d steps:\n%s", states, len(way)-1, strings.Join(way, "\n"))
		})
	}
}
