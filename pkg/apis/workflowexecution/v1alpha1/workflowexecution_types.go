// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"knative.dev/pkg/apis"
	duckv1 "knative.dev/pkg/apis/duck/v1"
	"knative.dev/pkg/kmeta"
)

// +genclient
// +genreconciler:krshapedlogic=true
// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:path=workflowexecutions,scope=Namespaced,shortName=wfe,categories=kubernaut
// +kubebuilder:printcolumn:name="Phase",type=string,JSONPath=`.status.phase`
// +kubebuilder:printcolumn:name="Workflow",type=string,JSONPath=`.spec.workflowRef.workflowId`
// +kubebuilder:printcolumn:name="Target",type=string,JSONPath=`.spec.targetResource`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Succeeded")].reason`
// +kubebuilder:printcolumn:name="Progress",type=string,JSONPath=`.status.pipelineRunStatus.progress`
// +kubebuilder:printcolumn:name="Duration",type=string,JSONPath=`.status.duration`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:validation:XValidation:rule="size(self.metadata.name) <= 200",message="metadata.name must be at most 200 characters long, so that its events can be named after it"
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.status) || !has(oldSelf.status.phase) || has(self.status)",message="status cannot be removed once a phase has been reported"

// WorkflowExecution asks for one run of a remediation workflow against one target resource, and
// reports what came of it. It runs at most once: to try again, create another one.
type WorkflowExecution struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec says what to run and against what. It cannot be changed after creation.
	Spec WorkflowExecutionSpec `json:"spec"`

	// Status is written by the controller only.
	// +optional
	Status WorkflowExecutionStatus `json:"status,omitempty"`
}

var (
	_ apis.Validatable   = (*WorkflowExecution)(nil)
	_ apis.Defaultable   = (*WorkflowExecution)(nil)
	_ kmeta.OwnerRefable = (*WorkflowExecution)(nil)
	_ duckv1.KRShaped    = (*WorkflowExecution)(nil)
)

// WorkflowExecutionSpec is what the orchestrator asks for.
// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="is immutable once created; create a new WorkflowExecution instead"
// +kubebuilder:validation:XValidation:rule="!has(self.parameters) || !('TARGET_RESOURCE' in self.parameters) || self.parameters['TARGET_RESOURCE'] == self.targetResource",fieldPath=".parameters",message="TARGET_RESOURCE is set by the controller; leave it out or give it the same value as spec.targetResource"
// +kubebuilder:validation:XValidation:rule="!has(self.remediationRequestRef.name) ? false : size(self.remediationRequestRef.name) > 0",fieldPath=".remediationRequestRef",message="name is required: it is the correlation id of the audit trail"
type WorkflowExecutionSpec struct {
	// RemediationRequestRef names the request this execution serves. Its name is the correlation id
	// of the audit trail.
	RemediationRequestRef corev1.ObjectReference `json:"remediationRequestRef"`

	// WorkflowRef names the workflow to run.
	WorkflowRef WorkflowRef `json:"workflowRef"`

	// TargetResource is the resource that the workflow repairs, as namespace/kind/name, or kind/name
	// for a cluster-scoped one; kind may carry its group, as in payment/deployment.apps/api.
	// +kubebuilder:validation:MinLength=3
	// +kubebuilder:validation:MaxLength=635
	// +kubebuilder:validation:Pattern=`^([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?/)?[A-Za-z]([-A-Za-z0-9]{0,61}[A-Za-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/[^/%\p{Z}\p{Cc}]+$`
	TargetResource string `json:"targetResource"`

	// Parameters are passed to the PipelineRun unchanged, as strings. Keys are UPPER_SNAKE_CASE; all
	// together hold at most 256 KiB. TARGET_RESOURCE is added by the controller.
	// +optional
	// +kubebuilder:validation:MaxProperties=256
	// +kubebuilder:validation:XValidation:rule="self.all(key, key.matches('^[A-Z][A-Z0-9_]*$'))",message="keys must be UPPER_SNAKE_CASE: capital letters, digits and underscores, beginning with a letter"
	// +kubebuilder:validation:XValidation:rule="self.map(key, size(key) + size(self[key])).sum() <= 262144",message="keys and values together must be at most 256 KiB (262144 bytes)"
	Parameters map[string]string `json:"parameters,omitempty"`

	// Confidence of whoever chose the workflow, 0 to 1. For the audit trail only.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=1
	Confidence *float64 `json:"confidence,omitempty"`

	// Rationale of whoever chose the workflow. For the audit trail only.
	// +optional
	// +kubebuilder:validation:MaxLength=32768
	Rationale string `json:"rationale,omitempty"`

	// ExecutionConfig overrides the controller's defaults for this execution.
	// +optional
	ExecutionConfig *ExecutionConfig `json:"executionConfig,omitempty"`
}

// WorkflowRef names a workflow and the OCI bundle that holds its Pipeline.
type WorkflowRef struct {
	// WorkflowID identifies the workflow across versions. Cooldown, backoff and blocks count per
	// workflow and target.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$`
	WorkflowID string `json:"workflowId"`

	// Version of the workflow.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	Version string `json:"version"`

	// ContainerImage is the reference of the OCI bundle.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9][-A-Za-z0-9_./:]*(@sha256:[a-f0-9]{64})?$`
	ContainerImage string `json:"containerImage"`

	// ContainerDigest pins the bundle: it is resolved as repository@digest, never by its tag.
	// +optional
	// +kubebuilder:validation:Pattern=`^sha256:[a-f0-9]{64}$`
	ContainerDigest string `json:"containerDigest,omitempty"`
}

// ExecutionConfig overrides the controller's defaults for one execution.
type ExecutionConfig struct {
	// Timeout of the workflow, up to the controller's max-timeout. Defaults to its default-timeout.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('1s')",message="must be at least 1s"
	Timeout *metav1.Duration `json:"timeout,omitempty"`

	// ServiceAccountName in the execution namespace that the workflow's pods run as. Defaults to the
	// controller's default-service-account.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`
	ServiceAccountName string `json:"serviceAccountName,omitempty"`
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object
// +kubebuilder:object:root=true

// WorkflowExecutionList is a list of WorkflowExecutions.
type WorkflowExecutionList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata"`

	Items []WorkflowExecution `json:"items"`
}

// GetGroupVersionKind implements kmeta.OwnerRefable.
func (*WorkflowExecution) GetGroupVersionKind() schema.GroupVersionKind {
	return SchemeGroupVersion.WithKind("WorkflowExecution")
}

// GetStatus implements duckv1.KRShaped.
func (w *WorkflowExecution) GetStatus() *duckv1.Status {
	return &w.Status.Status
}
