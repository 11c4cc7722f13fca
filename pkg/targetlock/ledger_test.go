// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package targetlock

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
)

func TestEntryFollowsFromOutcomeAndTheOneBefore(t *testing.T) {
	const (
		again     = v1alpha1.SkipPreviousExecutionFailed
		exhausted = v1alpha1.SkipExhaustedRetries
	)
	deleted := func(o *Outcome) *Outcome {
		o.Deleted = true
		return o
	}
	for name, tc := range map[string]struct {
		previous Entry
		outcome  *Outcome
		wait     time.Duration
		count    int32
		blocks   v1alpha1.SkipReason
	}{
		"completed":                           {Entry{}, completed(noon), 5 * time.Minute, 0, ""},
		"completed after failures":            {Entry{ConsecutiveFailures: 2}, completed(noon), 5 * time.Minute, 0, ""},
		"completed though deleted":            {Entry{ConsecutiveFailures: 2}, deleted(completed(noon)), 5 * time.Minute, 0, ""},
		"failed when it ran":                  {Entry{}, failed(noon, true), 5 * time.Minute, 0, again},
		"failed when it ran, after failures":  {Entry{ConsecutiveFailures: 2}, failed(noon, true), 5 * time.Minute, 2, again},
		"deleted when it ran":                 {Entry{}, deleted(failed(noon, true)), 5 * time.Minute, 0, ""},
		"deleted when it ran, after failures": {Entry{ConsecutiveFailures: 2}, deleted(failed(noon, true)), 5 * time.Minute, 2, ""},
		"first failure before it":             {Entry{}, failed(noon, false), time.Minute, 1, ""},
		"second failure before it":            {Entry{ConsecutiveFailures: 1}, failed(noon, false), 2 * time.Minute, 2, ""},
		"as many as allowed":                  {Entry{ConsecutiveFailures: 2}, failed(noon, false), 4 * time.Minute, 3, exhausted},
		"more than allowed now":               {Entry{ConsecutiveFailures: 9}, failed(noon, false), 10 * time.Minute, 10, exhausted},
		"as many as there can be": {
			Entry{ConsecutiveFailures: math.MaxInt32}, failed(noon, false), 10 * time.Minute, math.MaxInt32, exhausted,
		},
		"failed before it, after a block that is over": {Entry{ConsecutiveFailures: 3, Blocks: exhausted}, failed(noon, false), time.Minute, 1, ""},
	} {
		t.Run(name, func(t *testing.T) {
			want := Entry{
				Execution: by("a").Holder, Outcome: tc.outcome.Phase, Reason: tc.outcome.Reason, Message: tc.outcome.Message,
				Ran: tc.outcome.Ran, CompletedAt: noon, ConsecutiveFailures: tc.count, NextAllowed: noon.Add(tc.wait), Blocks: tc.blocks,
			}
			if diff := cmp.Diff(want, policy.Entry(tc.previous, by("a").Holder, *tc.outcome)); diff != "" {
				t.Error("(-want, +got):", diff)
			}
		})
	}
}

func TestNextAllowedIsAWholeSecondAndNotTooEarly(t *testing.T) {
	for _, tc := range []struct{ after, cooldown, want time.Duration }{
		{0, time.Minute, time.Minute},
		{1, time.Minute, time.Minute + time.Second},
		{time.Second - 1, time.Minute, time.Minute + time.Second},
		{time.Second, time.Minute, time.Minute + time.Second},
		{0, 0, 0},
		{0, time.Millisecond, time.Second},
		{500 * time.Millisecond, 500 * time.Millisecond, time.Second},
	} {
		zone := time.FixedZone("elsewhere", 5*60*60+30*60)
		entry := Policy{Cooldown: tc.cooldown}.Entry(Entry{}, by("a").Holder, *completed(noon.Add(tc.after).In(zone)))
		if entry.NextAllowed != noon.Add(tc.want) || entry.CompletedAt != noon.Add(tc.after) {
			t.Errorf("%v after %v: %+v", tc.cooldown, tc.after, entry)
		}
	}
}

