// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package workflowexecution

import (
	"context"

	"knative.dev/pkg/reconciler"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/pkg/reconciler/pipelinerun"
)

// cleanUpAndRelease ends what is left of a run whose outcome is stored: a pod that waits for ever for a ConfigMap must not
// hold the target for ever. A pod on a node that does not answer does: it may run on. Then it frees the target.
func (r *Reconciler) cleanUpAndRelease(ctx context.Context, s *state) reconciler.Event {
	if err := r.track(s.wfe); err != nil {
		return err
	}
	ref := r.ref(s)
	run, err := r.runs.Get(ctx, ref)
	if err != nil {
		return err
	}
	progress, err := r.endAllOf(ctx, s, pipelinerun.Ending{
		Ref: ref, Run: run, Reason: v1alpha1.FailureCancelled, Grace: pipelinerun.GraceOf(run),
	})
	if progress.Ended && err == nil {
		return r.releaseEnded(ctx, s)
	}
	if progress.Left == "" {
		return err
	}
	message := "The run has ended; its target stays locked until these have ended too: " + v1alpha1.Cut(progress.Left, v1alpha1.MaxText/2)
	if progress.Warning != "" {
		message += ". " + v1alpha1.Cut(progress.Warning, v1alpha1.MaxText/4)
	}
	r.warn(ctx, s.wfe, progress.Warning, message)
	s.wfe.Status.MarkWaitingForRelease(message)
	if err != nil {
		return err
	}
	return r.afterProgress(progress)
}

// endAllOf ends the run of an execution, and whatever else on its target carries its marks: the runs that a pipeline in
// its pipeline has made, and reruns that somebody has.
func (r *Reconciler) endAllOf(ctx context.Context, s *state, ending pipelinerun.Ending) (pipelinerun.Progress, error) {
	progress, err := r.runs.End(ctx, ending)
	if err != nil {
		return progress, err
	}
	work, err := r.runs.Work(ctx, v1alpha1.TargetHash(s.claim.Target), ending.Ref)
	if err != nil {
		return progress, err
	}
	others, err := r.runs.EndAll(ctx, work.Of(s.wfe.UID), ending)
	return progress.With(others), err
}
