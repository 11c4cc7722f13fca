// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package workflowexecution

import (
	"context"
	"fmt"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubernaut.ai/workflowexecution/pkg/apis/config"
	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/pkg/reconciler/pipelinerun/resources"
)

// createRun creates the run of the execution, pending, and notes its reference.
func (r *Reconciler) createRun(ctx context.Context, s *state) error {
	if err := r.readmit(ctx, s); err != nil {
		return r.failCreation(ctx, s, err)
	}
	run, err := resources.MakePipelineRun(s.wfe, s.claim.Target, r.runNamespace, config.FromContextOrDefaults(ctx).WorkflowExecution)
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
	noteRun(s.wfe, created)
	return nil
}

func noteRun(wfe *v1alpha1.WorkflowExecution, run *tektonv1.PipelineRun) {
	wfe.Status.MarkPipelineRunCreated(v1alpha1.PipelineRunRef{Namespace: run.Namespace, Name: run.Name, UID: run.UID})
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
