// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package workflowexecution

import (
	"context"
	"fmt"
	"time"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/pkg/reconciler/pipelinerun/resources"
	"kubernaut.ai/workflowexecution/pkg/targetlock"
)

// An execution of which nothing has run ends in one of three ways:
//
//	                  fail                      skip                       abandonUnstarted
//	called by         reconcileClaim, createRun reconcileLock,             reconcileClaim, reconcileStart,
//	                                            reconcileStart             finalizeUnstarted
//	because           the target makes no       another has the target,    the configuration refuses it by now, the
//	                  sense; the run cannot     or the ledger of the       run cannot be started, the lock was fenced,
//	                  be created                target says no             the execution was deleted
//	fences            between two looks for     never: the lock is not     first
//	                  the run                   its own
//	deletes           nothing; a run that is    the pending run; one that  the pending run
//	                  found after all counts    was started, and never
//	                                            noted, counts
//	frees the target  yes                       no                         yes
//	is remembered as  a failure to start        nothing                    a failure to start, unless it was
//	                                                                       cancelled or never noted its lock
//
// What a lock of another target than its own would remember is forgotten.

// failureCause is an error that no retry can mend.
type failureCause struct {
	reason  v1alpha1.FailureReason
	message string
	// isForgotten keeps it out of the ledger: the target is not that of the execution.
	isForgotten bool
}

func (c *failureCause) Error() string { return c.message }

func misconfigured(format string, args ...any) *failureCause {
	return &failureCause{reason: v1alpha1.FailureConfigurationError, message: fmt.Sprintf(format, args...)}
}

// fail ends an execution that gets no run. It looks twice whether there is one after all: an earlier
// creation may have gone through although its response was lost, and a quota that our own run fills
// refuses before it finds that the run exists. The fence between the looks keeps a run from being
// started that another replica creates after the second one.
func (r *Reconciler) fail(ctx context.Context, s *state, cause *failureCause) error {
	if s.claim.Target == "" {
		markFailed(s.wfe, cause, r.clock.Now())
		return nil
	}
	if found, err := r.noteRunIfFound(ctx, s); found || err != nil {
		return err
	}
	if err := r.locks.Fence(ctx, s.claim); err != nil {
		return err
	}
	if found, err := r.noteRunIfFound(ctx, s); found || err != nil {
		return err
	}
	return r.releaseFailed(ctx, s, cause)
}

// skip ends an execution that may not have its target, in the way that the decision asks for. It looks whether there is a
// run that an earlier reconcile has created and could not note: one that somebody has started meanwhile counts.
func (r *Reconciler) skip(ctx context.Context, s *state, decision targetlock.Decision) error {
	if isNoted, err := r.deleteOrNote(ctx, s, decision); isNoted || err != nil {
		return err
	}
	switch decision.Verdict {
	case targetlock.Spent:
		r.markAsRemembered(s, decision.Entry)
	case targetlock.Unreadable:
		message := unreadable(s.claim, decision.Err)
		markFailed(s.wfe, &failureCause{reason: v1alpha1.FailureConfigurationError, message: message}, r.clock.Now())
	case targetlock.Full:
		markFailed(s.wfe, &failureCause{reason: v1alpha1.FailureResourceExhausted, message: full(s.claim)}, r.clock.Now())
	default:
		s.wfe.Status.MarkSkipped(r.skipDetails(s.claim, decision))
	}
	return nil
}

// deleteOrNote deletes the run of an execution that is skipped, or notes it if it was started before it was noted.
func (r *Reconciler) deleteOrNote(ctx context.Context, s *state, decision targetlock.Decision) (isNoted bool, err error) {
	run, err := r.ownRun(ctx, s)
	isUnnoted, hasEnded := s.run == nil, decision.Verdict == targetlock.Spent && decision.Entry.Ran
	switch {
	case err != nil || run == nil || isUnnoted && hasEnded:
		return false, err
	case isUnnoted && !resources.IsUnstarted(run):
		return true, r.noteOthersRun(ctx, s, run)
	}
	return false, r.runs.DeleteUnstarted(ctx, run)
}

// ownRun is the run of the execution. Where none is known, the API server may have one.
func (r *Reconciler) ownRun(ctx context.Context, s *state) (*tektonv1.PipelineRun, error) {
	if s.run != nil {
		return s.run, nil
	}
	return r.runs.Get(ctx, r.ref(s))
}

// abandonUnstarted ends an execution of which nothing has started. The lock is fenced first, so that no other
// replica starts the run behind our back.
func (r *Reconciler) abandonUnstarted(ctx context.Context, s *state, cause *failureCause) error {
	if err := r.locks.Fence(ctx, s.claim); err != nil {
		return err
	}
	run, err := r.ownRun(ctx, s)
	if err != nil {
		return err
	}
	if run != nil {
		if err := r.runs.DeleteUnstarted(ctx, run); err != nil {
			return err
		}
	}
	return r.releaseFailed(ctx, s, cause)
}

// releaseFailed frees the target before the terminal phase: there is nothing that could touch it.
func (r *Reconciler) releaseFailed(ctx context.Context, s *state, cause *failureCause) error {
	released, err := r.locks.Release(ctx, s.claim, r.rememberedFailure(s.wfe, cause), policy(ctx))
	if err != nil {
		return err
	}
	if entry := released.Entry; entry != nil && entry.Ran {
		// It has had its run, whatever this reconcile knows of it.
		r.markAsRemembered(s, *entry)
		return nil
	}
	at := r.clock.Now()
	if released.Entry != nil {
		// As it failed before a crash.
		at = released.Entry.CompletedAt
	}
	markFailed(s.wfe, cause, at)
	noteRelease(s.wfe, released)
	return nil
}

// rememberedFailure is what is to be remembered of an execution that could not be started. One that never
// had its target, or that somebody cancelled, says nothing about the next one.
func (r *Reconciler) rememberedFailure(wfe *v1alpha1.WorkflowExecution, cause *failureCause) *targetlock.Outcome {
	locked := wfe.Status.GetCondition(v1alpha1.ConditionLockAcquired).IsTrue()
	if !locked || cause.isForgotten || cause.reason == v1alpha1.FailureCancelled {
		return nil
	}
	return &targetlock.Outcome{
		Phase: v1alpha1.PhaseFailed, Reason: cause.reason, Message: cause.message, CompletedAt: r.clock.Now(),
	}
}

func markFailed(wfe *v1alpha1.WorkflowExecution, cause *failureCause, at time.Time) {
	wfe.Status.MarkFailedUnstarted(withSummary(wfe, v1alpha1.FailureDetails{
		Reason: cause.reason, Message: cause.message, FailedAt: metav1.NewTime(at),
	}))
}

// markAsRemembered gives an execution the end that the ledger remembers of it: a reconcile before a crash freed
// its target and did not get to note that.
func (r *Reconciler) markAsRemembered(s *state, entry targetlock.Entry) {
	wfe := s.wfe
	noteLock(wfe, s.claim)
	if entry.Ran {
		wfe.Status.MarkPipelineRunLost()
	}
	completed := metav1.NewTime(entry.CompletedAt)
	var details *v1alpha1.FailureDetails
	if entry.Outcome == v1alpha1.PhaseFailed {
		details = new(withSummary(wfe, v1alpha1.FailureDetails{
			Reason: entry.Reason, Message: entry.Message, FailedAt: completed, WasExecutionFailure: entry.Ran,
		}))
	}
	wfe.Status.MarkReleasing(completed, details)
	noteRelease(wfe, targetlock.Released{At: entry.ReleasedAt, Entry: &entry})
	wfe.Status.MarkReleased()
}
