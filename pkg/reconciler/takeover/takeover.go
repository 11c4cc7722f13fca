// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

// Package takeover finds the executions that hold targets, and frees the targets of those that are dead.
package takeover

import (
	"cmp"
	"context"
	"fmt"
	"time"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution"
	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/pkg/client/clientset/versioned"
	"kubernaut.ai/workflowexecution/pkg/reconciler/pipelinerun"
	"kubernaut.ai/workflowexecution/pkg/reconciler/pipelinerun/resources"
	"kubernaut.ai/workflowexecution/pkg/reconciler/pipelinerun/resources/names"
	"kubernaut.ai/workflowexecution/pkg/targetlock"
)

// Locks is what a take-over needs of targetlock.Store.
type Locks interface {
	Fence(context.Context, targetlock.Claim) error
	Release(context.Context, targetlock.Claim, *targetlock.Outcome, targetlock.Policy) (targetlock.Released, error)
}

// Takeover frees targets whose holders are dead. It decides by what the API server has.
type Takeover struct {
	executions versioned.Interface
	runs       *pipelinerun.Runs
	locks      Locks
	clock      clock.PassiveClock
	// runNamespace is where runs live of which nothing else says it.
	runNamespace string
}

// New takes the client of executions, what ends runs and frees targets, and the execution namespace.
func New(executions versioned.Interface, runs *pipelinerun.Runs, locks Locks, clock clock.PassiveClock, runNamespace string) *Takeover {
	return &Takeover{executions: executions, runs: runs, locks: locks, clock: clock, runNamespace: runNamespace}
}

// Free frees the target of a dead holder, and tells whether it has, once nothing of that holder's run
// can run any more. Until then it ends what runs, and as long as the holder lives it does nothing. A
// holder is dead that is over, or gone, which takes somebody who removed its finalizer: it will never
// free its target itself, and never changes again.
func (t *Takeover) Free(
	ctx context.Context, conflict targetlock.Conflict, policy targetlock.Policy,
) (bool, error) {
	if conflict.Holder == (targetlock.Holder{}) || conflict.Target == "" {
		// Somebody has edited the Lease, and nobody knows whose target it is, or which.
		return false, nil
	}
	holder, err := FindHolder(ctx, t.executions, conflict.Holder)
	if err != nil {
		return false, fmt.Errorf("failed to read the execution %s/%s, which holds the target: %w",
			conflict.Holder.Namespace, conflict.Holder.Name, err)
	}
	if holder != nil && !holder.Status.IsTerminal() {
		return false, nil
	}
	theirs := t.claimOf(conflict, holder)
	if err := t.locks.Fence(ctx, theirs); err != nil {
		return false, err
	}
	ref := runOf(theirs)
	run, err := t.runs.Get(ctx, ref)
	if err != nil {
		return false, err
	}
	if run != nil {
		theirs.WorkflowID = cmp.Or(theirs.WorkflowID, run.Annotations[workflowexecution.WorkflowIDAnnotation])
	}
	outcome := t.outcome(holder, run)
	if cleared, err := t.clear(ctx, ref, run, holder == nil); !cleared || err != nil {
		return false, err
	}
	_, err = t.locks.Release(ctx, theirs, outcome, policy)
	return err == nil, err
}

// claimOf is the claim by which a holder took its target. What the holder itself says counts before the
// Lease, which may have been edited.
func (t *Takeover) claimOf(conflict targetlock.Conflict, holder *v1alpha1.WorkflowExecution) targetlock.Claim {
	claim := conflict.Claim()
	if holder != nil {
		claim.WorkflowID = holder.Spec.WorkflowRef.WorkflowID
		if ref := holder.Status.PipelineRunRef; ref != nil {
			claim.RunNamespace = ref.Namespace
		}
	}
	claim.RunNamespace = cmp.Or(claim.RunNamespace, t.runNamespace)
	return claim
}

// runOf is the run of an execution that may be gone, as far as its Lease remembers it.
func runOf(claim targetlock.Claim) pipelinerun.Ref {
	holder := &v1alpha1.WorkflowExecution{ObjectMeta: metav1.ObjectMeta{Name: claim.Holder.Name, UID: claim.Holder.UID}}
	return pipelinerun.Ref{Namespace: claim.RunNamespace, Name: names.PipelineRun(holder), Execution: holder.UID}
}

// clear ends what a dead holder left, and tells whether nothing is left that could run. It deletes the
// history of a holder that is gone, which nobody would ever do later.
func (t *Takeover) clear(ctx context.Context, ref pipelinerun.Ref, run *tektonv1.PipelineRun, isGone bool) (bool, error) {
	if run != nil {
		ref.UID = run.UID
	}
	if ended, err := t.end(ctx, ref, run); !ended || err != nil {
		return false, err
	}
	if isGone && run != nil && run.IsDone() {
		return true, t.runs.DeleteForeground(ctx, run)
	}
	return true, nil
}

// end ends a run in the way in which the deletion of its execution would have, and tells whether
// nothing of it runs any more. A nil run is one that is gone; its children may not be.
func (t *Takeover) end(ctx context.Context, ref pipelinerun.Ref, run *tektonv1.PipelineRun) (bool, error) {
	switch {
	case run == nil || run.IsDone():
	case run.IsPending():
		if err := t.runs.DeleteUnstarted(ctx, run); err != nil {
			return false, err
		}
		run = nil
	default:
		return false, t.endRunning(ctx, run)
	}
	left, err := t.runs.FindLeftovers(ctx, ref, run)
	if err != nil {
		return false, err
	}
	if left.Any() {
		return false, t.runs.DeleteLeftovers(ctx, left)
	}
	return true, nil
}

// endRunning cancels a run, and deletes it once its finally tasks have had their time. Where somebody
// has removed the settings of the run, nobody knows how much that is.
func (t *Takeover) endRunning(ctx context.Context, run *tektonv1.PipelineRun) error {
	if run.Spec.Status == "" {
		return t.runs.Cancel(ctx, run, v1alpha1.FailureCancelled)
	}
	settings, err := resources.SettingsOf(run)
	if err == nil && t.runs.GraceRemaining(run, time.Time{}, settings) > 0 {
		return nil
	}
	return t.runs.DeleteForeground(ctx, run)
}
