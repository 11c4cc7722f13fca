// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package resources

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
)

// Labels of a PipelineRun. Tekton copies them to its TaskRuns and pods.
const (
	// ExecutionUIDLabel carries the UID of the execution that owns the object.
	ExecutionUIDLabel = "kubernaut.ai/workflow-execution"
	// TargetHashLabel carries a hash of the canonical target.
	TargetHashLabel = "kubernaut.ai/target"
	// ManagedByLabel and ManagedBy mark what this controller made.
	ManagedByLabel = "app.kubernetes.io/managed-by"
	// ManagedBy is the value of ManagedByLabel.
	ManagedBy = "workflowexecution-controller"
)

// Annotations of a PipelineRun: what does not fit a label, for people and for the controller.
const (
	ExecutionNamespaceAnnotation = "kubernaut.ai/execution-namespace"
	ExecutionNameAnnotation      = "kubernaut.ai/execution-name"
	ExecutionUIDAnnotation       = "kubernaut.ai/execution-uid"
	WorkflowIDAnnotation         = "kubernaut.ai/workflow-id"
	WorkflowVersionAnnotation    = "kubernaut.ai/workflow-version"
	TargetAnnotation             = "kubernaut.ai/target-resource"
	CorrelationIDAnnotation      = "kubernaut.ai/correlation-id"
	// SettingsAnnotation holds the Settings the run started with.
	SettingsAnnotation = "kubernaut.ai/settings"
	// CancelReasonAnnotation notes why this controller cancelled the run: a v1alpha1.FailureReason.
	CancelReasonAnnotation = "kubernaut.ai/cancel-reason"
	// CancelledAtAnnotation notes when.
	CancelledAtAnnotation = "kubernaut.ai/cancelled-at"
)

// CancelReasonOf tells why this controller cancelled a run, empty if it did not. What others write into
// the annotation counts for nothing: the API would refuse a status that repeats it.
func CancelReasonOf(run metav1.Object) v1alpha1.FailureReason {
	reason := v1alpha1.FailureReason(run.GetAnnotations()[CancelReasonAnnotation])
	if reason == v1alpha1.FailureDeadlineExceeded || reason == v1alpha1.FailureCancelled {
		return reason
	}
	return ""
}

// BelongsTo tells whether this controller made the object for the execution with that UID. Names
// prove nothing: anybody may create an object of that name.
func BelongsTo(object metav1.Object, execution types.UID) bool {
	return object.GetLabels()[ExecutionUIDLabel] == string(execution) &&
		object.GetAnnotations()[ExecutionUIDAnnotation] == string(execution)
}

// SelectChildren selects everything that Tekton made for the run of an execution.
func SelectChildren(execution types.UID) string {
	return labels.SelectorFromSet(labels.Set{ExecutionUIDLabel: string(execution)}).String()
}

// runUIDLabel is Tekton's: the UID of the PipelineRun that an object was made for.
const runUIDLabel = "tekton.dev/pipelineRunUID"

// SelectChildrenOfRun selects everything that Tekton made for a run.
func SelectChildrenOfRun(run types.UID) string {
	return labels.SelectorFromSet(labels.Set{runUIDLabel: string(run)}).String()
}

// RunUIDOf is the UID of the PipelineRun that Tekton made the object for, empty if it made it for none.
func RunUIDOf(object metav1.Object) types.UID {
	return types.UID(object.GetLabels()[runUIDLabel])
}

// IsWatched tells whether changes of the object reach the controller.
func IsWatched(object metav1.Object) bool {
	return object.GetLabels()[ExecutionUIDLabel] != ""
}

func runLabels(wfe *v1alpha1.WorkflowExecution, target string) map[string]string {
	return map[string]string{
		ExecutionUIDLabel: string(wfe.UID),
		TargetHashLabel:   v1alpha1.TargetHash(target),
		ManagedByLabel:    ManagedBy,
	}
}

func runAnnotations(wfe *v1alpha1.WorkflowExecution, target string) map[string]string {
	return map[string]string{
		ExecutionNamespaceAnnotation: wfe.Namespace,
		ExecutionNameAnnotation:      wfe.Name,
		ExecutionUIDAnnotation:       string(wfe.UID),
		WorkflowIDAnnotation:         wfe.Spec.WorkflowRef.WorkflowID,
		WorkflowVersionAnnotation:    wfe.Spec.WorkflowRef.Version,
		TargetAnnotation:             target,
		CorrelationIDAnnotation:      wfe.Spec.RemediationRequestRef.Name,
	}
}
