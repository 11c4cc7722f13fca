// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package workflowexecution

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"knative.dev/pkg/tracker"

	"kubernaut.ai/workflowexecution/pkg/apis/config"
	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution"
	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/pkg/reconciler/pipelinerun"
	"kubernaut.ai/workflowexecution/pkg/reconciler/pipelinerun/resources"
	"kubernaut.ai/workflowexecution/pkg/reconciler/pipelinerun/resources/names"
	"kubernaut.ai/workflowexecution/pkg/targetlock"
)

// pipelineRun is the one run of the execution, created if its reference was never stored. It is nil
// if the story stops here: because the reference has to be stored first, or because the run is gone.
func (r *Reconciler) pipelineRun(
	ctx context.Context, wfe *v1alpha1.WorkflowExecution, claim targetlock.Claim,
) (*tektonv1.PipelineRun, error) {
	if err := r.track(wfe); err != nil {
		return nil, err
	}
	if wfe.Status.PipelineRunRef == nil {
		return nil, r.createRun(ctx, wfe, claim)
	}
	run, err := r.ownRun(ctx, wfe)
	if err != nil || run != nil {
		return run, err
	}
	return nil, r.finish(ctx, wfe, claim, nil)
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

// ownRun is the run of the execution as it is known now, nil if there is none. A run that the cache
// does not have is looked for at the API server: the cache may lag, and a label that somebody removed
// hides a run from it.
func (r *Reconciler) ownRun(ctx context.Context, wfe *v1alpha1.WorkflowExecution) (*tektonv1.PipelineRun, error) {
	ref := r.refOf(wfe)
	run, err := r.runLister.PipelineRuns(ref.Namespace).Get(ref.Name)
	if err == nil && ref.Matches(run) {
		return run, nil
	}
	run, err = r.runs.Get(ctx, ref)
	if run == nil || err != nil {
		return nil, err
	}
	return run, r.showRun(ctx, wfe, run)
}

// showRun gives a run back the label by which it is watched. Without it no event would tell how the
// run ends, and its pods could not be found.
func (r *Reconciler) showRun(ctx context.Context, wfe *v1alpha1.WorkflowExecution, run *tektonv1.PipelineRun) error {
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
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("failed to give PipelineRun %s/%s its label back: %w", run.Namespace, run.Name, err)
	}
	return nil
}

func (r *Reconciler) createRun(ctx context.Context, wfe *v1alpha1.WorkflowExecution, claim targetlock.Claim) error {
	run, err := resources.MakePipelineRun(wfe, claim.Target, r.runNamespace, config.FromContextOrDefaults(ctx).WorkflowExecution)
	if err != nil {
		return r.creationFailed(ctx, wfe, claim, misconfigured("%s", err.Error()))
	}
	created, err := r.tekton.TektonV1().PipelineRuns(run.Namespace).Create(ctx, run, metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		created, err = r.adoptRun(ctx, wfe, run)
	}
	if err != nil {
		return r.creationFailed(ctx, wfe, claim, err)
	}
	wfe.Status.MarkPipelineRunCreated(v1alpha1.PipelineRunRef{
		Namespace: created.Namespace, Name: created.Name, UID: created.UID,
	})
	return nil
}

// adoptRun finds the run that an earlier pass created and could not note, or whose note this pass
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
	return run, r.hasNoReference(ctx, wfe)
}

// hasNoReference makes sure at the API server that no run of the execution is stored yet.
func (r *Reconciler) hasNoReference(ctx context.Context, wfe *v1alpha1.WorkflowExecution) error {
	live, err := r.liveExecution(ctx, wfe)
	if err != nil {
		return err
	}
	if live.UID != wfe.UID || live.Status.PipelineRunRef != nil || live.Status.HasOutcome() {
		return errCacheLags
	}
	return nil
}

// isRefusal tells whether the API server, or a webhook, will never accept the object. Throttling,
// time-outs and conflicts are not refusals.
func isRefusal(err error) bool {
	status, ok := err.(apierrors.APIStatus)
	if !ok || apierrors.IsTooManyRequests(err) || apierrors.IsTimeout(err) || apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err) {
		return false
	}
	code := status.Status().Code
	return code >= http.StatusBadRequest && code < http.StatusInternalServerError &&
		code != http.StatusUnauthorized && code != http.StatusRequestTimeout
}
