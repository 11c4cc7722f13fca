// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package failure

import (
	"fmt"
	"slices"
	"strings"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	tektonv1beta1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	corev1 "k8s.io/api/core/v1"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
)

// leftOut are Tekton's reasons for a task that has nothing to do, as its author wrote it.
var leftOut = map[tektonv1.SkippingReason]bool{
	tektonv1.WhenExpressionsSkip:      true,
	tektonv1.ParentTasksSkip:          true,
	tektonv1.EmptyArrayInMatrixParams: true,
}

// pipeline of the run, empty if Tekton never resolved it.
func (e *Evidence) pipeline() tektonv1.PipelineSpec {
	if e.PipelineRun == nil || e.PipelineRun.Status.PipelineSpec == nil {
		return tektonv1.PipelineSpec{}
	}
	return *e.PipelineRun.Status.PipelineSpec
}

func (e *Evidence) isFinally(task string) bool {
	return slices.ContainsFunc(e.pipeline().Finally, func(t tektonv1.PipelineTask) bool { return t.Name == task })
}

// unstarted are the finally tasks of the run of which no step was executed, as far as that is certain, in the order of
// the pipeline. What such a task is to put right is still to be done.
func (e *Evidence) unstarted() []string {
	if e.lacks(KindTaskRuns) || e.lacks(KindCustomRuns) {
		return nil
	}
	var names []string
	for _, task := range e.pipeline().Finally {
		if e.isUnstarted(task.Name) {
			names = append(names, task.Name)
		}
	}
	return names
}

// isUnstarted tells whether no step of a task was executed, though nothing in the pipeline leaves it out.
func (e *Evidence) isUnstarted(task string) bool {
	if reason, skipped := e.skipReason(task); skipped {
		return !leftOut[reason]
	}
	taskRuns, known := e.taskRunsOf(task), map[string]bool{}
	for _, taskRun := range taskRuns {
		known[taskRun.Name] = true
	}
	hasLostChild := slices.ContainsFunc(e.PipelineRun.Status.ChildReferences, func(child tektonv1.ChildStatusReference) bool {
		return child.PipelineTaskName == task && !known[child.Name]
	})
	return !hasLostChild && len(e.customRunsOf(task)) == 0 &&
		!slices.ContainsFunc(taskRuns, (*tektonv1.TaskRun).IsSuccessful) && !slices.ContainsFunc(taskRuns, e.taskRunMayHaveExecuted) &&
		!slices.ContainsFunc(e.Pods, func(pod corev1.Pod) bool {
			return pod.Labels[pipelineTaskLabel] == task && podMayHaveExecuted(&pod)
		})
}

func (e *Evidence) skipReason(task string) (reason tektonv1.SkippingReason, skipped bool) {
	for _, skipped := range e.PipelineRun.Status.SkippedTasks {
		if skipped.Name == task {
			return skipped.Reason, true
		}
	}
	return "", false
}

func (e *Evidence) taskRunsOf(task string) (found []*tektonv1.TaskRun) {
	for i := range e.TaskRuns {
		if e.TaskRuns[i].Labels[pipelineTaskLabel] == task {
			found = append(found, &e.TaskRuns[i])
		}
	}
	return found
}

func (e *Evidence) customRunsOf(task string) (found []*tektonv1beta1.CustomRun) {
	for i := range e.CustomRuns {
		if e.CustomRuns[i].Labels[pipelineTaskLabel] == task {
			found = append(found, &e.CustomRuns[i])
		}
	}
	return found
}

// hasOpenTasks tells whether a task of the run that is no finally task had not succeeded by its end.
func (e *Evidence) hasOpenTasks() bool {
	return slices.ContainsFunc(e.pipeline().Tasks, func(task tektonv1.PipelineTask) bool { return e.isOpen(task.Name) })
}

func (e *Evidence) isOpen(task string) bool {
	if reason, skipped := e.skipReason(task); skipped {
		return !leftOut[reason]
	}
	taskRuns, customRuns := e.taskRunsOf(task), e.customRunsOf(task)
	return len(taskRuns)+len(customRuns) == 0 || slices.ContainsFunc(taskRuns, hasNotSucceeded) ||
		slices.ContainsFunc(customRuns, func(run *tektonv1beta1.CustomRun) bool { return !run.IsSuccessful() })
}

func hasNotSucceeded(taskRun *tektonv1.TaskRun) bool {
	return !taskRun.IsSuccessful() && reasonOf(&taskRun.Status) != tektonv1.TaskRunReasonFailureIgnored
}

// endedAt says of a run that was ended from outside how, at what, and what became of its finally tasks. Who cancels a
// run in our name lets them run.
func (e *Evidence) endedAt(details *v1alpha1.FailureDetails, how, what string) string {
	switch {
	case e.CancelReason == "":
		return how + what + e.unfinished(details, "")
	case e.PipelineRun.Status.PipelineSpec != nil && len(e.pipeline().Finally) == 0:
		return how + what
	}
	return how + "; its finally tasks were allowed to run" + e.saidOfUnstarted(", but ", e.unstarted()) + what
}

// unfinished says which finally tasks never started, beside one that is told of already.
func (e *Evidence) unfinished(details *v1alpha1.FailureDetails, told string) string {
	if !details.WasExecutionFailure {
		return ""
	}
	return e.saidOfUnstarted(". Finally ", slices.DeleteFunc(e.unstarted(), func(name string) bool { return name == told }))
}

// saidOfUnstarted is empty if there are none.
func (e *Evidence) saidOfUnstarted(begins string, tasks []string) string {
	said := make([]string, 0, len(tasks))
	for _, task := range tasks {
		f := failed{task: task}
		e.findPlace(&f)
		text := e.nameOf(&f) + " never started"
		if w := e.waitOf(func(other string) bool { return other == task }); w.Reason != "" {
			text += ": it waited for " + w.describe()
		}
		said = append(said, text)
	}
	if len(said) == 0 {
		return ""
	}
	return begins + strings.Join(said, ", and ")
}

// undone says what follows from finally tasks that never started.
func undone(tasks []string) string {
	if len(tasks) == 1 {
		return fmt.Sprintf("Its finally task %s never started, so what it puts right is still to be done.", tasks[0])
	}
	return fmt.Sprintf("Its finally tasks %s and %s never started, so what they put right is still to be done.",
		strings.Join(tasks[:len(tasks)-1], ", "), tasks[len(tasks)-1])
}
