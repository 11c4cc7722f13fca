// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package workflowexecution

import (
	"context"
	"time"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"knative.dev/pkg/logging"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/pkg/failure"
	"kubernaut.ai/workflowexecution/pkg/reconciler/pipelinerun/resources"
	"kubernaut.ai/workflowexecution/pkg/redact"
)

// lookTime is how long it may take to find out what a run is stuck on.
const lookTime = 2 * time.Second

// explainAndCount says why a run failed, and corrects its progress by what its tasks say themselves; a nil run is one that
// somebody deleted.
func (r *Reconciler) explainAndCount(
	ctx context.Context, wfe *v1alpha1.WorkflowExecution, run *tektonv1.PipelineRun, completed metav1.Time,
) (v1alpha1.FailureDetails, error) {
	evidence := failure.Evidence{PipelineRun: run, StartTime: wfe.Status.StartTime, FailedAt: completed}
	if run == nil {
		if wfe.DeletionTimestamp != nil {
			evidence.CancelReason = v1alpha1.FailureCancelled
		}
		return failure.Explain(&wfe.Spec, evidence), nil
	}
	evidence.CancelReason = resources.CancelReasonOf(run)
	if summary := wfe.Status.PipelineRunStatus; summary != nil {
		evidence.WaitingFor = failure.ParseWaiting(summary.WaitingFor)
	}
	settings := r.settings(ctx, wfe, run)
	if err := evidence.Collect(ctx, r.runs.SourcesOf(r.refOf(wfe), r.index, r.deletedPods), settings.LogTailLines); err != nil {
		return v1alpha1.FailureDetails{}, err
	}
	if summary := wfe.Status.PipelineRunStatus; summary != nil {
		resources.CountTasks(summary, run, evidence.TaskRuns, evidence.CustomRuns)
	}
	return failure.Explain(&wfe.Spec, evidence), nil
}

// withAlteration gives a run that somebody has changed on its way into the store that as its cause.
func withAlteration(wfe *v1alpha1.WorkflowExecution, details v1alpha1.FailureDetails) v1alpha1.FailureDetails {
	altered := wfe.Status.Alteration()
	if altered == "" {
		return details
	}
	return withSummary(wfe, v1alpha1.FailureDetails{
		Reason: v1alpha1.FailureConfigurationError, Message: altered, FailedAt: details.FailedAt,
		ExecutionTimeBeforeFailure: details.ExecutionTimeBeforeFailure, WasExecutionFailure: details.WasExecutionFailure,
	})
}

// withSummary completes the details of a failure before anything ran.
func withSummary(wfe *v1alpha1.WorkflowExecution, details v1alpha1.FailureDetails) v1alpha1.FailureDetails {
	details.Message = withoutSecrets(wfe, details.Message)
	if details.NaturalLanguageSummary = failure.SummarizeUnstarted(&wfe.Spec, &details); details.WasExecutionFailure {
		details.NaturalLanguageSummary = failure.Summarize(&wfe.Spec, &details, 0)
	}
	return details
}

// withoutSecrets is a text of others that may repeat what the execution passed to its workflow.
func withoutSecrets(wfe *v1alpha1.WorkflowExecution, text string) string {
	return redact.Values(wfe.Spec.Parameters).Text(text)
}

// waitingFor is what a pod of the run waits for now, or was seen to wait for before it went: the end of a run
// that is stuck tells only that its time was up. What is noted stays as it was worded first, since the kubelet
// tries again and again, and words it in turns.
func waitingFor(wfe *v1alpha1.WorkflowExecution, noted string, pods []*corev1.Pod) string {
	before, now := failure.ParseWaiting(noted), failure.WaitsFor(pods)
	switch {
	case now.Reason != "" && !now.IsLike(before):
		return withoutSecrets(wfe, now.String())
	case now.Reason == "" && before.HasStarted(pods):
		return ""
	}
	return noted
}

// noteWaiting begins to look once more what a run is stuck on that is cancelled meanwhile: to look must not keep it from
// its end, and afterwards there is nothing to see. The function that it returns notes what was seen.
func (r *Reconciler) noteWaiting(ctx context.Context, wfe *v1alpha1.WorkflowExecution) (note func()) {
	summary := wfe.Status.PipelineRunStatus
	if summary == nil || summary.WaitingFor != "" {
		return func() {}
	}
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	var look errgroup.Group
	var waits failure.Waiting
	look.Go(func() (err error) {
		waits, err = r.stuckOn(ctx, wfe)
		return err
	})
	return func() {
		defer cancel()
		if err := look.Wait(); err != nil {
			logging.FromContext(ctx).Warnw("What the run is stuck on is not known", "error", err)
			return
		}
		summary.WaitingFor = withoutSecrets(wfe, waits.String())
	}
}

// stuckOn is what a pod waits for, or a TaskRun that got none, which no watch tells.
func (r *Reconciler) stuckOn(ctx context.Context, wfe *v1alpha1.WorkflowExecution) (failure.Waiting, error) {
	pods, err := r.podsOf(ctx, wfe)
	if err != nil {
		return failure.Waiting{}, err
	}
	if waits := failure.PendingFor(pods); waits.Reason != "" {
		return waits, nil
	}
	taskRuns, err := r.runs.TaskRuns(ctx, r.refOf(wfe))
	return failure.TaskRunsWaitFor(taskRuns), err
}
