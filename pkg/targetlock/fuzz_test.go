// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package targetlock

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// FuzzDecodeLedger: whatever somebody writes into the annotation, it never frees a held target, never lets
// two read it differently, and survives what is done to a ledger.
func FuzzDecodeLedger(f *testing.F) {
	ledger := Ledger{
		"restart": policy.Entry(Entry{}, by("p").Holder, *failed(noon, true)),
		"scale":   policy.Entry(Entry{ConsecutiveFailures: 2}, by("q").Holder, *failed(noon, false)),
		"drain":   policy.Entry(Entry{}, by("r").Holder, *completed(noon.Add(time.Nanosecond))),
	}
	text, err := ledger.Encode()
	if err != nil {
		f.Fatal(err)
	}
	for _, text := range []string{
		text, text[:len(text)/2], text + text, "", "{}", "null", "[]", "0", `{"restart":null}`, `{"restart":{}}`, `{"":{"execution":"a/b/c"}}`,
		`{"restart":{"execution":"a/b/c","outcome":"Failed","completedAt":"0000-01-01T00:00:00Z","nextAllowed":"9999-12-31T23:59:59.9+23:59"}}`,
		`{"restart":{"execution":"a/b/c","outcome":"Completed","completedAt":"9999-12-31T23:59:59-23:59","consecutiveFailures":2147483647}}`,
		`{"restart":{"EXECUTION":"a/b/c","outcome":"Failed","outcome":"Completed","completedAt":"2026-03-01T12:00:00Z","ran":true}}`,
		"{\"\xff\":{\"execution\":\"\xfe/\xfe/\xfe\",\"outcome\":\"Failed\",\"completedAt\":\"2026-03-01T12:00:00Z\"}}",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		neverFreesAHeldTarget(t, text)
		ledger, err := DecodeLedger(text)
		if err != nil {
			if got := Decide(LockOf(leaseWith(text, "")), by("a"), Facts{}, noon); got.Verdict != Unreadable {
				t.Fatalf("free, with a ledger that cannot be read: %+v", got)
			}
			return
		}
		encoded, err := ledger.Encode()
		if err != nil {
			t.Fatal("it decodes, but does not encode:", err)
		}
		again, err := DecodeLedger(encoded)
		if err != nil {
			t.Fatalf("it encodes to %s, which does not decode: %v", encoded, err)
		}
		if diff := cmp.Diff(ledger, again, cmpopts.EquateApproxTime(0)); diff != "" {
			t.Fatal("it changes when it is written (-want, +got):", diff)
		}
		survives(t, ledger)
	})
}

func neverFreesAHeldTarget(t *testing.T, text string) {
	t.Helper()
	for _, facts := range []Facts{{}, {Cleared: by("p").Holder}, {Gone: by("p").Holder}} {
		got := Decide(LockOf(leaseWith(text, "payment/fix/h")), by("a"), facts, noon)
		if got.Verdict != Busy && got.Verdict != Spent {
			t.Fatalf("held by another one: %+v", got)
		}
		if got := Decide(LockOf(leaseWith(text, "payment/fix/a")), by("a"), facts, noon); got.Verdict != Held {
			t.Fatalf("held by itself: %+v", got)
		}
	}
}

// survives expects that a ledger that was read can be worked with, and written again.
func survives(t *testing.T, ledger Ledger) {
	t.Helper()
	blocked := map[string]bool{}
	for workflowID, entry := range ledger {
		blocked[workflowID] = entry.Blocks != ""
	}
	if next := ledger.Prune(noon, nobodyIsGone); !next.IsZero() && !next.After(noon) {
		t.Fatalf("Prune() = %v, which is past", next)
	}
	for workflowID, isBlocked := range blocked {
		if isBlocked && ledger[workflowID].Blocks == "" {
			t.Fatalf("the block of %q was dropped", workflowID)
		}
	}
	next := policy.Entry(ledger["restart"], by("a").Holder, *failed(noon, false))
	if next.ConsecutiveFailures < 1 || !next.NextAllowed.After(noon) {
		t.Fatalf("Entry() = %+v", next)
	}
	if ledger = ledger.with("restart", next, noon); len(ledger) > maxEntries {
		t.Fatalf("%d entries", len(ledger))
	}
	if _, err := ledger.Encode(); err != nil {
		t.Fatal(err)
	}
}

func FuzzParseHolder(f *testing.F) {
	for _, identity := range []string{
		"", "/", "//", "payment/fix/a", "payment/fix/", "/fix/a", "payment//a", "a/b/c/d", " / / ", "somebody", "\xff/\xff/\xff",
	} {
		f.Add(identity)
	}
	f.Fuzz(func(t *testing.T, identity string) {
		holder, err := ParseHolder(identity)
		if err == nil && (holder.String() != identity || holder.Namespace == "" || holder.Name == "" || holder.UID == "") {
			t.Fatalf("ParseHolder(%q) = %+v", identity, holder)
		}
		if err != nil && holder != (Holder{}) {
			t.Fatalf("ParseHolder(%q) = %+v, %v", identity, holder, err)
		}
		lock := LockOf(leaseWith("", identity))
		if isFree := identity == ""; isFree != (lock.Holder == nil) {
			t.Fatalf("held by %q: %+v", identity, lock.Holder)
		}
		if lock.isHeldBy(by("a").Holder) != (identity == "payment/fix/a") {
			t.Fatalf("%q is taken for %s", identity, by("a").Holder)
		}
	})
}
