// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package targetlock

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"
	clocktesting "k8s.io/utils/clock/testing"
	"pgregory.net/rapid"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
)

// maxLedgerBytes leaves room for the other annotations of a Lease, of 256 KiB that an object's may have.
const maxLedgerBytes = 200 << 10

// crowd is a target on which more workflows run than its ledger has room for.
type crowd struct {
	server *apiServer
	clock  *clocktesting.FakePassiveClock
	store  *Store
	// blocks are those that a person has to clear, by workflow.
	blocks map[string]Claim
	born   int
}

// run has a workflow that may run on the target come to some end. It tells what the product said.
func (c *crowd) run(t *rapid.T, workflow string, outcome func(time.Time) *Outcome) Verdict {
	c.born++
	claim := by(types.UID(fmt.Sprint(c.born))).of(workflow)
	lock, err := c.store.Look(t.Context(), target)
	wantNoError(t, err)
	decision := Decide(lock, claim, Facts{}, c.clock.Now())
	if decision.Verdict != Free {
		return decision.Verdict
	}
	wantNoError(t, c.store.Take(t.Context(), lock, claim))
	released, err := c.store.Release(t.Context(), claim, outcome(c.clock.Now()), policy)
	wantNoError(t, err)
	if released.Entry.Blocks != "" {
		c.blocks[workflow] = claim
	}
	return decision.Verdict
}

func (c *crowd) clear(t *rapid.T) {
	if len(c.blocks) == 0 {
		return
	}
	workflow := rapid.SampledFrom(workflowsOf(c.blocks)).Draw(t, "cleared")
	lifted, err := c.store.Lift(t.Context(), c.blocks[workflow], true)
	wantNoError(t, err)
	if !lifted {
		t.Fatalf("the block of %s was there no more to be lifted", workflow)
	}
	delete(c.blocks, workflow)
}

// check compares the ledger with the blocks that nobody has cleared.
func (c *crowd) check(t *rapid.T) {
	ledger := LockOf(c.server.lease(target)).Ledger
	kept := map[string]Claim{}
	for workflow, entry := range ledger {
		if entry.Blocks != "" {
			kept[workflow] = by(entry.Execution.UID).of(workflow)
		}
	}
	if !maps.Equal(kept, c.blocks) {
		t.Fatalf("the ledger has the blocks %v, want %v", kept, c.blocks)
	}
	if text, err := ledger.Encode(); len(ledger) > maxEntries || len(text) > maxLedgerBytes || err != nil {
		t.Fatalf("%d entries of %d bytes, %v", len(ledger), len(text), err)
	}
}

func workflowsOf(blocks map[string]Claim) []string {
	var names []string
	for i := range 2 * maxEntries {
		if _, blocked := blocks[workflowNumber(i)]; blocked {
			names = append(names, workflowNumber(i))
		}
	}
	return names
}

// workflowNumber is as long as the API allows a workflow id to be.
func workflowNumber(i int) string {
	return fmt.Sprintf("%03d-", i) + strings.Repeat("w", 249)
}

func TestNoBlockIsEverDisplaced(t *testing.T) {
	t.Parallel()
	outcomes := map[string]func(time.Time) *Outcome{
		"completes":    completed,
		"cannot run":   func(at time.Time) *Outcome { return failed(at, false) },
		"fails":        func(at time.Time) *Outcome { return failed(at, true) },
		"fails at odd": longFailure,
	}
	rapid.Check(t, func(t *rapid.T) {
		c := &crowd{server: newAPIServer(), clock: clocktesting.NewFakePassiveClock(noon), blocks: map[string]Claim{}}
		c.store = NewStore(c.server, lockNamespace, c.clock)
		for i := range rapid.IntRange(0, maxEntries).Draw(t, "blocked before") {
			c.run(t, workflowNumber(i), outcomes["fails"])
		}
		for range rapid.IntRange(1, 100).Draw(t, "steps") {
			switch rapid.IntRange(0, 9).Draw(t, "step") {
			case 0:
				c.clear(t)
			case 1:
				c.clock.SetTime(c.clock.Now().Add(time.Duration(rapid.IntRange(0, 600).Draw(t, "wait")) * time.Second))
			default:
				workflow := workflowNumber(rapid.IntRange(0, 2*maxEntries-1).Draw(t, "workflow"))
				how := rapid.SampledFrom([]string{"completes", "cannot run", "fails", "fails at odd"}).Draw(t, "how")
				full := len(c.blocks) == maxEntries
				if got := c.run(t, workflow, outcomes[how]); (got == Full) != (full && c.blocks[workflow] == Claim{}) {
					t.Fatalf("with %d blocks a workflow gets %s", len(c.blocks), got)
				}
			}
			c.check(t)
		}
	})
}

// longFailure fills its entry with what takes most room there.
func longFailure(at time.Time) *Outcome {
	outcome := failed(at, true)
	outcome.Reason, outcome.Message = v1alpha1.FailureVerificationFailed, strings.Repeat("\x01", 10_000)
	return outcome
}
