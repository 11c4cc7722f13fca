// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	duckv1 "knative.dev/pkg/apis/duck/v1"
)

// Phase sums up the conditions of an execution in one word.
// +kubebuilder:validation:Enum=Pending;Running;Completed;Failed;Skipped
type Phase string

const (
	// PhasePending means that the workflow has not been started.
	PhasePending Phase = "Pending"
	// PhaseRunning means that the workflow was started and that its target is still locked.
	PhaseRunning Phase = "Running"
	// PhaseCompleted means that the workflow succeeded.
	PhaseCompleted Phase = "Completed"
	// PhaseFailed means that the workflow failed, or was refused before anything ran.
	PhaseFailed Phase = "Failed"
	// PhaseSkipped means that a guard kept the workflow from being started.
	PhaseSkipped Phase = "Skipped"
)

// IsTerminal tells whether no other phase can follow.
func (p Phase) IsTerminal() bool {
	return p == PhaseCompleted || p == PhaseFailed || p == PhaseSkipped
}

// WorkflowExecutionStatus is what the controller knows about an execution.
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.phase) || !(oldSelf.phase in ['Completed', 'Failed', 'Skipped']) || (has(self.phase) && self.phase == oldSelf.phase)",message="a terminal phase never changes"
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.blockClearance) || (has(self.blockClearance) && self.blockClearance == oldSelf.blockClearance)",message="a block clearance never changes"
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.pipelineRunRef) || (has(self.pipelineRunRef) && self.pipelineRunRef == oldSelf.pipelineRunRef)",message="an execution has one PipelineRun; its reference never changes"
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.startTime) || (has(self.startTime) && self.startTime == oldSelf.startTime)",message="a workflow starts once"
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.completionTime) || (has(self.completionTime) && self.completionTime == oldSelf.completionTime)",message="an outcome never changes"
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.releasedTime) || (has(self.releasedTime) && self.releasedTime == oldSelf.releasedTime)",message="a target is freed once"
type WorkflowExecutionStatus struct {
	duckv1.Status `json:",inline"`

	WorkflowExecutionStatusFields `json:",inline"`
}

// WorkflowExecutionStatusFields are the fields of the status beside Knative's own.
type WorkflowExecutionStatusFields struct {
	// Phase sums up the conditions.
	// +optional
	Phase Phase `json:"phase,omitempty"`

	// StartTime is when the workflow was allowed to start.
	// +optional
	StartTime *metav1.Time `json:"startTime,omitempty"`

	// CompletionTime is when the workflow ended, as Tekton has noted it, or was found to have ended or not
	// to run. A step that ignores its termination may work beyond it: see releasedTime.
	// +optional
	CompletionTime *metav1.Time `json:"completionTime,omitempty"`

	// ReleasedTime is when nothing of the workflow could work any more and its target was freed. It is
	// absent if the execution never held its target, or lost it to somebody who edited the Lease, or if a
	// crash followed the release so that nobody knows its time any more.
	// +optional
	ReleasedTime *metav1.Time `json:"releasedTime,omitempty"`

	// Duration from startTime to completionTime.
	// +optional
	Duration *metav1.Duration `json:"duration,omitempty"`

	// PipelineRunRef is the one PipelineRun of this execution.
	// +optional
	PipelineRunRef *PipelineRunRef `json:"pipelineRunRef,omitempty"`

	// PipelineRunStatus mirrors the PipelineRun.
	// +optional
	PipelineRunStatus *PipelineRunStatusSummary `json:"pipelineRunStatus,omitempty"`

	// FailureDetails explain a failure.
	// +optional
	FailureDetails *FailureDetails `json:"failureDetails,omitempty"`

	// SkipDetails explain a skip.
	// +optional
	SkipDetails *SkipDetails `json:"skipDetails,omitempty"`

	// ConsecutiveFailures before execution of this workflow on this target, up to and including this
	// execution.
	// +optional
	// +kubebuilder:validation:Minimum=0
	ConsecutiveFailures int32 `json:"consecutiveFailures,omitempty"`

	// NextAllowedExecution is when this workflow may run on this target again, absent if time alone
	// does not decide that.
	// +optional
	NextAllowedExecution *metav1.Time `json:"nextAllowedExecution,omitempty"`

	// BlockClearanceRequest is written by an operator to lift the block that this failed execution
	// put on its target.
	// +optional
	BlockClearanceRequest *BlockClearanceRequest `json:"blockClearanceRequest,omitempty"`

	// BlockClearance records who lifted the block, and why.
	// +optional
	BlockClearance *BlockClearance `json:"blockClearance,omitempty"`

	// AuditTrail lists the audit events that a sink has answered for: it has stored them, or refused
	// them for good.
	// +optional
	// +listType=map
	// +listMapKey=eventType
	// +kubebuilder:validation:MaxItems=16
	AuditTrail []AuditRecord `json:"auditTrail,omitempty"`
}

// PipelineRunRef identifies a PipelineRun.
type PipelineRunRef struct {
	Namespace string    `json:"namespace"`
	Name      string    `json:"name"`
	UID       types.UID `json:"uid"`
}

// PipelineRunStatusSummary mirrors what matters of a PipelineRun's status.
type PipelineRunStatusSummary struct {
	// Status of the PipelineRun's Succeeded condition.
	// +optional
	Status corev1.ConditionStatus `json:"status,omitempty"`
	// Reason of the PipelineRun's Succeeded condition, in Tekton's words.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	Reason string `json:"reason,omitempty"`
	// Message of the PipelineRun's Succeeded condition, in Tekton's words.
	// +optional
	// +kubebuilder:validation:MaxLength=4096
	Message string `json:"message,omitempty"`
	// CompletedTasks counts the pipeline tasks that are done, finally tasks included: they have
	// succeeded, with all combinations of a matrix, or there was nothing to do for them (their when
	// expressions are false, a task that they depend on was skipped for that, or their matrix is empty).
	// A task that failed, was cancelled or never ran is not done. One whose failure the pipeline ignores
	// is, once the run has ended.
	// +optional
	CompletedTasks int32 `json:"completedTasks,omitempty"`
	// TotalTasks counts the tasks of the pipeline, finally tasks included. A matrix is one task.
	// +optional
	TotalTasks int32 `json:"totalTasks,omitempty"`
	// Progress is completedTasks/totalTasks, for people.
	// +optional
	Progress string `json:"progress,omitempty"`
	// WaitingFor is the last known cause for which a pod of the run could not start.
	// +optional
	// +kubebuilder:validation:MaxLength=4096
	WaitingFor string `json:"waitingFor,omitempty"`
}

// BlockClearanceRequest asks to lift a block.
type BlockClearanceRequest struct {
	// Reason the block may be lifted, for the audit trail.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=4096
	Reason string `json:"reason"`
}

// BlockClearance records that a block was lifted.
type BlockClearance struct {
	ClearedAt metav1.Time `json:"clearedAt"`
	// ClearedBy is the user name that the API server authenticated.
	ClearedBy   string `json:"clearedBy"`
	ClearReason string `json:"clearReason"`
	// ClearMethod tells how the block was lifted.
	ClearMethod string `json:"clearMethod"`
}

// AuditRecord notes that a sink has answered for an audit event.
type AuditRecord struct {
	EventType string `json:"eventType"`
	EventID   string `json:"eventId"`
	// RecordedAt is when the sink answered.
	RecordedAt metav1.Time `json:"recordedAt"`
	// Refusal is why the sink will never take the event, which is in the controller's log in full. It
	// is empty for an event that is stored.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Refusal string `json:"refusal,omitempty"`
}
