// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package failure

import (
	"strings"
	"testing"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	tektonv1beta1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
)

// cancelledTask was ended by a cancellation while its step worked.
func cancelledTask(name string) tektonv1.TaskRun {
	return taskRun(name, "TaskRunCancelled", 9, invented("main", "TaskRunCancelled", at(5)))
}

// waitingTask was ended by a cancellation before it had a container.
func waitingTask(name string) tektonv1.TaskRun {
	return taskRun(name, "TaskRunCancelled", 40, tektonv1.StepState{Name: "main"})
}

func succeededTask(name string) tektonv1.TaskRun {
	task := taskRun(name, "Succeeded", 9, ended("main", 0, "Completed", "Completed"))
	task.Status.Conditions = condition(corev1.ConditionTrue, "Succeeded")
	return task
}

// unschedulablePod waits for a node to the end.
func unschedulablePod(task string) corev1.Pod {
	return unready(podOf(task), func(pod *corev1.Pod) {
		pod.Spec.NodeName = ""
		pod.Spec.Containers = []corev1.Container{{Name: "step-main", Args: []string{"-wait_file", readyFile}}}
		pod.Status.Conditions = []corev1.PodCondition{{
			Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: corev1.PodReasonUnschedulable, Message: "0/1 nodes are available",
		}}
	})
}

func skipped(reason tektonv1.SkippingReason, e Evidence) Evidence {
	e.PipelineRun.Status.SkippedTasks = []tektonv1.SkippedTask{{Name: "last", Reason: reason}}
	return e
}

func withFinally(e Evidence, names ...string) Evidence {
	e.PipelineRun.Status.PipelineSpec.Finally = nil
	for _, name := range names {
		e.PipelineRun.Status.PipelineSpec.Finally = append(e.PipelineRun.Status.PipelineSpec.Finally, tektonv1.PipelineTask{Name: name})
	}
	return e
}

func deadline(e Evidence) Evidence { return cancelledBy(v1alpha1.FailureDeadlineExceeded, e) }

const (
	waitsForNode = "Unschedulable: task last: 0/1 nodes are available"

	cancelled = "The workflow did not end within its timeout and was cancelled"
	letRun    = cancelled + "; its finally tasks were allowed to run"
	worked    = ". Step main of task first (1 of 3) was at work"
	forNode   = "never started: it waited for Unschedulable (0/1 nodes are available)"
	undoneOne = "Its finally task last never started, so what it puts right is still to be done."
)

