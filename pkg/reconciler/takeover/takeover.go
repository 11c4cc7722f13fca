// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

// Package takeover finds the executions that hold targets, and frees the targets of those that are dead.
package takeover

import (
	"cmp"
	"context"
	"fmt"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	"k8s.io/utils/clock"
	"knative.dev/pkg/logging"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution"
	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/pkg/client/clientset/versioned"
	"kubernaut.ai/workflowexecution/pkg/reconciler/pipelinerun"
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

// Free frees the target of a dead holder once nothing of that holder can run any more, which is when the progress has ended.
// Until then it ends what runs, and as long as the holder lives it does nothing. A holder is dead that is over, or gone,
// which takes somebody who removed its finalizer: it will never free its target itself, and never changes again.
func (t *Takeover) Free(
	ctx context.Context, conflict targetlock.Conflict, policy targetlock.Policy,
) (pipelinerun.Progress, error) {
	if conflict.Holder == (targetlock.Holder{}) || conflict.Target == "" {
		// Somebody has edited the Lease, and nobody knows whose target it is, or which.
		return pipelinerun.Progress{}, nil
	}
	holder, err := FindHolder(ctx, t.executions, conflict.Holder)
	if err != nil {
		return pipelinerun.Progress{}, fmt.Errorf("failed to read the execution %s/%s, which holds the target: %w",
			conflict.Holder.Namespace, conflict.Holder.Name, err)
	}
	if holder != nil && !holder.Status.IsTerminal() {
		return pipelinerun.Progress{}, nil
	}
	theirs := t.claimOf(conflict, holder)
	progress, err := t.free(ctx, theirs, holder, policy)
	if theirs.RunNamespace != t.runNamespace {
		progress.Next = min(progress.Next, pipelinerun.ElsewhereInterval)
	}
	return progress, pipelinerun.WithMissingRights(err, theirs.RunNamespace, t.runNamespace)
}

func (t *Takeover) free(
	ctx context.Context, theirs targetlock.Claim, holder *v1alpha1.WorkflowExecution, policy targetlock.Policy,
) (pipelinerun.Progress, error) {
	if err := t.locks.Fence(ctx, theirs); err != nil {
		return pipelinerun.Progress{}, err
	}
	ref := pipelinerun.RunOf(theirs.Holder, theirs.RunNamespace)
	run, err := t.runs.Get(ctx, ref)
	if err != nil {
		return pipelinerun.Progress{}, err
	}
	if run != nil {
		theirs.WorkflowID = cmp.Or(theirs.WorkflowID, run.Annotations[workflowexecution.WorkflowIDAnnotation])
	}
	outcome, err := t.outcome(ctx, holder, run)
	if err != nil {
		return pipelinerun.Progress{}, err
	}
	progress, err := t.clear(ctx, theirs, ref, run, holder == nil)
	if err != nil || !progress.Ended {
		progress.Ended = false
		return progress, err
	}
	if _, err = t.locks.Release(ctx, theirs, outcome, policy); err != nil {
		return pipelinerun.Progress{}, err
	}
	logging.FromContext(ctx).Warnw("Freed the target of a dead holder", "target", theirs.Target,
		"execution", theirs.Holder.Namespace+"/"+theirs.Holder.Name, "isGone", holder == nil)
	return pipelinerun.Progress{Ended: true}, nil
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

// clear ends what a dead holder left. It deletes the history of a holder that is gone, which nobody would ever do later.
func (t *Takeover) clear(
	ctx context.Context, theirs targetlock.Claim, ref pipelinerun.Ref, run *tektonv1.PipelineRun, isGone bool,
) (pipelinerun.Progress, error) {
	if run != nil {
		ref.UID = run.UID
	}
	progress, err := t.end(ctx, theirs, ref, run)
	if !progress.Ended || err != nil {
		return progress, err
	}
	if isGone && run != nil && run.IsDone() {
		return progress, t.runs.DeleteForeground(ctx, run)
	}
	return progress, nil
}

// end ends a run in the way in which the deletion of its execution would have, and whatever else carries its marks. A nil
// run is one that is gone; its children may not be.
func (t *Takeover) end(
	ctx context.Context, theirs targetlock.Claim, ref pipelinerun.Ref, run *tektonv1.PipelineRun,
) (pipelinerun.Progress, error) {
	ending := pipelinerun.Ending{Ref: ref, Run: run, Reason: v1alpha1.FailureCancelled, Grace: pipelinerun.GraceOf(run)}
	progress, err := t.runs.End(ctx, ending)
	if err != nil {
		return progress, err
	}
	work, err := t.runs.Work(ctx, v1alpha1.TargetHash(theirs.Target), ref)
	if err != nil {
		return progress, err
	}
	others, err := t.runs.EndAll(ctx, work.Of(theirs.Holder.UID), ending)
	return progress.With(others), err
}
