// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package workflowexecution

import (
	"context"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	"knative.dev/pkg/logging"
	"knative.dev/pkg/reconciler"

	"kubernaut.ai/workflowexecution/pkg/apis/config"
	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/pkg/reconciler/pipelinerun/resources"
)

// reconcileProgress mirrors the run's progress.
func (r *Reconciler) reconcileProgress(ctx context.Context, s *state) (bool, reconciler.Event) {
	return false, r.mirror(ctx, s.wfe, s.run)
}

func (r *Reconciler) mirror(ctx context.Context, wfe *v1alpha1.WorkflowExecution, run *tektonv1.PipelineRun) error {
	if err := r.noteStart(ctx, wfe, run); err != nil {
		return err
	}
	pods, err := r.podsOf(ctx, wfe)
	if err != nil {
		return err
	}
	before := wfe.Status.PipelineRunStatus
	if before == nil {
		before = &v1alpha1.PipelineRunStatusSummary{}
	}
	summary := resources.Summarize(run, before, pods)
	// To look for secrets takes as long as the parameters are, and what is stored has none.
	if summary.Message != before.Message {
		summary.Message = withoutSecrets(wfe, summary.Message)
	}
	summary.WaitingFor = before.WaitingFor
	if before.WaitingFor == "" || !resources.IsCancelled(run) {
		summary.WaitingFor = waitingFor(wfe, before.WaitingFor, pods)
	}
	wfe.Status.PropagatePipelineRunStatus(summary)
	return nil
}

// settings are those the run started with. Where somebody has removed them there are others: a run must come to its
// end whatever the configuration allows by now.
func (r *Reconciler) settings(ctx context.Context, wfe *v1alpha1.WorkflowExecution, run *tektonv1.PipelineRun) resources.Settings {
	settings, err := resources.SettingsOf(run)
	if err != nil {
		logging.FromContext(ctx).Warnw("The run has lost its settings; those of now hold", "error", err)
		settings = resources.ReplacedSettings(&wfe.Spec, config.FromContextOrDefaults(ctx).WorkflowExecution)
	}
	return settings
}
