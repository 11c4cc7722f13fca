// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package workflowexecution

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"knative.dev/pkg/reconciler"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/pkg/reconciler/workflowexecution/resources"
)

// observe mirrors the run's progress.
func (r *Reconciler) observe(wfe *v1alpha1.WorkflowExecution, run *tektonv1.PipelineRun) error {
	r.noteStart(wfe, run)
	ours := labels.SelectorFromSet(labels.Set{resources.ExecutionUIDLabel: string(wfe.UID)})
	pods, err := r.pods.Pods(run.Namespace).List(ours)
	if err != nil {
		return err
	}
	wfe.Status.PropagatePipelineRunStatus(resources.Summarize(run, pods))
	return nil
}

// keepDeadline cancels the run when its time is up, so that its finally tasks run: Tekton's own
// timeouts skip them. The deadline is the one thing that no watch announces.
func (r *Reconciler) keepDeadline(ctx context.Context, wfe *v1alpha1.WorkflowExecution, run *tektonv1.PipelineRun) reconciler.Event {
	if run.Spec.Status != "" {
		return nil
	}
	settings, err := resources.SettingsOf(run)
	if err != nil {
		return err
	}
	remaining := wfe.Status.StartTime.Add(settings.Timeout.Duration).Sub(r.clock.Now())
	if remaining > 0 {
		return r.after(remaining)
	}
	return r.cancelRun(ctx, run, v1alpha1.FailureDeadlineExceeded)
}

// cancelRun ends the run by way of its finally tasks, and notes why on the run itself.
func (r *Reconciler) cancelRun(ctx context.Context, run *tektonv1.PipelineRun, reason v1alpha1.FailureReason) error {
	patch, err := json.Marshal(map[string]any{
		"metadata": map[string]any{
			"uid": run.UID,
			"annotations": map[string]string{
				resources.CancelReasonAnnotation: string(reason),
				resources.CancelledAtAnnotation:  r.clock.Now().UTC().Format(time.RFC3339),
			},
		},
		"spec": map[string]any{"status": tektonv1.PipelineRunSpecStatusCancelledRunFinally},
	})
	if err != nil {
		return err
	}
	_, err = r.tekton.TektonV1().PipelineRuns(run.Namespace).Patch(ctx, run.Name, types.MergePatchType, patch, metav1.PatchOptions{})
	if apierrors.IsNotFound(err) || apierrors.IsBadRequest(err) && r.hasEnded(ctx, run) {
		// Tekton refuses changes of a run that has ended. Its event is on its way.
		return nil
	}
	if err != nil {
		return fmt.Errorf("failed to cancel PipelineRun %s/%s: %w", run.Namespace, run.Name, err)
	}
	return nil
}

func (r *Reconciler) hasEnded(ctx context.Context, run *tektonv1.PipelineRun) bool {
	live, err := r.tekton.TektonV1().PipelineRuns(run.Namespace).Get(ctx, run.Name, metav1.GetOptions{})
	return apierrors.IsNotFound(err) || err == nil && (live.UID != run.UID || live.IsDone())
}
