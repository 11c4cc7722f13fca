// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package resources

import (
	"github.com/tektoncd/pipeline/pkg/apis/pipeline"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution"
	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
)

// CancelReasonOf tells why this controller cancelled a run, empty if it did not. What others write into
// the annotation counts for nothing: the API would refuse a status that repeats it.
func CancelReasonOf(run metav1.Object) v1alpha1.FailureReason {
	reason := v1alpha1.FailureReason(run.GetAnnotations()[workflowexecution.CancelReasonAnnotation])
	if reason == v1alpha1.FailureDeadlineExceeded || reason == v1alpha1.FailureCancelled {
		return reason
	}
	return ""
}

// BelongsTo tells whether this controller made the object for the execution with that UID. Names
// prove nothing: anybody may create an object of that name.
func BelongsTo(object metav1.Object, execution types.UID) bool {
	return object.GetLabels()[workflowexecution.ExecutionUIDLabel] == string(execution) &&
		object.GetAnnotations()[workflowexecution.ExecutionUIDAnnotation] == string(execution)
}

// SelectChildren selects everything that Tekton made for the run of an execution.
func SelectChildren(execution types.UID) string {
	return labels.SelectorFromSet(labels.Set{workflowexecution.ExecutionUIDLabel: string(execution)}).String()
}

// SelectChildrenOfRun selects everything that Tekton made for a run.
func SelectChildrenOfRun(run types.UID) string {
	return labels.SelectorFromSet(labels.Set{pipeline.PipelineRunUIDLabelKey: string(run)}).String()
}

// RunUIDOf is the UID of the PipelineRun that Tekton made the object for, empty if it made it for none.
func RunUIDOf(object metav1.Object) types.UID {
	return types.UID(object.GetLabels()[pipeline.PipelineRunUIDLabelKey])
}

// IsWatched tells whether changes of the object reach the controller.
func IsWatched(object metav1.Object) bool {
	return object.GetLabels()[workflowexecution.ExecutionUIDLabel] != ""
}

func runLabels(wfe *v1alpha1.WorkflowExecution, target string) map[string]string {
	return map[string]string{
		workflowexecution.ExecutionUIDLabel: string(wfe.UID),
		workflowexecution.TargetHashLabel:   v1alpha1.TargetHash(target),
		workflowexecution.ManagedByLabel:    workflowexecution.ManagedBy,
	}
}

func runAnnotations(wfe *v1alpha1.WorkflowExecution, target string) map[string]string {
	return map[string]string{
		workflowexecution.ExecutionNamespaceAnnotation: wfe.Namespace,
		workflowexecution.ExecutionNameAnnotation:      wfe.Name,
		workflowexecution.ExecutionUIDAnnotation:       string(wfe.UID),
		workflowexecution.WorkflowIDAnnotation:         wfe.Spec.WorkflowRef.WorkflowID,
		workflowexecution.WorkflowVersionAnnotation:    wfe.Spec.WorkflowRef.Version,
		workflowexecution.TargetAnnotation:             target,
		workflowexecution.CorrelationIDAnnotation:      wfe.Spec.RemediationRequestRef.Name,
		workflowexecution.SafeToEvictAnnotation:        "false",
		workflowexecution.DoNotDisruptAnnotation:       "true",
	}
}

// RunNameOf is the name of the PipelineRun that Tekton made the object for, empty if it made it for none.
func RunNameOf(object metav1.Object) string {
	return object.GetLabels()[pipeline.PipelineRunLabelKey]
}

// TaskRunNameOf is the name of the TaskRun that Tekton made the pod for, empty if it made it for none.
func TaskRunNameOf(pod metav1.Object) string {
	return pod.GetLabels()[pipeline.TaskRunLabelKey]
}
