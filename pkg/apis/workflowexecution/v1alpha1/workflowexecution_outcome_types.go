// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// SkipReason is the guard that kept a workflow from being started.
// +kubebuilder:validation:Enum=ResourceBusy;PreviousExecutionFailed;ExhaustedRetries;RecentlyRemediated
type SkipReason string

const (
	// SkipResourceBusy means that another execution holds the target.
	SkipResourceBusy SkipReason = "ResourceBusy"
	// SkipPreviousExecutionFailed means that this workflow ran and failed on the target, and nobody
	// has cleared that.
	SkipPreviousExecutionFailed SkipReason = "PreviousExecutionFailed"
	// SkipExhaustedRetries means that this workflow could not be started on the target too often.
	SkipExhaustedRetries SkipReason = "ExhaustedRetries"
	// SkipRecentlyRemediated means that this workflow's cooldown or backoff on the target still runs.
	SkipRecentlyRemediated SkipReason = "RecentlyRemediated"
)

// SkipDetails explain why a workflow was not started.
type SkipDetails struct {
	Reason SkipReason `json:"reason"`
	// +kubebuilder:validation:MaxLength=4096
	Message string `json:"message"`
	// SkippedAt is when it was decided.
	SkippedAt metav1.Time `json:"skippedAt"`
	// ConflictingWorkflow holds the target.
	// +optional
	ConflictingWorkflow *ConflictingWorkflow `json:"conflictingWorkflow,omitempty"`
	// RecentRemediation is the run of this workflow whose consequence the skip is.
	// +optional
	RecentRemediation *RecentRemediation `json:"recentRemediation,omitempty"`
	// CooldownRemaining is how long the workflow has to wait, as of skippedAt.
	// +optional
	CooldownRemaining *metav1.Duration `json:"cooldownRemaining,omitempty"`
}

// ConflictingWorkflow is the execution that holds a target.
type ConflictingWorkflow struct {
	// +kubebuilder:validation:MaxLength=253
	Namespace string `json:"namespace"`
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
	// +kubebuilder:validation:MaxLength=253
	WorkflowID string `json:"workflowId"`
	// +kubebuilder:validation:MaxLength=635
	TargetResource string `json:"targetResource"`
	// StartedAt is when it took the target.
	StartedAt metav1.Time `json:"startedAt"`
}

// RecentRemediation is an earlier run of the same workflow on the same target.
type RecentRemediation struct {
	// +kubebuilder:validation:MaxLength=253
	Namespace string `json:"namespace"`
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
	// +kubebuilder:validation:MaxLength=253
	WorkflowID  string      `json:"workflowId"`
	Outcome     Phase       `json:"outcome"`
	CompletedAt metav1.Time `json:"completedAt"`
}

// FailureReason is the kind of a failure.
// +kubebuilder:validation:Enum=OOMKilled;DeadlineExceeded;Forbidden;ResourceExhausted;ConfigurationError;ImagePullBackOff;VerificationFailed;Evicted;Cancelled;PipelineRunDeleted;TaskFailed;Unknown
type FailureReason string

const (
	// FailureOOMKilled means that a step needed more memory than it was allowed.
	FailureOOMKilled FailureReason = "OOMKilled"
	// FailureDeadlineExceeded means that the workflow, a task or a step took too long.
	FailureDeadlineExceeded FailureReason = "DeadlineExceeded"
	// FailureForbidden means that the workflow lacks a permission.
	FailureForbidden FailureReason = "Forbidden"
	// FailureResourceExhausted means that quota or capacity was lacking.
	FailureResourceExhausted FailureReason = "ResourceExhausted"
	// FailureConfigurationError means that the execution or its workflow cannot run as written.
	FailureConfigurationError FailureReason = "ConfigurationError"
	// FailureImagePullBackOff means that an image of the workflow could not be pulled.
	FailureImagePullBackOff FailureReason = "ImagePullBackOff"
	// FailureVerificationFailed means that the workflow's signature was not accepted.
	FailureVerificationFailed FailureReason = "VerificationFailed"
	// FailureEvicted means that the node put the workflow's pod out.
	FailureEvicted FailureReason = "Evicted"
	// FailureCancelled means that somebody ended the workflow.
	FailureCancelled FailureReason = "Cancelled"
	// FailurePipelineRunDeleted means that somebody deleted the PipelineRun.
	FailurePipelineRunDeleted FailureReason = "PipelineRunDeleted"
	// FailureTaskFailed means that a step ended with an error of its own.
	FailureTaskFailed FailureReason = "TaskFailed"
	// FailureUnknown means that the evidence does not tell.
	FailureUnknown FailureReason = "Unknown"
)

// FailureDetails explain a failure to a person or a language model that has to choose the next step.
type FailureDetails struct {
	Reason FailureReason `json:"reason"`
	// +kubebuilder:validation:MaxLength=4096
	Message string `json:"message"`
	// FailedTaskName is the name of the pipeline task that failed first.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	FailedTaskName string `json:"failedTaskName,omitempty"`
	// FailedTaskIndex is its place in the pipeline, from 0.
	// +optional
	FailedTaskIndex *int32 `json:"failedTaskIndex,omitempty"`
	// FailedTaskRunName is the TaskRun of its last attempt.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	FailedTaskRunName string `json:"failedTaskRunName,omitempty"`
	// FailedStepName is the step of that TaskRun which failed.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	FailedStepName string `json:"failedStepName,omitempty"`
	// ExitCode of that step.
	// +optional
	ExitCode *int32 `json:"exitCode,omitempty"`
	// FailedAt is when it failed.
	FailedAt metav1.Time `json:"failedAt"`
	// ExecutionTimeBeforeFailure from the start of the workflow.
	// +optional
	ExecutionTimeBeforeFailure *metav1.Duration `json:"executionTimeBeforeFailure,omitempty"`
	// WasExecutionFailure is true exactly if a user step began to execute, or if that cannot be ruled
	// out: the target may have been changed.
	WasExecutionFailure bool `json:"wasExecutionFailure"`
	// RequiresManualReview is true if this workflow will not run on this target again before a person
	// has looked at it.
	// +optional
	RequiresManualReview bool `json:"requiresManualReview,omitempty"`
	// LogTail is the end of the failed step's log, bounded and redacted.
	// +optional
	// +kubebuilder:validation:MaxLength=4096
	LogTail string `json:"logTail,omitempty"`
	// NaturalLanguageSummary says all this in a few sentences.
	// +optional
	// +kubebuilder:validation:MaxLength=4096
	NaturalLanguageSummary string `json:"naturalLanguageSummary,omitempty"`
}
