// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package workflowexecution

import (
	"context"
	"encoding/json"
	"fmt"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"knative.dev/pkg/reconciler"
	"knative.dev/pkg/tracker"

	"kubernaut.ai/workflowexecution/pkg/apierror"
	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution"
	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/pkg/reconciler/pipelinerun"
	"kubernaut.ai/workflowexecution/pkg/reconciler/pipelinerun/resources/names"
)

// reconcilePipelineRun finds the one run of the execution, and creates it if its reference was never stored. The
// reconcile ends here if the reference has to be stored first, or if the run is gone.
func (r *Reconciler) reconcilePipelineRun(ctx context.Context, s *state) (bool, reconciler.Event) {
	if err := r.track(s.wfe); err != nil {
		return true, err
	}
	if s.wfe.Status.PipelineRunRef == nil {
		return true, r.createRun(ctx, s)
	}
	var err error
	if s.run, err = r.findAndRelabelRun(ctx, s.wfe, r.ref(s)); err != nil {
		return true, err
	}
	if s.run == nil {
		return r.reconcileGone(ctx, s)
	}
	return false, nil
}

func (r *Reconciler) track(wfe *v1alpha1.WorkflowExecution) error {
	ref := r.refOf(wfe)
	return r.tracker.TrackReference(tracker.Reference{
		APIVersion: tektonv1.SchemeGroupVersion.String(),
		Kind:       "PipelineRun",
		Namespace:  ref.Namespace,
		Name:       ref.Name,
	}, wfe)
}

// refOf says which run is the one of the execution. Where it lives is stored with its reference: the
// execution namespace may have been configured anew since.
func (r *Reconciler) refOf(wfe *v1alpha1.WorkflowExecution) pipelinerun.Ref {
	ref := pipelinerun.Ref{Namespace: r.runNamespace, Name: names.PipelineRun(wfe), Execution: wfe.UID}
	if stored := wfe.Status.PipelineRunRef; stored != nil {
		ref.Namespace, ref.UID = stored.Namespace, stored.UID
	}
	return ref
}

// ref says the same in a reconcile that may not have stored the reference yet.
func (r *Reconciler) ref(s *state) pipelinerun.Ref {
	ref := r.refOf(s.wfe)
	ref.Namespace = s.claim.RunNamespace
	return ref
}

// findAndRelabelRun is the run of the execution as it is known now, nil if there is none. A run that the cache
// does not have is looked for at the API server: the cache may lag, and a label that somebody removed
// hides a run from it.
func (r *Reconciler) findAndRelabelRun(
	ctx context.Context, wfe *v1alpha1.WorkflowExecution, ref pipelinerun.Ref,
) (*tektonv1.PipelineRun, error) {
	run, err := r.runLister.PipelineRuns(ref.Namespace).Get(ref.Name)
	if err == nil && ref.Matches(run) {
		return run, nil
	}
	run, err = r.runs.Get(ctx, ref)
	if run == nil || err != nil {
		return nil, err
	}
	return run, r.relabelRun(ctx, wfe, run)
}

// relabelRun gives a run back the label by which it is watched. Without it no event would tell how the
// run ends, and its pods could not be found.
func (r *Reconciler) relabelRun(ctx context.Context, wfe *v1alpha1.WorkflowExecution, run *tektonv1.PipelineRun) error {
	if run.Labels[workflowexecution.ExecutionUIDLabel] == string(wfe.UID) {
		return nil
	}
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{
		"uid": run.UID, "labels": map[string]string{workflowexecution.ExecutionUIDLabel: string(wfe.UID)},
	}})
	if err != nil {
		return err
	}
	_, err = r.tekton.TektonV1().PipelineRuns(run.Namespace).Patch(ctx, run.Name, types.MergePatchType, patch, metav1.PatchOptions{})
	if err != nil && !apierror.IsGone(err) {
		return fmt.Errorf("failed to give PipelineRun %s/%s its label back: %w", run.Namespace, run.Name, err)
	}
	return nil
}
