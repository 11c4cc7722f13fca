// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package targetlease

import (
	"context"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"

	"kubernaut.ai/workflowexecution/pkg/apierror"
	"kubernaut.ai/workflowexecution/pkg/reconciler/pipelinerun"
	"kubernaut.ai/workflowexecution/pkg/targetlock"
)

// deleteOrphans deletes what nobody will ever need: a run whose creation arrived after its execution
// had ended, so that it will never start, and the history of an execution that is gone. A run that
// works is ended by way of its lock, and so is all of whoever holds the lock: what is to be remembered of
// it depends on whether its run was started.
func (r *Reconciler) deleteOrphans(ctx context.Context, lock *targetlock.Lock, hash string) error {
	found, err := r.index.Runs(hash)
	if err != nil {
		return err
	}
	for _, run := range found {
		owner := pipelinerun.HolderOf(run)
		isHolder := lock.Holder != nil && lock.Holder.Holder == owner
		if run.DeletionTimestamp != nil || owner == (targetlock.Holder{}) || isHolder || r.isNeeded(owner, run) {
			continue
		}
		if err := r.deleteOrphan(ctx, owner, run); err != nil {
			return err
		}
	}
	return nil
}

// isNeeded tells whether the execution of a run still has a use for it, as far as the cache knows.
func (r *Reconciler) isNeeded(owner targetlock.Holder, run *tektonv1.PipelineRun) bool {
	execution := r.cached(owner)
	switch {
	case execution == nil:
		return !run.IsPending() && !run.IsDone()
	case execution.Status.IsTerminal():
		return !run.IsPending()
	}
	return true
}

func (r *Reconciler) deleteOrphan(ctx context.Context, owner targetlock.Holder, run *tektonv1.PipelineRun) error {
	live, err := r.live(ctx, owner)
	switch {
	case err != nil:
		return err
	case run.IsPending() && (live == nil || live.Status.IsTerminal()):
		err := r.runs.DeleteUnstarted(ctx, run)
		if apierror.IsGone(err) {
			return nil
		}
		return err
	case !run.IsPending() && live == nil:
		return r.runs.DeleteForeground(ctx, run)
	}
	return nil
}
