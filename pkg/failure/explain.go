// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package failure

import (
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/pkg/redact"
)

// Explain says why the run of an execution failed, where, and whether it may have changed anything. Secrets
// that the execution passed to its workflow do not come back in what it says.
func Explain(spec *v1alpha1.WorkflowExecutionSpec, e Evidence) v1alpha1.FailureDetails {
	f, secrets := e.firstFailed(), redact.Values(spec.Parameters)
	details := v1alpha1.FailureDetails{
		Reason: e.reason(f), FailedAt: e.FailedAt, WasExecutionFailure: e.mayHaveExecuted(),
		LogTail: tail(secrets.Text(e.Log)),
	}
	if e.StartTime != nil {
		details.ExecutionTimeBeforeFailure = &metav1.Duration{Duration: max(0, e.FailedAt.Sub(e.StartTime.Time))}
	}
	e.locate(&details, f)
	details.Message = e.message(&details, f, secrets)
	details.NaturalLanguageSummary = summarize(spec, &details, e.totalTasks(), e.unstarted())
	return details
}

// locate names the task and the step.
func (e *Evidence) locate(details *v1alpha1.FailureDetails, f *failed) {
	if f == nil {
		if w := e.stuckOn(); w.Reason != "" && e.PipelineRun != nil {
			details.FailedTaskName = w.Task
		}
		return
	}
	details.FailedTaskName, details.FailedTaskRunName = f.task, f.name
	if f.place >= 0 {
		details.FailedTaskIndex = new(int32(f.place)) //nolint:gosec // bounded by the size of an object
	}
	if step := f.failedStep(); step != nil {
		details.FailedStepName, details.ExitCode = step.name, step.code
	}
}

func (e *Evidence) totalTasks() int {
	return len(e.pipeline().Tasks) + len(e.pipeline().Finally)
}

// StepToRead is the container whose log tells why the run failed: the one of the step that failed by itself.
// It is false if there is none, if it never started, or if its pod is gone.
func (e *Evidence) StepToRead() (namespace, pod, container string, ok bool) {
	f := e.firstFailed()
	if f == nil || f.custom != nil || f.pod() == nil || f.hasSuccessor() {
		return "", "", "", false
	}
	step := f.failedStep()
	if step == nil || neverStarted[step.reason] || stuckPods[f.reason()] {
		return "", "", "", false
	}
	if status := f.container(step.container); status == nil || status.State.Waiting != nil {
		return "", "", "", false
	}
	return f.pod().Namespace, f.pod().Name, step.container, true
}

// gaps tell a reader what the explanation had to do without.
func (e *Evidence) gaps() string {
	var text strings.Builder
	for _, gap := range e.Gaps {
		fmt.Fprintf(&text, "; %s could not be read: %s", gap.What, gap.Why)
	}
	return text.String()
}