func TestBackoffDoublesUpToItsMaximum(t *testing.T) {
	const maximum = time.Duration(math.MaxInt64)
	for _, tc := range []struct {
		base, limit time.Duration
		failures    int32
		want        time.Duration
	}{
		{time.Minute, 10 * time.Minute, 1, time.Minute},
		{time.Minute, 10 * time.Minute, 2, 2 * time.Minute},
		{time.Minute, 10 * time.Minute, 4, 8 * time.Minute},
		{time.Minute, 10 * time.Minute, 5, 10 * time.Minute},
		{time.Minute, 10 * time.Minute, math.MaxInt32, 10 * time.Minute},
		{time.Minute, 8 * time.Minute, 4, 8 * time.Minute},
		{time.Minute, 8 * time.Minute, 5, 8 * time.Minute},
		{10 * time.Minute, 10 * time.Minute, 1, 10 * time.Minute},
		{10 * time.Minute, 10 * time.Minute, 3, 10 * time.Minute},
		{20 * time.Minute, 10 * time.Minute, 1, 10 * time.Minute},
		{1, maximum, 63, 1 << 62},
		{1, maximum, 64, maximum},
		{1, maximum, math.MaxInt32, maximum},
	} {
		if got := (Policy{BackoffBase: tc.base, BackoffMax: tc.limit}).backoff(tc.failures); got != tc.want {
			t.Errorf("%v up to %v, %d failures: %v, want %v", tc.base, tc.limit, tc.failures, got, tc.want)
		}
	}
}

func TestMessageIsCutBetweenCharacters(t *testing.T) {
	for _, message := range []string{"", "short", strings.Repeat("x", 256), strings.Repeat("x", 257), strings.Repeat("é", 200), strings.Repeat("x", 255) + "é€"} {
		outcome := failed(noon, true)
		outcome.Message = message
		got := policy.Entry(Entry{}, by("a").Holder, *outcome).Message
		kept, isCut := strings.CutSuffix(got, "… (cut)")
		if !utf8.ValidString(got) || !strings.HasPrefix(message, kept) || isCut != (len(message) > 256) || len(got) > 256 || isCut && len(got) < 253 {
			t.Errorf("%q became %q", message, got)
		}
	}
}

func TestLedgerHasRoomFor64(t *testing.T) {
	server := newAPIServer()
	add := func(workflow string, outcome *Outcome, at time.Time) {
		t.Helper()
		s := server.store(at)
		acquire(t, s, by("a").of(workflow))
		release(t, s, by("a").of(workflow), outcome)
	}
	for i := range 63 {
		add(fmt.Sprintf("blocked-%02d", i), failed(noon.Add(time.Duration(i)*time.Second), true), noon)
	}
	add("cooling", completed(noon), noon)
	if got := remembered(t, server); len(got) != 64 {
		t.Fatalf("%d entries", len(got))
	}
	add("cooling-longer", completed(noon.Add(time.Minute)), noon)
	got := remembered(t, server)
	if _, found := got["cooling"]; found || len(got) != 64 {
		t.Errorf("%d entries, and a block went before a cooldown", len(got))
	}
	add("newest", completed(noon), noon)
	got = remembered(t, server)
	if _, found := got["cooling-longer"]; found || got["newest"].Outcome == "" || len(got) != 64 {
		t.Errorf("%d entries: the newest is always noted", len(got))
	}
	add("blocked-63", failed(noon.Add(time.Hour), true), noon.Add(time.Minute))
	got = remembered(t, server)
	if _, found := got["newest"]; found || len(got) != 64 || got["blocked-00"].Blocks == "" || got["blocked-63"].Blocks == "" {
		t.Errorf("%d entries, and a cooldown stayed before a block", len(got))
	}
	if got := decide(t, server.store(noon), by("b").of("one-too-many")); got.Verdict != Full {
		t.Errorf("a new workflow on a target of which only blocks are remembered gets %+v", got)
	}
}

func TestExpiredEntriesGoFirst(t *testing.T) {
	// The failure that the next one counts on from has expired too, but still means something.
	ledger := Ledger{}
	for i := range 62 {
		ledger[fmt.Sprintf("cooling-%02d", i)] = policy.Entry(Entry{}, by("a").Holder, *completed(noon))
	}
	ledger["expired"] = policy.Entry(Entry{}, by("a").Holder, *completed(noon.Add(-time.Hour)))
	ledger["counts"] = policy.Entry(Entry{}, by("a").Holder, *failed(noon.Add(-2*time.Hour), false))
	ledger["another"] = policy.Entry(Entry{}, by("a").Holder, *completed(noon.Add(-3 * time.Hour)))
	ledger["newest"] = Entry{}
	ledger.limit(noon, "newest")
	_, expired := ledger["expired"]
	_, another := ledger["another"]
	_, counts := ledger["counts"]
	if expired || another || !counts || len(ledger) != 64 {
		t.Errorf("%d entries; expired: %v, another: %v, counts: %v", len(ledger), expired, another, counts)
	}
}

