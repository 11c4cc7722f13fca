// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package workflowexecution

import (
	"context"
	"fmt"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"knative.dev/pkg/reconciler"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/pkg/targetlock"
)

// start lets a pending run go, after it was made sure at the API server that the target is still
// ours and the execution still wanted: this replica may have been held up since it took the lock.
func (r *Reconciler) start(
	ctx context.Context, wfe *v1alpha1.WorkflowExecution, claim targetlock.Claim, run *tektonv1.PipelineRun,
) reconciler.Event {
	// The execution comes first: with an old copy of one that is over, the lock would be taken again.
	if err := r.stillWanted(ctx, wfe, run); err != nil {
		return err
	}
	mayStart, err := r.locks.MayStart(ctx, claim)
	if err != nil {
		return err
	}
	if !mayStart {
		return r.lostLock(ctx, wfe, claim, run)
	}
	// And the Lease need not be the one that was taken first: whoever has lost it to somebody who deleted it by
	// hand is seen here, or sees us.
	other, err := r.unfinished(ctx, claim)
	if err != nil {
		return err
	}
	if other != nil {
		return r.withdraw(ctx, wfe, claim, run, targetlock.DecideHeld(targetlock.Facts{Working: other}))
	}
	started, err := r.runs.Start(ctx, run)
	if err != nil {
		return r.startFailed(ctx, wfe, claim, run, err)
	}
	if started != nil {
		r.markStarted(wfe, started)
	}
	return nil
}

// startFailed tries again, up to the pending deadline: a target must not stay locked for ever by what
// cannot be started. The run is deleted only if it was not started after all.
func (r *Reconciler) startFailed(
	ctx context.Context, wfe *v1alpha1.WorkflowExecution, claim targetlock.Claim, run *tektonv1.PipelineRun, err error,
) error {
	if !r.pendingTooLong(ctx, wfe) {
		return err
	}
	return r.abandon(ctx, wfe, claim, run, &refusal{reason: v1alpha1.FailureUnknown, message: err.Error()})
}

// stillWanted reads the execution at the API server. If what is there differs from the copy this
// pass rests on, the run is not started.
func (r *Reconciler) stillWanted(ctx context.Context, wfe *v1alpha1.WorkflowExecution, run *tektonv1.PipelineRun) error {
	live, err := r.liveExecution(ctx, wfe)
	if err != nil {
		return err
	}
	ref := live.Status.PipelineRunRef
	if live.UID != wfe.UID || live.DeletionTimestamp != nil || live.Status.HasOutcome() || live.Status.HasStarted() ||
		ref == nil || ref.UID != run.UID {
		return errCacheLags
	}
	return nil
}

func (r *Reconciler) liveExecution(ctx context.Context, wfe *v1alpha1.WorkflowExecution) (*v1alpha1.WorkflowExecution, error) {
	live, err := r.executions.KubernautV1alpha1().WorkflowExecutions(wfe.Namespace).Get(ctx, wfe.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, errCacheLags
	}
	if err != nil {
		return nil, fmt.Errorf("failed to read the execution: %w", err)
	}
	return live, nil
}

// noteStart notes the start of a run that a pass before a crash has let go. It makes sure at the API
// server that no start is noted there: the run's event may have come before that of the execution.
func (r *Reconciler) noteStart(ctx context.Context, wfe *v1alpha1.WorkflowExecution, run *tektonv1.PipelineRun) error {
	if wfe.Status.HasStarted() {
		return nil
	}
	live, err := r.liveExecution(ctx, wfe)
	if err != nil {
		return err
	}
	if live.UID != wfe.UID || live.Status.HasStarted() {
		return errCacheLags
	}
	r.markStarted(wfe, run)
	return nil
}

// markStarted prefers the time that Tekton has noted.
func (r *Reconciler) markStarted(wfe *v1alpha1.WorkflowExecution, run *tektonv1.PipelineRun) {
	started := metav1.NewTime(r.clock.Now())
	if run.Status.StartTime != nil {
		started = *run.Status.StartTime
	}
	wfe.Status.MarkStarted(started)
}

// lostLock takes the lock again if it is free: somebody deleted the Lease by hand. If another
// execution has the target by now, the run that never started is deleted and the execution skipped.
func (r *Reconciler) lostLock(
	ctx context.Context, wfe *v1alpha1.WorkflowExecution, claim targetlock.Claim, run *tektonv1.PipelineRun,
) reconciler.Event {
	decision, err := r.decide(ctx, claim)
	if err != nil {
		return err
	}
	if decision.Verdict == targetlock.Held {
		mayStart, err := r.locks.MayStart(ctx, claim)
		if err != nil {
			return err
		}
		if mayStart {
			return r.after(0)
		}
	}
	if decision.Verdict != targetlock.Held {
		return r.withdraw(ctx, wfe, claim, run, decision)
	}
	if err := r.runs.DeleteUnstarted(ctx, run); err != nil {
		return err
	}
	return r.refuseRun(ctx, wfe, claim, &refusal{
		reason:  v1alpha1.FailureCancelled,
		message: "The lock was fenced before the workflow started; nothing ran",
	})
}

// withdraw ends an execution that has come as far as its run and does not get its target after all.
func (r *Reconciler) withdraw(
	ctx context.Context, wfe *v1alpha1.WorkflowExecution, claim targetlock.Claim, run *tektonv1.PipelineRun, decision targetlock.Decision,
) error {
	if err := r.runs.DeleteUnstarted(ctx, run); err != nil {
		return err
	}
	r.turnAway(wfe, claim, decision)
	return nil
}
