// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package workflowexecution

import (
	"context"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"knative.dev/pkg/reconciler"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/pkg/reconciler/pipelinerun"
	"kubernaut.ai/workflowexecution/pkg/targetlock"
)

// reconcileOutcome notes how a run ended; a nil run is one that somebody deleted. What is noted has to be
// stored before anything of the run is cleaned away, so only a success of which nothing is left goes
// on in the same reconcile.
func (r *Reconciler) reconcileOutcome(ctx context.Context, s *state) (bool, reconciler.Event) {
	if err := r.noteOutcome(ctx, s.wfe, s.run); err != nil {
		return true, err
	}
	if s.wfe.Status.FailureDetails != nil {
		return true, nil
	}
	progress, err := r.endAllOf(ctx, s, pipelinerun.Ending{Ref: r.ref(s), Run: s.run, KeepsEvidence: true})
	if err != nil || !progress.Ended {
		return true, err
	}
	return true, r.releaseEnded(ctx, s)
}

// reconcileRelease frees the target of a run whose outcome is stored, once nothing of it can run any more.
func (r *Reconciler) reconcileRelease(ctx context.Context, s *state) (bool, reconciler.Event) {
	if !s.wfe.Status.HasOutcome() {
		return false, nil
	}
	return true, r.cleanUpAndRelease(ctx, s)
}

// releaseEnded frees the target and has the ledger note the outcome, before the terminal phase, so that an
// orchestrator that reacts to the phase at once is never told that the target is busy.
func (r *Reconciler) releaseEnded(ctx context.Context, s *state) error {
	released, err := r.locks.Release(ctx, s.claim, targetlock.OutcomeOf(s.wfe), policy(ctx))
	if err != nil {
		return err
	}
	noteRelease(s.wfe, released)
	s.wfe.Status.MarkReleased()
	return nil
}

func (r *Reconciler) noteOutcome(ctx context.Context, wfe *v1alpha1.WorkflowExecution, run *tektonv1.PipelineRun) error {
	if wfe.Status.HasOutcome() {
		return nil
	}
	completed := metav1.NewTime(r.clock.Now())
	if run != nil {
		completed = r.timeOf(run.Status.CompletionTime, wfe.Status.StartTime)
	}
	if run != nil && run.IsSuccessful() {
		wfe.Status.MarkReleasing(completed, nil)
		return nil
	}
	details, err := r.explainAndCount(ctx, wfe, run, completed)
	if err != nil {
		return err
	}
	details = withAlteration(wfe, details)
	wfe.Status.MarkReleasing(completed, &details)
	return nil
}
