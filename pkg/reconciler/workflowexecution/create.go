// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package workflowexecution

import (
	"context"
	"fmt"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"knative.dev/pkg/logging"

	"kubernaut.ai/workflowexecution/pkg/apis/config"
	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/pkg/reconciler/pipelinerun"
	"kubernaut.ai/workflowexecution/pkg/reconciler/pipelinerun/resources"
)

// createRun creates the run of the execution, pending, and notes its reference.
func (r *Reconciler) createRun(ctx context.Context, s *state) error {
	if err := r.readmit(ctx, s); err != nil {
		return r.failCreation(ctx, s, err)
	}
	run, err := resources.MakePipelineRun(s.wfe, s.claim.Target, s.claim.RunNamespace, config.FromContextOrDefaults(ctx).WorkflowExecution)
	if err != nil {
		return r.failCreation(ctx, s, misconfigured("%s", err.Error()))
	}
	created, err := r.tekton.TektonV1().PipelineRuns(run.Namespace).Create(ctx, run, metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		created, err = r.adoptRun(ctx, s.wfe, run)
	}
	if err != nil {
		return r.failCreation(ctx, s, err)
	}
	return r.noteRun(ctx, s, created)
}

// noteRun notes the reference of the run, if that is stored as it was sent.
func (r *Reconciler) noteRun(ctx context.Context, s *state, run *tektonv1.PipelineRun) error {
	if altered := resources.Altered(run); altered != "" {
		return r.endAltered(ctx, s, run, altered)
	}
	s.wfe.Status.MarkPipelineRunCreated(refTo(run))
	return nil
}

func refTo(run *tektonv1.PipelineRun) v1alpha1.PipelineRunRef {
	return v1alpha1.PipelineRunRef{Namespace: run.Namespace, Name: run.Name, UID: run.UID}
}

// endAltered ends an execution whose run somebody has changed on its way into the store: a run that others start, or that
// Tekton leaves to others, does not obey the lock. What may have started already is cancelled before its reference is
// stored, so that no reconcile takes it for a run that was started after the checks.
func (r *Reconciler) endAltered(ctx context.Context, s *state, run *tektonv1.PipelineRun, altered string) error {
	cause := misconfigured("PipelineRun %s/%s is not stored as it was sent: %s. A mutating webhook has changed it, such as that of a queue: "+
		"exclude namespace %s from it, since only the lock of the target may start a workflow", run.Namespace, run.Name, altered, run.Namespace)
	logging.FromContext(ctx).Warnw("Ends a run that was altered", "pipelineRun", run.Name, "altered", altered)
	if resources.IsUnstarted(run) {
		s.run = run
		return r.abandonUnstarted(ctx, s, cause)
	}
	ref := r.ref(s)
	ref.UID = run.UID
	_, err := r.runs.End(ctx, pipelinerun.Ending{
		Ref: ref, Run: run, HasStarted: true, Reason: cause.reason, Grace: pipelinerun.GraceOf(run), KeepsEvidence: true,
	})
	if err != nil {
		return err
	}
	s.wfe.Status.MarkPipelineRunAltered(refTo(run), cause.message)
	return nil
}

// adoptRun finds the run that an earlier reconcile created and could not note, or whose note this reconcile
// has not seen yet. One that this execution did not create is never taken.
func (r *Reconciler) adoptRun(
	ctx context.Context, wfe *v1alpha1.WorkflowExecution, want *tektonv1.PipelineRun,
) (*tektonv1.PipelineRun, error) {
	run, err := r.tekton.TektonV1().PipelineRuns(want.Namespace).Get(ctx, want.Name, metav1.GetOptions{})
	if err != nil {
		// Wrapped, so that it is no refusal of the creation: a run that has vanished is created anew.
		return nil, fmt.Errorf("failed to read PipelineRun %s/%s: %w", want.Namespace, want.Name, err)
	}
	if !resources.BelongsTo(run, wfe.UID) {
		return nil, misconfigured("PipelineRun %s/%s exists and was not created by this execution; it was left alone",
			want.Namespace, want.Name)
	}
	return run, r.ensureFresh(ctx, wfe, hasRunOrOutcome)
}
