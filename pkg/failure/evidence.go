// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

// Package failure turns the evidence of a failed run into an explanation. It goes by the typed
// reasons of Tekton and Kubernetes, never by words in a message; the one exception is the exact form of
// an API server's refusal in the log of the step that failed.
package failure

import (
	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	tektonv1beta1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
)

// Evidence is what could be found out about a failed run.
type Evidence struct {
	// PipelineRun as it ended, nil if it is gone.
	PipelineRun *tektonv1.PipelineRun
	// TaskRuns and CustomRuns of the run, as far as they exist.
	TaskRuns   []tektonv1.TaskRun
	CustomRuns []tektonv1beta1.CustomRun
	// Pods of the run, as they are, or as they were last seen before they went.
	Pods []corev1.Pod
	// Outdated are those of the pods that may have gone on after they were seen as they are here. Such a copy proves
	// what was executed, and never that nothing was.
	Outdated sets.Set[types.UID]
	// Log is the end of the log of the step that failed (StepToRead), as it was written.
	Log string
	// Gaps tell what could not be read.
	Gaps []Gap

	// WaitingFor is what a pod of the run was seen to wait for while the run was stuck.
	WaitingFor Waiting
	// CancelReason is why the controller cancelled the run, empty if it did not.
	CancelReason v1alpha1.FailureReason
	// StartTime of the run, nil if it was never started.
	StartTime *metav1.Time
	// FailedAt is when the run ended.
	FailedAt metav1.Time
}

// Kind of evidence.
type Kind string

// The kinds of evidence that can be missing, each by the permission it takes.
const (
	KindTaskRuns   Kind = "taskruns"
	KindCustomRuns Kind = "customruns"
	KindPods       Kind = "pods"
	KindLog        Kind = "pods/log"
)

// Gap is evidence that could not be read. It degrades what can be explained, never what is called safe.
type Gap struct {
	What Kind
	// Why is the API server's answer.
	Why string
}

func (e *Evidence) lacks(what Kind) bool {
	for _, gap := range e.Gaps {
		if gap.What == what {
			return true
		}
	}
	return false
}
