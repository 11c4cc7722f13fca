// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package targetlock

import (
	"math"
	"time"

	"kubernaut.ai/workflowexecution/pkg/apis/config"
	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
)

// maxMessageBytes of a failure's message are kept in the ledger. The whole of it is in the status of
// the execution.
const maxMessageBytes = 256

// Outcome is how an execution that held its target ended.
type Outcome struct {
	// Phase is Completed or Failed.
	Phase v1alpha1.Phase
	// Reason and Message of a failure.
	Reason  v1alpha1.FailureReason
	Message string
	// Ran tells whether a step of the workflow may have been executed.
	Ran         bool
	CompletedAt time.Time
	// Deleted tells that the execution was deleted while it ran, or is gone. Such a one does not
	// block: it is not there to be cleared.
	Deleted bool
}

// OutcomeOf an execution whose outcome is noted in its status; nil if nothing of it is to be
// remembered: it had no run, or was deleted before its run started. A run whose start was never noted
// may have worked all the same.
func OutcomeOf(wfe *v1alpha1.WorkflowExecution) *Outcome {
	status, deleted := &wfe.Status, wfe.DeletionTimestamp != nil
	mayHaveRun := status.HasStarted() || status.FailureDetails != nil && status.FailureDetails.WasExecutionFailure
	if !status.HasOutcome() || status.SkipDetails != nil || deleted && !mayHaveRun {
		return nil
	}
	outcome := &Outcome{
		Phase: v1alpha1.PhaseCompleted, Ran: true, CompletedAt: status.CompletionTime.Time, Deleted: deleted,
	}
	if failure := status.FailureDetails; failure != nil {
		outcome.Phase, outcome.Ran = v1alpha1.PhaseFailed, failure.WasExecutionFailure
		outcome.Reason, outcome.Message = failure.Reason, failure.Message
	}
	return outcome
}

// Policy is how long a workflow is kept from a target after it ended there.
type Policy struct {
	Cooldown, BackoffBase, BackoffMax time.Duration
	MaxConsecutiveFailures            int
}

// PolicyOf the configuration.
func PolicyOf(cfg *config.WorkflowExecution) Policy {
	return Policy{
		Cooldown:               cfg.CooldownPeriod,
		BackoffBase:            cfg.BackoffBase,
		BackoffMax:             cfg.BackoffMax,
		MaxConsecutiveFailures: cfg.MaxConsecutiveFailures,
	}
}

// Entry is what the ledger will say of an execution, given the entry of the same workflow before it,
// zero if there was none (docs/design.md, "The ledger"). Times are whole seconds, rounded up, as those
// in a status are: whoever waits until then must not come too early.
func (p Policy) Entry(previous Entry, execution Holder, o Outcome) Entry {
	if previous.Blocks != "" {
		// It was cleared or deleted, or there would be none after it. With that its failures count no more,
		// though the ledger may not say so yet.
		previous.ConsecutiveFailures = 0
	}
	e := Entry{
		Execution: execution, Outcome: o.Phase, Reason: o.Reason, Message: v1alpha1.Cut(o.Message, maxMessageBytes),
		Ran: o.Ran, CompletedAt: o.CompletedAt.UTC(), ConsecutiveFailures: previous.ConsecutiveFailures,
	}
	wait := p.Cooldown
	switch {
	case o.Phase == v1alpha1.PhaseCompleted:
		e.ConsecutiveFailures = 0
	case o.Deleted:
	case o.Ran:
		e.Blocks = v1alpha1.SkipPreviousExecutionFailed
	default:
		e.ConsecutiveFailures = min(previous.ConsecutiveFailures, math.MaxInt32-1) + 1
		wait = p.backoff(e.ConsecutiveFailures)
		if int(e.ConsecutiveFailures) >= p.MaxConsecutiveFailures {
			e.Blocks = v1alpha1.SkipExhaustedRetries
		}
	}
	e.NextAllowed = e.CompletedAt.Add(wait + time.Second - time.Nanosecond).Truncate(time.Second)
	return e
}

// backoff after that many failures in a row: the base, doubled with each but the first, up to the
// maximum.
func (p Policy) backoff(failures int32) time.Duration {
	wait := p.BackoffBase
	for range failures - 1 {
		if wait >= p.BackoffMax/2 {
			return p.BackoffMax
		}
		wait *= 2
	}
	return min(wait, p.BackoffMax)
}
