// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package failure

import (
	"fmt"
	"strings"
	"time"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
)

// maxSummaryMessage is how much of the message goes into the summary, in bytes.
const maxSummaryMessage = 600

// Summarize says in a few sentences what a person or a language model needs to choose the next step: which
// workflow, on what, where and how it failed, after how long, whether it may have changed anything, and
// what follows from the reason. It is the same for the same facts.
func Summarize(spec *v1alpha1.WorkflowExecutionSpec, details *v1alpha1.FailureDetails, totalTasks int) string {
	return summarize(spec, details, totalTasks, nil)
}

// SummarizeUnstarted does the same for an execution of which nothing was started. What is missing is missing to the
// controller then, not to the workflow.
func SummarizeUnstarted(spec *v1alpha1.WorkflowExecutionSpec, details *v1alpha1.FailureDetails) string {
	next, differs := nextStepsUnstarted[details.Reason]
	if !differs {
		next = nextSteps[details.Reason]
	}
	return strings.Join([]string{headline(spec, details, 0), changes(details), next}, " ")
}

// summarize also says which finally tasks never started.
func summarize(spec *v1alpha1.WorkflowExecutionSpec, details *v1alpha1.FailureDetails, totalTasks int, unstarted []string) string {
	sentences := []string{headline(spec, details, totalTasks), changes(details)}
	if details.WasExecutionFailure && len(unstarted) > 0 {
		sentences = append(sentences, undone(unstarted))
	}
	return strings.Join(append(sentences, nextSteps[details.Reason]), " ")
}

func headline(spec *v1alpha1.WorkflowExecutionSpec, details *v1alpha1.FailureDetails, totalTasks int) string {
	text := fmt.Sprintf("Workflow %s (version %s) failed on %s", spec.WorkflowRef.WorkflowID, spec.WorkflowRef.Version, spec.TargetResource)
	if details.FailedTaskName != "" {
		text += " in task " + details.FailedTaskName
		if details.FailedTaskIndex != nil && totalTasks > 0 {
			text += fmt.Sprintf(" (%d of %d)", *details.FailedTaskIndex+1, totalTasks)
		}
		if details.FailedStepName != "" {
			text += ", step " + details.FailedStepName
		}
	}
	if spent := details.ExecutionTimeBeforeFailure; spent != nil {
		text += fmt.Sprintf(", %s after its start", spent.Round(time.Second))
	}
	message := v1alpha1.Cut(clean(details.Message), maxSummaryMessage)
	return fmt.Sprintf("%s: %s. %s.", text, reasonNames[details.Reason], strings.TrimSuffix(message, "."))
}

// changes says whether the target may not be as it was.
func changes(details *v1alpha1.FailureDetails) string {
	if !details.WasExecutionFailure {
		return "No step of the workflow was executed, so it changed nothing."
	}
	return "Steps of the workflow were or may have been executed, so it may have changed the target."
}

// reasonNames say a reason in words.
var reasonNames = map[v1alpha1.FailureReason]string{
	v1alpha1.FailureOOMKilled:          "out of memory",
	v1alpha1.FailureDeadlineExceeded:   "out of time",
	v1alpha1.FailureForbidden:          "a permission is missing",
	v1alpha1.FailureResourceExhausted:  "quota or capacity is lacking",
	v1alpha1.FailureConfigurationError: "it cannot run as it is configured",
	v1alpha1.FailureImagePullBackOff:   "an image cannot be pulled",
	v1alpha1.FailureVerificationFailed: "its signature was not accepted",
	v1alpha1.FailureEvicted:            "its pod was put out",
	v1alpha1.FailureCancelled:          "somebody ended it",
	v1alpha1.FailurePipelineRunDeleted: "its PipelineRun was deleted",
	v1alpha1.FailureTaskFailed:         "a step ended with an error",
	v1alpha1.FailureUnknown:            "the cause is not known",
}

// nextSteps are what follows from a reason, and from nothing else.
var nextSteps = map[v1alpha1.FailureReason]string{
	v1alpha1.FailureOOMKilled: "Next: give the step a higher memory limit, or less to do at once, before the workflow runs again.",
	v1alpha1.FailureDeadlineExceeded: "Next: find out what it was doing for so long; " +
		"a longer timeout helps only if it made progress.",
	v1alpha1.FailureForbidden: "Next: grant the workflow's ServiceAccount the permission that the log names, " +
		"or choose a workflow that does not need it.",
	v1alpha1.FailureResourceExhausted: "Next: free or add what is lacking, or let the workflow ask for less; " +
		"more time alone does not help.",
	v1alpha1.FailureConfigurationError: "Next: correct what the message names, in the workflow or in the execution; " +
		"a repetition fails in the same way, unless a registry was out of reach.",
	v1alpha1.FailureImagePullBackOff: "Next: check that the image exists under that name and that the node may pull it.",
	v1alpha1.FailureVerificationFailed: "Next: have the workflow signed by a trusted key, or correct the VerificationPolicy; " +
		"do not go around it.",
	v1alpha1.FailureEvicted: "Next: check the state of the target, then run the workflow again when the cluster is calm.",
	v1alpha1.FailureCancelled: "Next: ask who ended it and why before it is repeated; " +
		"check the state of the target if steps were executed.",
	v1alpha1.FailurePipelineRunDeleted: "Next: ask who deleted it; check the state of the target, since what ran is not known any more.",
	v1alpha1.FailureTaskFailed:         "Next: read the log of the step and check the state of the target before anything is repeated.",
	v1alpha1.FailureUnknown: "Next: look at the PipelineRun, its TaskRuns and pods, and at the target, " +
		"before anything is repeated.",
}

// nextStepsUnstarted are other ones where nothing was started.
var nextStepsUnstarted = map[v1alpha1.FailureReason]string{
	v1alpha1.FailureForbidden:         "Next: let the one that the message names do what it may not do; the workflow can be repeated then.",
	v1alpha1.FailureResourceExhausted: "Next: free or add what is lacking; the workflow can be repeated then.",
	v1alpha1.FailureConfigurationError: "Next: correct what the message names, in the execution or in the cluster; " +
		"a repetition fails in the same way until then.",
	v1alpha1.FailureUnknown: "Next: find out what the message is about; the workflow can be repeated then.",
}
