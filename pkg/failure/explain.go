// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

// Package failure turns the evidence of a failed run into an explanation. It goes by the typed
// reasons of Tekton and Kubernetes, never by words in a message.
package failure

import (
	"cmp"
	"fmt"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"knative.dev/pkg/apis"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
)

// Evidence is what could be found out about a failed run.
type Evidence struct {
	// PipelineRun as it ended, nil if it is gone.
	PipelineRun *tektonv1.PipelineRun
	// TaskRuns of the run, as far as they exist.
	TaskRuns []tektonv1.TaskRun
	// CancelReason is why the controller cancelled the run, empty if it did not.
	CancelReason v1alpha1.FailureReason
	// StartTime of the run, nil if it was never started.
	StartTime *metav1.Time
	// FailedAt is when the run ended.
	FailedAt metav1.Time
}

// Explain says why the run failed, where, and whether it may have changed anything.
func Explain(e Evidence) v1alpha1.FailureDetails {
	details := v1alpha1.FailureDetails{FailedAt: e.FailedAt, WasExecutionFailure: mayHaveExecuted(e)}
	if e.StartTime != nil {
		details.ExecutionTimeBeforeFailure = &metav1.Duration{Duration: max(0, e.FailedAt.Sub(e.StartTime.Time))}
	}
	if e.PipelineRun == nil {
		details.Reason = cmp.Or(e.CancelReason, v1alpha1.FailurePipelineRunDeleted)
		details.Message = "The PipelineRun was deleted before it ended"
		return details
	}
	describeTask(&details, e)
	details.Reason = reason(e)
	details.Message = message(&details, e)
	return details
}

// mayHaveExecuted errs on the side of yes: only a run that provably has no TaskRun ran nothing. One
// that is gone proves nothing, not even that it was not started: that may have been noted nowhere.
func mayHaveExecuted(e Evidence) bool {
	return e.PipelineRun == nil || len(e.TaskRuns) > 0 || len(e.PipelineRun.Status.ChildReferences) > 0
}

func describeTask(details *v1alpha1.FailureDetails, e Evidence) {
	task := firstFailed(e.TaskRuns)
	if task == nil {
		return
	}
	details.FailedTaskRunName = task.Name
	details.FailedTaskName = task.Labels[pipelineTaskLabel]
	if index, ok := taskIndex(e.PipelineRun, details.FailedTaskName); ok {
		details.FailedTaskIndex = new(index)
	}
	if step := failedStep(task); step != nil {
		details.FailedStepName = step.Name
		details.ExitCode = new(step.Terminated.ExitCode)
	}
}

func message(details *v1alpha1.FailureDetails, e Evidence) string {
	if e.CancelReason == v1alpha1.FailureDeadlineExceeded {
		return "The workflow did not end within its timeout and was cancelled; its finally tasks were allowed to run"
	}
	if details.FailedStepName != "" {
		return fmt.Sprintf("Step %s of task %s ended with exit code %d",
			details.FailedStepName, details.FailedTaskName, *details.ExitCode)
	}
	if task := firstFailed(e.TaskRuns); task != nil && task.Status.GetCondition(apis.ConditionSucceeded) != nil {
		return fmt.Sprintf("Task %s: %s", details.FailedTaskName, task.Status.GetCondition(apis.ConditionSucceeded).Message)
	}
	return e.PipelineRun.Status.GetCondition(apis.ConditionSucceeded).GetMessage()
}
