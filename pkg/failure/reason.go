// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package failure

import (
	"strings"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
)

// Reasons that our pinned Tekton has no exported constant for: those of its package pod, and those of later
// releases (seen up to v1.15).
const (
	reasonPodAdmissionFailed       tektonv1.TaskRunReason     = "PodAdmissionFailed"
	reasonPodEvicted               tektonv1.TaskRunReason     = "PodEvicted"
	reasonStepOOM                  tektonv1.TaskRunReason     = "StepOOM"
	reasonInitContainerOOM         tektonv1.TaskRunReason     = "InitContainerOOM"
	reasonSidecarOOM               tektonv1.TaskRunReason     = "SidecarOOM"
	reasonStepFailed               tektonv1.TaskRunReason     = "StepFailed"
	reasonSidecarFailed            tektonv1.TaskRunReason     = "SidecarFailed"
	reasonInitContainerFailed      tektonv1.TaskRunReason     = "InitContainerFailed"
	reasonTimedOutRunningFinally   tektonv1.PipelineRunReason = "PipelineRunTimeoutRunningFinally"
	reasonExceededResourceQuota                               = "ExceededResourceQuota"
	reasonExceededNodeResources                               = "ExceededNodeResources"
	reasonUnschedulable                                       = "Unschedulable"
	reasonImagePullBackOff                                    = "ImagePullBackOff"
	reasonCreateContainerConfigErr                            = "CreateContainerConfigError"
)

