// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package targetlease

import (
	"context"

	"kubernaut.ai/workflowexecution/pkg/reconciler/pipelinerun"
	"kubernaut.ai/workflowexecution/pkg/targetlock"
)

// deleteHistory deletes the runs of executions that are gone, once they have ended: nobody else ever would. Those of whoever
// holds the lock are ended, and deleted, by way of that.
func (r *Reconciler) deleteHistory(ctx context.Context, lock *targetlock.Lock, hash string) error {
	found, err := r.index.Runs(hash)
	if err != nil {
		return err
	}
	for _, run := range found {
		owner := pipelinerun.HolderOf(run)
		isHolder := lock.Holder != nil && lock.Holder.Holder == owner
		if !run.IsDone() || run.DeletionTimestamp != nil || owner == (targetlock.Holder{}) || isHolder || r.cached(owner) != nil {
			continue
		}
		live, err := r.live(ctx, owner)
		if err != nil {
			return err
		}
		if live != nil {
			continue
		}
		if err := r.runs.DeleteForeground(ctx, run); err != nil {
			return err
		}
	}
	return nil
}
