// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package failure

import (
	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	"knative.dev/pkg/apis"
)

// pipelineTaskLabel is Tekton's: the name of the pipeline task that a TaskRun works on.
const pipelineTaskLabel = "tekton.dev/pipelineTask"

const (
	skippedStep  = "Skipped"
	continueStep = "Continued"
)

// firstFailed is the TaskRun that failed first, nil if none did.
func firstFailed(taskRuns []tektonv1.TaskRun) *tektonv1.TaskRun {
	var first *tektonv1.TaskRun
	for i := range taskRuns {
		task := &taskRuns[i]
		if !task.IsFailure() || task.Status.CompletionTime == nil {
			continue
		}
		if first == nil || task.Status.CompletionTime.Before(first.Status.CompletionTime) {
			first = task
		}
	}
	return first
}

// failedStep is the step whose own end made its task fail, nil if the task failed as a whole: after
// a cancellation or a timeout the states of the steps are Tekton's invention.
func failedStep(task *tektonv1.TaskRun) *tektonv1.StepState {
	if _, asAWhole := taskReasons[conditionReason(task)]; asAWhole {
		return nil
	}
	for i := range task.Status.Steps {
		step := &task.Status.Steps[i]
		ended := step.Terminated
		if ended == nil || step.TerminationReason == skippedStep || step.TerminationReason == continueStep {
			continue
		}
		if ended.ExitCode != 0 || ended.Reason == oomKilled {
			return step
		}
	}
	return nil
}

// taskIndex is the place of a pipeline task among the pipeline's tasks and then its finally tasks.
func taskIndex(run *tektonv1.PipelineRun, name string) (int32, bool) {
	if run.Status.PipelineSpec == nil || name == "" {
		return 0, false
	}
	index := int32(0)
	for _, tasks := range [][]tektonv1.PipelineTask{run.Status.PipelineSpec.Tasks, run.Status.PipelineSpec.Finally} {
		for _, task := range tasks {
			if task.Name == name {
				return index, true
			}
			index++
		}
	}
	return 0, false
}

func conditionReason(task *tektonv1.TaskRun) tektonv1.TaskRunReason {
	return tektonv1.TaskRunReason(task.Status.GetCondition(apis.ConditionSucceeded).GetReason())
}
