// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package failure

import (
	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	"knative.dev/pkg/apis"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
)

// runReasons are the reasons of a PipelineRun that leave nothing to ask its TaskRuns.
var runReasons = map[tektonv1.PipelineRunReason]v1alpha1.FailureReason{
	tektonv1.PipelineRunReasonTimedOut:                        v1alpha1.FailureDeadlineExceeded,
	tektonv1.PipelineRunReasonCancelled:                       v1alpha1.FailureCancelled,
	tektonv1.PipelineRunReasonCancelledRunningFinally:         v1alpha1.FailureCancelled,
	tektonv1.PipelineRunReasonStoppedRunningFinally:           v1alpha1.FailureCancelled,
	tektonv1.PipelineRunReasonResourceVerificationFailed:      v1alpha1.FailureVerificationFailed,
	tektonv1.PipelineRunReasonCouldntGetPipeline:              v1alpha1.FailureConfigurationError,
	tektonv1.PipelineRunReasonCouldntGetTask:                  v1alpha1.FailureConfigurationError,
	tektonv1.PipelineRunReasonFailedValidation:                v1alpha1.FailureConfigurationError,
	tektonv1.PipelineRunReasonInvalidBindings:                 v1alpha1.FailureConfigurationError,
	tektonv1.PipelineRunReasonInvalidWorkspaceBinding:         v1alpha1.FailureConfigurationError,
	tektonv1.PipelineRunReasonInvalidTaskRunSpec:              v1alpha1.FailureConfigurationError,
	tektonv1.PipelineRunReasonParameterTypeMismatch:           v1alpha1.FailureConfigurationError,
	tektonv1.PipelineRunReasonObjectParameterMissKeys:         v1alpha1.FailureConfigurationError,
	tektonv1.PipelineRunReasonParamArrayIndexingInvalid:       v1alpha1.FailureConfigurationError,
	tektonv1.PipelineRunReasonParameterMissing:                v1alpha1.FailureConfigurationError,
	tektonv1.PipelineRunReasonInvalidGraph:                    v1alpha1.FailureConfigurationError,
	tektonv1.PipelineRunReasonInvalidMatrixParameterTypes:     v1alpha1.FailureConfigurationError,
	tektonv1.PipelineRunReasonInvalidTaskResultReference:      v1alpha1.FailureConfigurationError,
	tektonv1.PipelineRunReasonInvalidPipelineResultReference:  v1alpha1.FailureConfigurationError,
	tektonv1.PipelineRunReasonRequiredWorkspaceMarkedOptional: v1alpha1.FailureConfigurationError,
	tektonv1.PipelineRunReasonCELEvaluationFailed:             v1alpha1.FailureConfigurationError,
	tektonv1.PipelineRunReasonInvalidParamValue:               v1alpha1.FailureConfigurationError,
}

// taskReasons are the reasons of a TaskRun that leave nothing to ask its steps.
var taskReasons = map[tektonv1.TaskRunReason]v1alpha1.FailureReason{
	tektonv1.TaskRunReasonTimedOut:                   v1alpha1.FailureDeadlineExceeded,
	tektonv1.TaskRunReasonCancelled:                  v1alpha1.FailureCancelled,
	tektonv1.TaskRunReasonImagePullFailed:            v1alpha1.FailureImagePullBackOff,
	tektonv1.TaskRunReasonResourceVerificationFailed: v1alpha1.FailureVerificationFailed,
	tektonv1.TaskRunReasonFailedResolution:           v1alpha1.FailureConfigurationError,
	tektonv1.TaskRunReasonFailedValidation:           v1alpha1.FailureConfigurationError,
}

const (
	oomKilled       = "OOMKilled"
	timeoutExceeded = "TimeoutExceeded"
)

func reason(e Evidence) v1alpha1.FailureReason {
	if e.CancelReason != "" {
		return e.CancelReason
	}
	if found, ok := runReasons[tektonv1.PipelineRunReason(e.PipelineRun.Status.GetCondition(apis.ConditionSucceeded).GetReason())]; ok {
		return found
	}
	task := firstFailed(e.TaskRuns)
	if task == nil {
		return v1alpha1.FailureUnknown
	}
	if step := failedStep(task); step != nil {
		return stepReason(step)
	}
	if found, ok := taskReasons[conditionReason(task)]; ok {
		return found
	}
	return v1alpha1.FailureUnknown
}

func stepReason(step *tektonv1.StepState) v1alpha1.FailureReason {
	switch {
	case step.Terminated.Reason == oomKilled:
		return v1alpha1.FailureOOMKilled
	case step.TerminationReason == timeoutExceeded:
		return v1alpha1.FailureDeadlineExceeded
	}
	return v1alpha1.FailureTaskFailed
}
