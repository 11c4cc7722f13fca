// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package pipelinerun

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"kubernaut.ai/workflowexecution/pkg/apierror"
	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution"
	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
)

// cancel ends the run, mostly by way of its finally tasks, and notes why on the run itself. A run that has
// ended or is gone needs no cancellation.
func (r *Runs) cancel(ctx context.Context, run *tektonv1.PipelineRun, reason v1alpha1.FailureReason, how string) error {
	patch, err := json.Marshal(map[string]any{
		"metadata": map[string]any{
			"uid": run.UID,
			"annotations": map[string]string{
				workflowexecution.CancelReasonAnnotation: string(reason),
				workflowexecution.CancelledAtAnnotation:  r.clock.Now().UTC().Format(time.RFC3339),
			},
		},
		"spec": map[string]any{"status": how},
	})
	if err != nil {
		return err
	}
	_, err = r.tekton.TektonV1().PipelineRuns(run.Namespace).Patch(ctx, run.Name, types.MergePatchType, patch, metav1.PatchOptions{})
	if apierror.IsGone(err) || apierrors.IsBadRequest(err) && r.hasEnded(ctx, run) {
		// Tekton refuses changes of a run that has ended. Its event is on its way.
		return nil
	}
	if err != nil {
		return fmt.Errorf("failed to cancel PipelineRun %s/%s: %w", run.Namespace, run.Name, err)
	}
	logDeed(ctx, "Cancelled a run", run, "reason", reason)
	return nil
}

func (r *Runs) hasEnded(ctx context.Context, run *tektonv1.PipelineRun) bool {
	live, err := r.again(ctx, run)
	return err == nil && (live == nil || live.IsDone())
}

// DeleteUnstarted deletes a run that is pending, if nothing has changed it. A failure means that it
// has changed, perhaps started: the next reconcile sees. So does one with apierror.IsGone: the run may
// have been started and have worked before somebody else deleted it.
func (r *Runs) DeleteUnstarted(ctx context.Context, run *tektonv1.PipelineRun) error {
	isUnstarted, err := r.IsUnstarted(ctx, run)
	if err != nil {
		return err
	}
	if !isUnstarted {
		return fmt.Errorf("PipelineRun %s/%s was started meanwhile", run.Namespace, run.Name)
	}
	return r.deleteUnchanged(ctx, run)
}

// deleteUnchanged deletes a run as it was read.
func (r *Runs) deleteUnchanged(ctx context.Context, run *tektonv1.PipelineRun) error {
	err := r.tekton.TektonV1().PipelineRuns(run.Namespace).Delete(ctx, run.Name, metav1.DeleteOptions{
		Preconditions: &metav1.Preconditions{UID: &run.UID, ResourceVersion: &run.ResourceVersion},
	})
	if err != nil {
		return fmt.Errorf("failed to delete PipelineRun %s/%s before it starts: %w", run.Namespace, run.Name, err)
	}
	logDeed(ctx, "Deleted a run that had not started", run)
	return nil
}

// DeleteForeground deletes a run after its TaskRuns and pods: while it is there, something of it is.
// It does not wait for that.
func (r *Runs) DeleteForeground(ctx context.Context, run *tektonv1.PipelineRun) error {
	if run.DeletionTimestamp != nil {
		return nil
	}
	err := r.tekton.TektonV1().PipelineRuns(run.Namespace).Delete(ctx, run.Name, inForeground(run.UID))
	if isRefused(err) {
		return fmt.Errorf("failed to delete PipelineRun %s/%s: %w", run.Namespace, run.Name, err)
	}
	logDeletion(ctx, "Deleted a run", run, err)
	return nil
}

// deleteLeftovers asks what is left of an ended run to end: its pods, and before them TaskRuns and CustomRuns that nobody
// will ever end. It waits for those that may still end by themselves: what they make of their pods is
// theirs. It never forces: a pod that is not known to have ended may work on.
func (r *Runs) deleteLeftovers(ctx context.Context, left Leftovers) error {
	if left.hasRuns() {
		return r.deleteStragglers(ctx, left)
	}
	for _, pod := range left.pods {
		if pod.DeletionTimestamp != nil {
			continue
		}
		err := r.kube.CoreV1().Pods(pod.Namespace).Delete(ctx, pod.Name, metav1.DeleteOptions{
			Preconditions: &metav1.Preconditions{UID: &pod.UID},
		})
		if isRefused(err) {
			return fmt.Errorf("failed to delete pod %s/%s of the ended run: %w", pod.Namespace, pod.Name, err)
		}
		logDeletion(ctx, "Deleted a pod that its run has left", pod, err)
	}
	return nil
}

// deleteStragglers deletes TaskRuns after their pods, so that they count until nothing of them runs, and CustomRuns.
func (r *Runs) deleteStragglers(ctx context.Context, left Leftovers) error {
	if left.run != nil {
		return nil
	}
	straggles := func(object metav1.Object) bool {
		// Where nobody knows when the run ended, it is gone: what it made is as old as it looks.
		since := ptr.Deref(left.ended, object.GetCreationTimestamp())
		return object.GetDeletionTimestamp() == nil && r.clock.Since(since.Time) >= straggling
	}
	for _, taskRun := range left.taskRuns {
		if !straggles(taskRun) {
			continue
		}
		err := r.tekton.TektonV1().TaskRuns(taskRun.Namespace).Delete(ctx, taskRun.Name, inForeground(taskRun.UID))
		if isRefused(err) {
			return fmt.Errorf("failed to delete TaskRun %s/%s of the ended run: %w", taskRun.Namespace, taskRun.Name, err)
		}
		logDeletion(ctx, "Deleted a TaskRun that its run has left", taskRun, err)
	}
	for _, customRun := range left.customRuns {
		if !straggles(customRun) {
			continue
		}
		err := r.tekton.TektonV1beta1().CustomRuns(customRun.Namespace).Delete(ctx, customRun.Name, inForeground(customRun.UID))
		if isRefused(err) {
			return fmt.Errorf("failed to delete CustomRun %s/%s of the ended run: %w", customRun.Namespace, customRun.Name, err)
		}
		logDeletion(ctx, "Deleted a CustomRun that its run has left", customRun, err)
	}
	return nil
}

// inForeground deletes an object after everything that it owns, and none that has its name since.
func inForeground(uid types.UID) metav1.DeleteOptions {
	return metav1.DeleteOptions{
		PropagationPolicy: ptr.To(metav1.DeletePropagationForeground),
		Preconditions:     &metav1.Preconditions{UID: &uid},
	}
}

// isRefused tells whether what was to be deleted may still be there: not gone, nor replaced by another.
func isRefused(err error) bool {
	return err != nil && !apierror.IsGone(err) && !apierrors.IsConflict(err)
}