// A finally task that never started is told from one that ran, and only where that is certain.
func TestFinallyTasks(t *testing.T) {
	firstPod := podOf("first", terminated(255, "Error", markOfStart))
	main3 := taskRun("first", "Failed", 9, ended("main", 3, "Error", "Error"))
	gap := deadline(evidenceOf("Cancelled", cancelledTask("first")))
	gap.Gaps = []Gap{{What: KindTaskRuns, Why: "no"}}
	custom := deadline(evidenceOf("Cancelled", cancelledTask("first")))
	custom.CustomRuns = []tektonv1beta1.CustomRun{{ObjectMeta: metav1.ObjectMeta{Name: "run-last", Labels: map[string]string{pipelineTaskLabel: "last"}}}}
	lost := deadline(evidenceOf("Cancelled", cancelledTask("first")))
	lost.PipelineRun.Status.ChildReferences = append(lost.PipelineRun.Status.ChildReferences,
		tektonv1.ChildStatusReference{Name: "run-last", PipelineTaskName: "last"})
	unresolved := deadline(evidenceOf("Cancelled"))
	unresolved.PipelineRun.Status.PipelineSpec = nil
	for name, test := range map[string]struct {
		e       Evidence
		reason  v1alpha1.FailureReason
		task    string
		message string
		// undone is whether the summary says what follows.
		undone bool
	}{
		"waits for a node": {
			deadline(evidenceOf("PipelineRunTimeout", cancelledTask("first"), waitingTask("last"))).with(firstPod, unschedulablePod("last")),
			v1alpha1.FailureDeadlineExceeded, "first", letRun + ", but task last (3 of 3) " + forNode + worked, true,
		},
		"waits for a node, its pod is gone, and that was noted": {
			noted(waitsForNode, deadline(evidenceOf("PipelineRunTimeout", cancelledTask("first"), waitingTask("last"))).with(firstPod)),
			v1alpha1.FailureDeadlineExceeded, "first", letRun + ", but task last (3 of 3) " + forNode + worked, true,
		},
		"waits for a node, as the task before it did": {
			deadline(evidenceOf("PipelineRunTimeout", succeededTask("first"), waitingTask("second"), waitingTask("last"))).with(
				unschedulablePod("second"), unschedulablePod("last")),
			v1alpha1.FailureResourceExhausted, "second", letRun + ", but task last (3 of 3) " + forNode +
				". Task second had not been started; it waited for Unschedulable (0/1 nodes are available)", true,
		},
		"waits for a node, and all others had succeeded": {
			deadline(evidenceOf("PipelineRunTimeout", succeededTask("first"), succeededTask("second"), waitingTask("last"))).with(unschedulablePod("last")),
			v1alpha1.FailureResourceExhausted, "last", letRun + ", but task last (3 of 3) " + forNode, true,
		},
		"its pod is gone, and nobody knows": {
			deadline(evidenceOf("PipelineRunTimeout", cancelledTask("first"), waitingTask("last"))).with(firstPod),
			v1alpha1.FailureDeadlineExceeded, "first", letRun + worked, false,
		},
		"was never created": {
			deadline(evidenceOf("PipelineRunTimeout", cancelledTask("first"))), v1alpha1.FailureDeadlineExceeded, "first",
			letRun + ", but task last (3 of 3) never started" + worked, true,
		},
		"ran": {
			deadline(evidenceOf("Cancelled", cancelledTask("first"), succeededTask("last"))), v1alpha1.FailureDeadlineExceeded, "first", letRun + worked, false,
		},
		"ran and was cut short": {
			deadline(evidenceOf("PipelineRunTimeout", cancelledTask("first"), cancelledTask("last"))).with(firstPod, podOf("last", terminated(255, "Error", markOfStart))),
			v1alpha1.FailureDeadlineExceeded, "first", letRun + worked, false,
		},
		"is left out by the pipeline": {
			skipped(tektonv1.WhenExpressionsSkip, deadline(evidenceOf("Cancelled", cancelledTask("first")))),
			v1alpha1.FailureDeadlineExceeded, "first", letRun + worked, false,
		},
		"lacks a result of what did not end": {
			skipped(tektonv1.MissingResultsSkip, deadline(evidenceOf("Cancelled", cancelledTask("first")))),
			v1alpha1.FailureDeadlineExceeded, "first", letRun + ", but task last (3 of 3) never started" + worked, true,
		},
		"is a custom run, of which nobody knows": {custom, v1alpha1.FailureDeadlineExceeded, "first", letRun + worked, false},
		"was created, and is gone":               {lost, v1alpha1.FailureDeadlineExceeded, "first", letRun + worked, false},
		"of a pipeline that nobody knows":        {unresolved, v1alpha1.FailureDeadlineExceeded, "", letRun, false},
		"may not be read": {
			gap, v1alpha1.FailureDeadlineExceeded, "first", letRun + worked + "; taskruns could not be read: no", false,
		},
		"there is none": {
			withFinally(deadline(evidenceOf("Cancelled", cancelledTask("first")))), v1alpha1.FailureDeadlineExceeded, "first",
			cancelled + ". Step main of task first (1 of 2) was at work", false,
		},
		"of three one ran": {
			withFinally(deadline(evidenceOf("PipelineRunTimeout", cancelledTask("first"), waitingTask("last"), succeededTask("log"))).with(unschedulablePod("last")),
				"last", "log", "tell"),
			v1alpha1.FailureDeadlineExceeded, "first", letRun + ", but task last (3 of 5) " + forNode +
				", and task tell (5 of 5) never started. Step main of task first (1 of 5) was at work", true,
		},
		"of a run that somebody cancelled": {
			evidenceOf("Cancelled", cancelledTask("first")), v1alpha1.FailureCancelled, "first",
			"Tekton says Cancelled" + worked + ". Finally task last (3 of 3) never started", true,
		},
		"of an execution that was deleted": {
			cancelledBy(v1alpha1.FailureCancelled, evidenceOf("PipelineRunTimeout", cancelledTask("first"), waitingTask("last"))).with(firstPod, unschedulablePod("last")),
			v1alpha1.FailureCancelled, "first",
			"The execution was deleted while its workflow ran, which was cancelled; its finally tasks were allowed to run, but task last (3 of 3) " + forNode + worked, true,
		},
		"after a step that failed": {
			evidenceOf("Failed", main3, waitingTask("last")).with(podOf("first", terminated(3, "Error", markOfStart)), unschedulablePod("last")),
			v1alpha1.FailureTaskFailed, "first", "Step main of task first (1 of 3) ended with exit code 3. Finally task last (3 of 3) " + forNode, true,
		},
		"is what failed": {
			evidenceOf("Failed", succeededTask("first"), succeededTask("second"), without(taskRun("last", "PodCreationFailed", 9))),
			v1alpha1.FailureConfigurationError, "last", "Task last (3 of 3): Tekton says PodCreationFailed", true,
		},
		"of a run of which nothing was executed": {
			evidenceOf("Failed", without(taskRun("first", "PodCreationFailed", 9))), v1alpha1.FailureConfigurationError, "first",
			"Task first (1 of 3): Tekton says PodCreationFailed", false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := explain(test.e)
			if got.Reason != test.reason || got.FailedTaskName != test.task || got.Message != test.message {
				t.Errorf("Explain() = %s of task %q: %s\nwant %s of task %q: %s", got.Reason, got.FailedTaskName, got.Message, test.reason, test.task, test.message)
			}
			if says := strings.Contains(got.NaturalLanguageSummary, "still to be done"); says != test.undone {
				t.Errorf("The summary says that something is still to be done: %t: %s", says, got.NaturalLanguageSummary)
			}
		})
	}
}

func TestUndoneIsSaidOfAll(t *testing.T) {
	for want, tasks := range map[string][]string{
		undoneOne: {"last"},
		"Its finally tasks last and log never started, so what they put right is still to be done.":       {"last", "log"},
		"Its finally tasks last, log and tell never started, so what they put right is still to be done.": {"last", "log", "tell"},
	} {
		if got := undone(tasks); got != want {
			t.Errorf("undone() = %s", got)
		}
	}
}
