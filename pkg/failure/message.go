// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package failure

import (
	"fmt"
	"slices"
	"strings"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	"knative.dev/pkg/apis"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/pkg/redact"
)

// message says what happened in one line, and at its end what could not be read, however long the rest is.
func (e *Evidence) message(details *v1alpha1.FailureDetails, f *failed, secrets *redact.Redactor) string {
	gaps := v1alpha1.Cut(secrets.Text(e.gaps()), v1alpha1.MaxText/2)
	return v1alpha1.Cut(secrets.Text(clean(e.whatHappened(details, f))), v1alpha1.MaxText-len(gaps)) + gaps
}

func (e *Evidence) whatHappened(details *v1alpha1.FailureDetails, f *failed) string {
	if e.PipelineRun == nil {
		return "The PipelineRun was deleted before it ended"
	}
	ended, failedItself := e.endFromOutside(), f != nil && !f.isConsequence && !f.isFinally
	switch {
	case ended != "" && !failedItself:
		return e.endedAt(details, ended, e.atWork(details, f))
	case ended != "" && details.Reason == v1alpha1.FailureCancelled:
		return e.endedAt(details, ended, ". Before that, "+lower(f.describe(e)))
	case f != nil && refusedRuns[runReason(e.PipelineRun)] == "":
		return f.describe(e) + e.unfinished(details, f.task)
	}
	return e.PipelineRun.Status.GetCondition(apis.ConditionSucceeded).GetMessage()
}

// endFromOutside says who ended the run, empty if nobody did.
func (e *Evidence) endFromOutside() string {
	switch e.CancelReason {
	case v1alpha1.FailureDeadlineExceeded:
		return "The workflow did not end within its timeout and was cancelled"
	case v1alpha1.FailureCancelled:
		return "The execution was deleted while its workflow ran, which was cancelled"
	default:
	}
	if endedRuns[runReason(e.PipelineRun)] == "" {
		return ""
	}
	return e.PipelineRun.Status.GetCondition(apis.ConditionSucceeded).GetMessage()
}

// atWork says what the run was about when it was ended.
func (e *Evidence) atWork(details *v1alpha1.FailureDetails, f *failed) string {
	if w := e.stuckOn(); w.Reason != "" && !slices.Contains(e.unstarted(), w.Task) {
		return fmt.Sprintf(". Task %s had not been started; it waited for %s", w.Task, w.describe())
	}
	if f == nil || f.custom != nil || f.isFinally {
		return ""
	}
	if details.FailedStepName == "" {
		return fmt.Sprintf(". %s had no step at work", e.nameOf(f))
	}
	return fmt.Sprintf(". Step %s of %s was at work", details.FailedStepName, e.nameOf(f))
}

// nameOf is the task with its place: "task drain (2 of 4)".
func (e *Evidence) nameOf(f *failed) string {
	name := f.task
	if name == "" {
		name = f.name
	}
	if f.place < 0 {
		return "task " + name
	}
	return fmt.Sprintf("task %s (%d of %d)", name, f.place+1, e.totalTasks())
}

// describe says how a task failed.
func (f *failed) describe(e *Evidence) string {
	if f.custom != nil {
		return fmt.Sprintf("Custom %s failed: %s", e.nameOf(f), f.custom.Status.GetCondition(apis.ConditionSucceeded).GetMessage())
	}
	text := f.what(e)
	if tries := len(f.status.RetriesStatus) + 1; tries > 1 {
		text += fmt.Sprintf(", in the last of %d attempts", tries)
	}
	return text
}

func (f *failed) what(e *Evidence) string {
	step, task := f.failedStep(), e.nameOf(f)
	said := f.status.GetCondition(apis.ConditionSucceeded).GetMessage()
	switch {
	case f.reason() == tektonv1.TaskRunReasonCreateContainerConfigError && e.stuckOn().Task == f.task:
		return fmt.Sprintf("%s: %s; it waited for %s", upper(task), said, e.stuckOn().describe())
	case f.reason() == tektonv1.TaskRunReasonTimedOut && e.stuckOn().Reason != "":
		return fmt.Sprintf("%s had not been started when its time was up; it waited for %s", upper(task), e.stuckOn().describe())
	case step == nil || step.isInvented || said != "" && f.isTold():
		return fmt.Sprintf("%s: %s", upper(task), said)
	}
	return fmt.Sprintf("Step %s of %s %s", step.name, task, f.end(step))
}

// isTold tells whether Tekton's own words say more than the exit code of a step.
func (f *failed) isTold() bool {
	_, told := taskReasons[f.reason()]
	return told && f.reason() != reasonStepOOM
}

// end is how the step ended, in the words that follow its name.
func (f *failed) end(step *failedStep) string {
	code := fmt.Sprintf("exit code %d", *step.code)
	pod := f.pod()
	switch {
	case step.reason == oomKilled:
		return fmt.Sprintf("was killed because it needed more memory than it may have (%s)", code)
	case pod != nil && podReason(pod.Status.Reason) != "":
		return fmt.Sprintf("ended with %s when its pod ended with %s: %s", code, pod.Status.Reason, pod.Status.Message)
	case pod != nil && isDisrupted(pod, step):
		return fmt.Sprintf("ended with %s when its pod was evicted", code)
	case pod != nil && wasDeletedAtWork(pod, step):
		return fmt.Sprintf("ended with %s when somebody deleted its pod", code)
	case step.termination == timeoutExceeded:
		return fmt.Sprintf("did not end within its own timeout (%s)", code)
	case neverStarted[step.reason]:
		return fmt.Sprintf("could not be started: %s (%s)", f.whyNotStarted(step), code)
	case isSignal(*step.code) && pod == nil:
		return fmt.Sprintf("ended with %s, by a signal; its pod is gone, so nobody knows whose", code)
	}
	return "ended with " + code
}

// whyNotStarted is the kubelet's reason, and what the container runtime said where the pod still has it.
func (f *failed) whyNotStarted(step *failedStep) string {
	status := f.container(step.container)
	if status == nil || status.State.Terminated == nil || status.State.Terminated.Message == "" {
		return step.reason
	}
	return step.reason + ": " + status.State.Terminated.Message
}

// clean makes one line of a text of others, without space around it.
func clean(text string) string {
	return strings.Join(strings.Fields(text), " ")
}

func upper(text string) string { return strings.ToUpper(text[:1]) + text[1:] }

func lower(text string) string { return strings.ToLower(text[:1]) + text[1:] }