func TestBlocksGoLast(t *testing.T) {
	// The block is the oldest, and time does not hold its workflow back any more.
	ledger := Ledger{"blocked": policy.Entry(Entry{}, by("a").Holder, *failed(noon.Add(-time.Hour), true))}
	for i := range maxEntries {
		ledger[fmt.Sprintf("cooling-%02d", i)] = policy.Entry(Entry{}, by("a").Holder, *completed(noon.Add(time.Duration(i) * time.Second)))
	}
	ledger.limit(noon, "cooling-63")
	_, soonest := ledger["cooling-00"]
	if _, found := ledger["blocked"]; !found || soonest || len(ledger) != maxEntries {
		t.Errorf("%d entries; the block: %v, the one that ends soonest: %v", len(ledger), found, soonest)
	}
}

func TestLargestLedgerFitsOnALease(t *testing.T) {
	// 256 KiB is what all annotations of an object may have.
	ledger := Ledger{}
	worst := failed(noon, true)
	worst.Message = strings.Repeat("\x01", 10_000)
	holder := Holder{Namespace: strings.Repeat("n", 63), Name: strings.Repeat("e", 200), UID: "0b5c5f0e-6f4c-4d0e-9d3e-0d8b5a3c6f11"}
	for i := range maxEntries {
		ledger[fmt.Sprintf("%02d", i)+strings.Repeat("w", 251)] = policy.Entry(Entry{ConsecutiveFailures: 2}, holder, *worst)
	}
	if text, err := ledger.Encode(); err != nil || len(text) > 200<<10 {
		t.Errorf("Encode() = %d bytes, %v", len(text), err)
	}
}

func TestOutcomeOf(t *testing.T) {
	at, since := metav1.NewTime(noon), metav1.NewTime(noon.Add(-time.Minute))
	failure := &v1alpha1.FailureDetails{Reason: v1alpha1.FailureTaskFailed, Message: "exit code 1", WasExecutionFailure: true}
	refused := &v1alpha1.FailureDetails{Reason: v1alpha1.FailureConfigurationError, Message: "no such pipeline"}
	cancelled := &v1alpha1.FailureDetails{Reason: v1alpha1.FailureCancelled}
	for name, tc := range map[string]struct {
		status  v1alpha1.WorkflowExecutionStatusFields
		deleted bool
		want    *Outcome
	}{
		"not over":  {status: v1alpha1.WorkflowExecutionStatusFields{StartTime: &since}},
		"skipped":   {status: v1alpha1.WorkflowExecutionStatusFields{CompletionTime: &at, SkipDetails: &v1alpha1.SkipDetails{}}},
		"completed": {status: v1alpha1.WorkflowExecutionStatusFields{StartTime: &since, CompletionTime: &at}, want: completed(noon)},
		"failed": {
			status: v1alpha1.WorkflowExecutionStatusFields{StartTime: &since, CompletionTime: &at, FailureDetails: failure}, want: failed(noon, true),
		},
		"refused": {
			status: v1alpha1.WorkflowExecutionStatusFields{CompletionTime: &at, FailureDetails: refused},
			want: &Outcome{
				Phase: v1alpha1.PhaseFailed, Reason: v1alpha1.FailureConfigurationError, Message: "no such pipeline", CompletedAt: noon,
			},
		},
		"deleted before it started": {
			status: v1alpha1.WorkflowExecutionStatusFields{CompletionTime: &at, FailureDetails: cancelled}, deleted: true,
		},
		"deleted, and its run is gone, whose start was never noted": {
			status: v1alpha1.WorkflowExecutionStatusFields{CompletionTime: &at, FailureDetails: failure}, deleted: true,
			want: &Outcome{
				Phase: v1alpha1.PhaseFailed, Reason: v1alpha1.FailureTaskFailed, Message: "exit code 1", Ran: true, CompletedAt: noon, Deleted: true,
			},
		},
		"deleted while it ran": {
			status: v1alpha1.WorkflowExecutionStatusFields{StartTime: &since, CompletionTime: &at, FailureDetails: failure}, deleted: true,
			want: &Outcome{
				Phase: v1alpha1.PhaseFailed, Reason: v1alpha1.FailureTaskFailed, Message: "exit code 1", Ran: true, CompletedAt: noon, Deleted: true,
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			wfe := &v1alpha1.WorkflowExecution{Status: v1alpha1.WorkflowExecutionStatus{WorkflowExecutionStatusFields: tc.status}}
			if tc.deleted {
				wfe.DeletionTimestamp = &at
			}
			if diff := cmp.Diff(tc.want, OutcomeOf(wfe)); diff != "" {
				t.Error("(-want, +got):", diff)
			}
		})
	}
}
