// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package targetlock

import (
	"errors"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
)

// TestDecide is the table in docs/design.md, "Decisions", row by row, with what stands between two rows.
func TestDecide(t *testing.T) {
	const cooldown, backoff = 5 * time.Minute, 4 * time.Minute
	previous := by("p").Holder
	lasting := policy.Entry(Entry{}, previous, *failed(noon, true))
	exhausted := policy.Entry(Entry{ConsecutiveFailures: 2}, previous, *failed(noon, false))
	waiting := policy.Entry(Entry{ConsecutiveFailures: 1}, previous, *failed(noon, false))
	recent := policy.Entry(Entry{}, previous, *completed(noon))
	own := policy.Entry(Entry{}, by("a").Holder, *completed(noon))
	busy := &Conflict{Holder: by("h").Holder, Identity: "payment/fix/h"}
	stray := &Conflict{Holder: by("w").Holder, Identity: "payment/fix/w"}
	unreadable := errors.New("no ledger")
	full := Ledger{}
	for i := range maxEntries {
		full[fmt.Sprint("invented-", i)] = lasting
	}
	almost := maps.Clone(full)
	almost["invented-0"] = recent
	fullOfOthers := maps.Clone(almost)
	delete(fullOfOthers, "invented-0")
	fullOfOthers["restart"] = recent

	refused := func(entry Entry, reason v1alpha1.SkipReason, remaining time.Duration) Decision {
		return Decision{Verdict: NotAgain, Entry: entry, Skip: reason, Remaining: remaining}
	}
	isBusy := func(by *Conflict) Decision {
		return Decision{Verdict: Busy, Conflict: by, Skip: v1alpha1.SkipResourceBusy}
	}
	for name, tc := range map[string]struct {
		lock  Lock
		facts Facts
		after time.Duration
		want  Decision
	}{
		"nothing known":                   {want: Decision{Verdict: Free}},
		"its own":                         {lock: Lock{Holder: &Conflict{Identity: "payment/fix/a"}}, want: Decision{Verdict: Held}},
		"its own, whatever is remembered": {lock: Lock{Holder: &Conflict{Identity: "payment/fix/a"}, LedgerErr: unreadable}, want: Decision{Verdict: Held}},
		"its own, but another one works": {
			lock: Lock{Holder: &Conflict{Identity: "payment/fix/a"}}, facts: Facts{Running: stray}, want: isBusy(stray),
		},
		"had its run":                       {lock: Lock{Ledger: Ledger{"restart": own}}, after: time.Hour, want: Decision{Verdict: Spent, Entry: own}},
		"had its run, and now another":      {lock: Lock{Holder: busy, Ledger: Ledger{"restart": own}}, want: Decision{Verdict: Spent, Entry: own}},
		"held":                              {lock: Lock{Holder: busy}, want: isBusy(busy)},
		"held, and blocked":                 {lock: Lock{Holder: busy, Ledger: Ledger{"restart": lasting}}, want: isBusy(busy)},
		"held, and unreadable":              {lock: Lock{Holder: busy, LedgerErr: unreadable}, want: isBusy(busy)},
		"somebody works without the lock":   {lock: Lock{Ledger: Ledger{"restart": lasting}}, facts: Facts{Running: stray}, want: isBusy(stray)},
		"somebody works, and unreadable":    {lock: Lock{LedgerErr: unreadable}, facts: Facts{Running: stray}, want: isBusy(stray)},
		"unreadable":                        {lock: Lock{LedgerErr: unreadable}, want: Decision{Verdict: Unreadable, Err: unreadable}},
		"failed when it ran":                {lock: Lock{Ledger: Ledger{"restart": lasting}}, want: refused(lasting, v1alpha1.SkipPreviousExecutionFailed, 0)},
		"failed long ago":                   {lock: Lock{Ledger: Ledger{"restart": lasting}}, after: 9999 * time.Hour, want: refused(lasting, v1alpha1.SkipPreviousExecutionFailed, 0)},
		"failed, cleared":                   {lock: Lock{Ledger: Ledger{"restart": lasting}}, facts: Facts{Cleared: previous}, want: Decision{Verdict: Free}},
		"failed, another cleared":           {lock: Lock{Ledger: Ledger{"restart": lasting}}, facts: Facts{Cleared: by("x").Holder}, want: refused(lasting, v1alpha1.SkipPreviousExecutionFailed, 0)},
		"failed, gone":                      {lock: Lock{Ledger: Ledger{"restart": lasting}}, facts: Facts{Gone: previous}, want: refused(lasting, v1alpha1.SkipRecentlyRemediated, cooldown)},
		"failed, gone for a while":          {lock: Lock{Ledger: Ledger{"restart": lasting}}, facts: Facts{Gone: previous}, after: cooldown, want: Decision{Verdict: Free}},
		"failed, another gone":              {lock: Lock{Ledger: Ledger{"restart": lasting}}, facts: Facts{Gone: by("x").Holder}, want: refused(lasting, v1alpha1.SkipPreviousExecutionFailed, 0)},
		"too many failures":                 {lock: Lock{Ledger: Ledger{"restart": exhausted}}, after: time.Hour, want: refused(exhausted, v1alpha1.SkipExhaustedRetries, 0)},
		"too many failures, cleared":        {lock: Lock{Ledger: Ledger{"restart": exhausted}}, facts: Facts{Cleared: previous}, want: Decision{Verdict: Free}},
		"too many failures, gone":           {lock: Lock{Ledger: Ledger{"restart": exhausted}}, facts: Facts{Gone: previous}, want: refused(exhausted, v1alpha1.SkipRecentlyRemediated, backoff)},
		"backoff":                           {lock: Lock{Ledger: Ledger{"restart": waiting}}, after: time.Minute, want: refused(waiting, v1alpha1.SkipRecentlyRemediated, time.Minute)},
		"backoff is over":                   {lock: Lock{Ledger: Ledger{"restart": waiting}}, after: 2 * time.Minute, want: Decision{Verdict: Free}},
		"cooldown":                          {lock: Lock{Ledger: Ledger{"restart": recent}}, after: cooldown - 1, want: refused(recent, v1alpha1.SkipRecentlyRemediated, 1)},
		"cooldown though gone":              {lock: Lock{Ledger: Ledger{"restart": recent}}, facts: Facts{Gone: previous}, want: refused(recent, v1alpha1.SkipRecentlyRemediated, cooldown)},
		"cooldown is over":                  {lock: Lock{Ledger: Ledger{"restart": recent}}, after: cooldown, want: Decision{Verdict: Free}},
		"another workflow has been at it":   {lock: Lock{Ledger: Ledger{"scale": recent, "drain": lasting}}, want: Decision{Verdict: Free}},
		"all that is remembered blocks":     {lock: Lock{Ledger: full}, want: Decision{Verdict: Full}},
		"all blocks, and held":              {lock: Lock{Holder: busy, Ledger: full}, want: isBusy(busy)},
		"all but one block":                 {lock: Lock{Ledger: almost}, want: Decision{Verdict: Free}},
		"all others block":                  {lock: Lock{Ledger: fullOfOthers}, after: cooldown, want: Decision{Verdict: Free}},
		"an execution of the same name":     {lock: Lock{Ledger: Ledger{"restart": recent}}, want: refused(recent, v1alpha1.SkipRecentlyRemediated, cooldown)},
		"fenced, and somebody has freed it": {lock: Lock{Fenced: true}, want: Decision{Verdict: Free}},
	} {
		t.Run(name, func(t *testing.T) {
			got := Decide(&tc.lock, by("a"), tc.facts, noon.Add(tc.after))
			if diff := cmp.Diff(tc.want, got, cmpopts.EquateErrors()); diff != "" {
				t.Error("(-want, +got):", diff)
			}
		})
	}
}
