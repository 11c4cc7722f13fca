// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

var clearedAt = metav1.NewTime(time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC))

func blocking() *WorkflowExecutionStatus {
	s := &WorkflowExecutionStatus{}
	s.Phase = PhaseFailed
	s.StartTime = &metav1.Time{Time: clearedAt.Add(-time.Hour)}
	s.FailureDetails = &FailureDetails{Reason: FailureTaskFailed, WasExecutionFailure: true, RequiresManualReview: true}
	return s
}

func cleared() *WorkflowExecutionStatus {
	s := blocking()
	s.BlockClearance = &BlockClearance{ClearedAt: clearedAt, ClearedBy: "bob", ClearReason: "seen", ClearMethod: "StatusPatch"}
	return s
}

func with(s *WorkflowExecutionStatus, changes ...func(*WorkflowExecutionStatus)) *WorkflowExecutionStatus {
	for _, change := range changes {
		change(s)
	}
	return s
}

func request(reason string) func(*WorkflowExecutionStatus) {
	return func(s *WorkflowExecutionStatus) { s.BlockClearanceRequest = &BlockClearanceRequest{Reason: reason} }
}

func phase(p Phase) func(*WorkflowExecutionStatus) {
	return func(s *WorkflowExecutionStatus) { s.Phase = p }
}

func TestBlocks(t *testing.T) {
	for name, tc := range map[string]struct {
		status *WorkflowExecutionStatus
		want   bool
	}{
		"failed, to be reviewed":     {blocking(), true},
		"failed, requested":          {with(blocking(), request("seen")), true},
		"cleared":                    {cleared(), false},
		"failed without a review":    {with(blocking(), func(s *WorkflowExecutionStatus) { s.FailureDetails.RequiresManualReview = false }), false},
		"failed without details":     {with(blocking(), func(s *WorkflowExecutionStatus) { s.FailureDetails = nil }), false},
		"about to fail":              {with(blocking(), phase(PhaseRunning)), false},
		"completed":                  {with(&WorkflowExecutionStatus{}, phase(PhaseCompleted)), false},
		"not seen by the controller": {&WorkflowExecutionStatus{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := tc.status.Blocks(); got != tc.want {
				t.Errorf("Blocks() = %t, want %t", got, tc.want)
			}
		})
	}
}

func TestRequestBecomesClearance(t *testing.T) {
	for _, reason := range []string{"looked at the pods", " blanks around it ", strings.Repeat("ä", MaxClearanceReason)} {
		status := with(blocking(), request(reason))
		if err := status.AnswerClearanceRequest(blocking(), "alice", clearedAt); err != nil {
			t.Fatal("AnswerClearanceRequest() =", err)
		}
		want := blocking()
		want.BlockClearance = &BlockClearance{ClearedAt: clearedAt, ClearedBy: "alice", ClearReason: reason, ClearMethod: "StatusPatch"}
		if diff := cmp.Diff(want, status); diff != "" {
			t.Error("(-want, +got):", diff)
		}
	}
}

func TestWritesWithoutNewRequestAreLeftAlone(t *testing.T) {
	for name, tc := range map[string]struct{ old, written *WorkflowExecutionStatus }{
		"the controller reports a phase": {with(blocking(), phase(PhaseRunning)), blocking()},
		"it carries the clearance along": {cleared(), with(cleared(), func(s *WorkflowExecutionStatus) { s.ObservedGeneration = 2 })},
		"a request from before":          {with(blocking(), request("seen")), with(blocking(), request("seen"))},
		"a request taken back":           {with(blocking(), request("seen")), blocking()},
	} {
		t.Run(name, func(t *testing.T) {
			want := tc.written.DeepCopy()
			if err := tc.written.AnswerClearanceRequest(tc.old, "alice", clearedAt); err != nil {
				t.Error("AnswerClearanceRequest() =", err)
			}
			if diff := cmp.Diff(want, tc.written); diff != "" {
				t.Error("(-want, +got):", diff)
			}
		})
	}
}

func TestClearanceIsRefused(t *testing.T) {
	const (
		empty   = "must say why the block may be lifted"
		byHand  = "is written by the webhook and never changes; to lift a block, set blockClearanceRequest {reason}"
		blocks  = "; only one that is Failed, with failureDetails.requiresManualReview true, blocks"
		nothing = "blockClearanceRequest.reason\nthere is nothing to clear: "
	)
	forged := func(by string) func(*WorkflowExecutionStatus) {
		return func(s *WorkflowExecutionStatus) {
			s.BlockClearance = &BlockClearance{ClearedAt: clearedAt, ClearedBy: by, ClearReason: "r", ClearMethod: "StatusPatch"}
		}
	}
	for name, tc := range map[string]struct {
		old, written *WorkflowExecutionStatus
		want         string
	}{
		"no reason":    {blocking(), with(blocking(), request("")), "invalid value: \"\": blockClearanceRequest.reason\n" + empty},
		"blanks":       {blocking(), with(blocking(), request(" \t\n")), empty},
		"endless":      {blocking(), with(blocking(), request(strings.Repeat("x", 4097))), "invalid value: 4097 characters: blockClearanceRequest.reason\nmust be at most 4096 characters long"},
		"in one's own": {blocking(), with(blocking(), forged("alice")), `"clearedBy":"alice"`},
		"in another's": {blocking(), with(blocking(), forged("bob")), byHand},
		"with request": {blocking(), with(blocking(), forged("alice"), request("seen")), byHand},
		"rewritten":    {cleared(), with(cleared(), forged("alice")), byHand},
		"taken back":   {cleared(), blocking(), "invalid value: null: blockClearance\n" + byHand},
		"running": {
			with(blocking(), phase(PhaseRunning)), with(blocking(), phase(PhaseRunning), request("seen")),
			"invalid value: \"seen\": " + nothing + `the phase of the execution is "Running"` + blocks,
		},
		"completed": {
			with(blocking(), phase(PhaseCompleted)), with(blocking(), phase(PhaseCompleted), request("seen")),
			nothing + `the phase of the execution is "Completed"` + blocks,
		},
		"not seen by the controller": {
			&WorkflowExecutionStatus{}, with(&WorkflowExecutionStatus{}, request("seen")), nothing + `the phase of the execution is ""` + blocks,
		},
		"block made up with the request": {
			with(blocking(), phase(PhaseRunning)), with(blocking(), request("seen")), nothing + `the phase of the execution is "Running"`,
		},
		"failed without a review": {
			with(blocking(), func(s *WorkflowExecutionStatus) { s.FailureDetails = nil }),
			with(blocking(), func(s *WorkflowExecutionStatus) { s.FailureDetails = nil }, request("seen")),
			nothing + "the execution failed, but its failureDetails.requiresManualReview is not true",
		},
		"cleared before": {cleared(), with(cleared(), request("again")), nothing + "bob cleared it at 2026-05-01T12:00:00Z"},
		"with another change": {
			blocking(), with(blocking(), request("seen"), func(s *WorkflowExecutionStatus) { s.ConsecutiveFailures = 1 }),
			"no other field of the status may change together with blockClearanceRequest",
		},
	} {
		t.Run(name, func(t *testing.T) {
			written := tc.written.DeepCopy()
			err := written.AnswerClearanceRequest(tc.old, "alice", clearedAt)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("AnswerClearanceRequest() = %v, want %s", err, tc.want)
			}
			if diff := cmp.Diff(tc.written, written); diff != "" {
				t.Error("a refused write was changed (-want, +got):", diff)
			}
		})
	}
}
