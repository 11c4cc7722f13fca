// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package workflowexecution

import (
	"context"
	"encoding/json"
	"fmt"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"knative.dev/pkg/logging"
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
	if err := r.letGo(ctx, wfe, run); err != nil {
		return r.startFailed(ctx, wfe, claim, run, err)
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

// letGo is the one write that starts a workflow. It changes a run only once: it tests the run's UID
// and that it is still held back.
func (r *Reconciler) letGo(ctx context.Context, wfe *v1alpha1.WorkflowExecution, run *tektonv1.PipelineRun) error {
	patch, err := json.Marshal([]patchOperation{
		{Op: "test", Path: "/metadata/uid", Value: run.UID},
		{Op: "test", Path: "/spec/status", Value: tektonv1.PipelineRunSpecStatusPending},
		{Op: "remove", Path: "/spec/status"},
	})
	if err != nil {
		return err
	}
	_, err = r.tekton.TektonV1().PipelineRuns(run.Namespace).Patch(ctx, run.Name, types.JSONPatchType, patch, metav1.PatchOptions{})
	switch {
	case apierrors.IsInvalid(err) || apierrors.IsNotFound(err):
		// The cache lags: the run has been started, ended or deleted, and its event is on its way.
		logging.FromContext(ctx).Infow("The run is no longer held back", "reason", err.Error())
		return r.startedEarlier(ctx, wfe, run)
	case err != nil:
		return fmt.Errorf("failed to start PipelineRun %s/%s: %w", run.Namespace, run.Name, err)
	}
	wfe.Status.MarkStarted(metav1.NewTime(r.clock.Now()))
	return nil
}

// startedEarlier notes the start that a pass before a crash did not get to note.
func (r *Reconciler) startedEarlier(ctx context.Context, wfe *v1alpha1.WorkflowExecution, run *tektonv1.PipelineRun) error {
	live, err := r.tekton.TektonV1().PipelineRuns(run.Namespace).Get(ctx, run.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("failed to read PipelineRun %s/%s: %w", run.Namespace, run.Name, err)
	}
	if live.UID == run.UID && !live.IsPending() {
		r.noteStart(wfe, live)
	}
	return nil
}

// noteStart takes the start from Tekton where this controller could not note it itself.
func (r *Reconciler) noteStart(wfe *v1alpha1.WorkflowExecution, run *tektonv1.PipelineRun) {
	if wfe.Status.HasStarted() {
		return
	}
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
	decision, err := r.locks.Acquire(ctx, claim)
	if err != nil {
		return err
	}
	if decision.Conflict == nil {
		mayStart, err := r.locks.MayStart(ctx, claim)
		if err != nil {
			return err
		}
		if mayStart {
			return r.after(0)
		}
	}
	if err := r.deleteUnstarted(ctx, run); err != nil {
		return err
	}
	if decision.Conflict != nil {
		r.skipBusy(wfe, claim, *decision.Conflict)
		return nil
	}
	return r.refuseRun(ctx, wfe, claim, &refusal{
		reason:  v1alpha1.FailureCancelled,
		message: "The lock was fenced before the workflow started; nothing ran",
	})
}

type patchOperation struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value,omitempty"`
}