// refusedRuns are the reasons for which Tekton refuses a run as it is written, mostly before anything of it
// exists.
var refusedRuns = map[tektonv1.PipelineRunReason]v1alpha1.FailureReason{
	tektonv1.PipelineRunReasonResourceVerificationFailed:      v1alpha1.FailureVerificationFailed,
	tektonv1.PipelineRunReasonCouldntGetPipeline:              v1alpha1.FailureConfigurationError,
	tektonv1.PipelineRunReasonCouldntGetTask:                  v1alpha1.FailureConfigurationError,
	tektonv1.PipelineRunReasonCouldntGetPipelineResult:        v1alpha1.FailureConfigurationError,
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

// endedRuns are the reasons of a run that was ended from outside.
var endedRuns = map[tektonv1.PipelineRunReason]v1alpha1.FailureReason{
	tektonv1.PipelineRunReasonTimedOut:                v1alpha1.FailureDeadlineExceeded,
	reasonTimedOutRunningFinally:                      v1alpha1.FailureDeadlineExceeded,
	tektonv1.PipelineRunReasonCancelled:               v1alpha1.FailureCancelled,
	tektonv1.PipelineRunReasonCancelledRunningFinally: v1alpha1.FailureCancelled,
	tektonv1.PipelineRunReasonStoppedRunningFinally:   v1alpha1.FailureCancelled,
}

// taskReasons are the reasons of a TaskRun that leave nothing to ask its steps.
var taskReasons = map[tektonv1.TaskRunReason]v1alpha1.FailureReason{
	tektonv1.TaskRunReasonTimedOut:                   v1alpha1.FailureDeadlineExceeded,
	tektonv1.TaskRunReasonCancelled:                  v1alpha1.FailureCancelled,
	tektonv1.TaskRunReasonImagePullFailed:            v1alpha1.FailureImagePullBackOff,
	tektonv1.TaskRunReasonCreateContainerConfigError: v1alpha1.FailureConfigurationError,
	tektonv1.TaskRunReasonPodCreationFailed:          v1alpha1.FailureConfigurationError,
	reasonPodAdmissionFailed:                         v1alpha1.FailureConfigurationError,
	tektonv1.TaskRunReasonResourceVerificationFailed: v1alpha1.FailureVerificationFailed,
	tektonv1.TaskRunReasonFailedResolution:           v1alpha1.FailureConfigurationError,
	tektonv1.TaskRunReasonFailedValidation:           v1alpha1.FailureConfigurationError,
	tektonv1.TaskRunReasonTaskFailedValidation:       v1alpha1.FailureConfigurationError,
	tektonv1.TaskRunReasonInvalidParamValue:          v1alpha1.FailureConfigurationError,
	reasonPodEvicted:                                 v1alpha1.FailureEvicted,
	reasonStepOOM:                                    v1alpha1.FailureOOMKilled,
	reasonInitContainerOOM:                           v1alpha1.FailureOOMKilled,
	reasonSidecarOOM:                                 v1alpha1.FailureOOMKilled,
}

// refusedBeforePod are the reasons of a TaskRun that never had a pod.
var refusedBeforePod = map[tektonv1.TaskRunReason]bool{
	tektonv1.TaskRunReasonPodCreationFailed:          true,
	reasonPodAdmissionFailed:                         true,
	tektonv1.TaskRunReasonResourceVerificationFailed: true,
	tektonv1.TaskRunReasonFailedResolution:           true,
	tektonv1.TaskRunReasonFailedValidation:           true,
	tektonv1.TaskRunReasonTaskFailedValidation:       true,
	tektonv1.TaskRunReasonInvalidParamValue:          true,
}

// stuckPods are the reasons of a TaskRun that had a pod of which a container could not be started.
var stuckPods = map[tektonv1.TaskRunReason]bool{
	tektonv1.TaskRunReasonImagePullFailed:            true,
	tektonv1.TaskRunReasonCreateContainerConfigError: true,
}

// podReasons are the kubelet's and the node controllers' reasons for the end of a pod.
var podReasons = map[string]v1alpha1.FailureReason{
	"Evicted":          v1alpha1.FailureEvicted,
	"Preempting":       v1alpha1.FailureEvicted,
	"NodeLost":         v1alpha1.FailureEvicted,
	"NodeShutdown":     v1alpha1.FailureEvicted,
	"Shutdown":         v1alpha1.FailureEvicted,
	"Terminated":       v1alpha1.FailureEvicted,
	"DeadlineExceeded": v1alpha1.FailureDeadlineExceeded,
	"NodeAffinity":     v1alpha1.FailureConfigurationError,
	"NodePorts":        v1alpha1.FailureResourceExhausted,
}

// outOf begins the kubelet's reasons for not admitting a pod for which the node lacks a resource: OutOfcpu,
// OutOfmemory, OutOfpods and whatever else nodes have.
const outOf = "OutOf"

func podReason(reason string) v1alpha1.FailureReason {
	if strings.HasPrefix(reason, outOf) {
		return v1alpha1.FailureResourceExhausted
	}
	return podReasons[reason]
}

const (
	oomKilled      = "OOMKilled"
	startError     = "StartError"
	cannotRun      = "ContainerCannotRun"
	runError       = "RunContainerError"
	containerError = "CreateContainerError"
)

// neverStarted are the reasons of a container whose process was never executed.
var neverStarted = map[string]bool{startError: true, cannotRun: true, runError: true, containerError: true}

// waitingReasons are the reasons for which a pod waits for what does not come by itself.
var waitingReasons = map[string]v1alpha1.FailureReason{
	reasonUnschedulable:            v1alpha1.FailureResourceExhausted,
	reasonExceededNodeResources:    v1alpha1.FailureResourceExhausted,
	reasonExceededResourceQuota:    v1alpha1.FailureResourceExhausted,
	reasonImagePullBackOff:         v1alpha1.FailureImagePullBackOff,
	"ErrImagePull":                 v1alpha1.FailureImagePullBackOff,
	"ErrImageNeverPull":            v1alpha1.FailureImagePullBackOff,
	"InvalidImageName":             v1alpha1.FailureImagePullBackOff,
	"ImageInspectError":            v1alpha1.FailureImagePullBackOff,
	"RegistryUnavailable":          v1alpha1.FailureImagePullBackOff,
	"PullImageFailed":              v1alpha1.FailureImagePullBackOff,
	"SignatureValidationFailed":    v1alpha1.FailureVerificationFailed,
	reasonCreateContainerConfigErr: v1alpha1.FailureConfigurationError,
	containerError:                 v1alpha1.FailureConfigurationError,
	runError:                       v1alpha1.FailureConfigurationError,
	startError:                     v1alpha1.FailureConfigurationError,
	"PreCreateHookError":           v1alpha1.FailureConfigurationError,
	"PreStartHookError":            v1alpha1.FailureConfigurationError,
	"SchedulingGated":              v1alpha1.FailureConfigurationError,
}
