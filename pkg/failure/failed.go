// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package failure

import (
	"cmp"
	"slices"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	tektonv1beta1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"knative.dev/pkg/apis"
)

// failed is a child of the run that failed: a TaskRun, by its last attempt, or a CustomRun.
type failed struct {
	attempt
	custom *tektonv1beta1.CustomRun
	// name and task are those of the child and of its pipeline task.
	name, task string
	// isConsequence tells that it was ended from outside, by a cancellation.
	isConsequence bool
	// isFinally tells that it came after the outcome of the run was decided.
	isFinally bool
	at        metav1.Time
	place     int
}

// firstFailed is the child that failed first, nil if none did. What was cancelled counts only where nothing
// failed by itself, and with it what is still running: Tekton ends a run that is cancelled before its TaskRuns.
func (e *Evidence) firstFailed() *failed {
	var all []failed
	for i := range e.TaskRuns {
		task := &e.TaskRuns[i]
		if !task.IsDone() || task.IsFailure() && reasonOf(&task.Status) != tektonv1.TaskRunReasonFailureIgnored {
			all = append(all, e.failedTask(task))
		}
	}
	for i := range e.CustomRuns {
		if run := &e.CustomRuns[i]; run.Status.GetCondition(apis.ConditionSucceeded).IsFalse() {
			all = append(all, e.failedCustomRun(run))
		}
	}
	if len(all) == 0 {
		return nil
	}
	first := slices.MinFunc(all, func(a, b failed) int {
		return cmp.Or(cmp.Compare(a.rank(), b.rank()), a.at.Compare(b.at.Time), cmp.Compare(a.place, b.place), cmp.Compare(a.name, b.name))
	})
	return &first
}

// rank puts what failed by itself before what came when the outcome was decided, and both before what was ended
// from outside.
func (f *failed) rank() int {
	switch {
	case f.isConsequence:
		return 2
	case f.isFinally:
		return 1
	}
	return 0
}

func (e *Evidence) failedTask(task *tektonv1.TaskRun) failed {
	f := failed{attempt: e.attempts(task)[0], name: task.Name, task: task.Labels[pipelineTaskLabel]}
	f.isConsequence = f.reason() == tektonv1.TaskRunReasonCancelled || !task.IsDone()
	f.at = endOf(task.Status.CompletionTime, task.Status.GetCondition(apis.ConditionSucceeded))
	if step := f.failedStep(); step != nil && !step.isInvented && !step.finished.IsZero() {
		f.at = step.finished
	}
	e.findPlace(&f)
	return f
}

func (e *Evidence) failedCustomRun(run *tektonv1beta1.CustomRun) failed {
	f := failed{custom: run, name: run.Name, task: run.Labels[pipelineTaskLabel]}
	condition := run.Status.GetCondition(apis.ConditionSucceeded)
	f.isConsequence = run.Spec.Status == tektonv1beta1.CustomRunSpecStatusCancelled
	f.at = endOf(run.Status.CompletionTime, condition)
	e.findPlace(&f)
	return f
}

func endOf(completed *metav1.Time, condition *apis.Condition) metav1.Time {
	switch {
	case completed != nil:
		return *completed
	case condition != nil:
		return condition.LastTransitionTime.Inner
	}
	return metav1.Time{}
}

func (e *Evidence) findPlace(f *failed) {
	f.place = -1
	if e.PipelineRun == nil || e.PipelineRun.Status.PipelineSpec == nil || f.task == "" {
		return
	}
	spec := e.PipelineRun.Status.PipelineSpec
	for i, task := range slices.Concat(spec.Tasks, spec.Finally) {
		if task.Name == f.task {
			f.place, f.isFinally = i, i >= len(spec.Tasks)
			return
		}
	}
}

// failedStep is a step that made its task fail, or that was running when the task was ended.
type failedStep struct {
	name, container string
	// code is what the container ended with, nil if nobody saw that.
	code *int32
	// reason is the kubelet's, and termination the entrypoint's.
	reason, termination string
	isInvented          bool
	finished            metav1.Time
}

// failedStep is nil if no step was the cause, or none is known. The order is that of the TaskRun: the pod has
// its containers by name.
func (a *attempt) failedStep() *failedStep {
	if a.status == nil || refusedBeforePod[a.reason()] {
		return nil
	}
	for i := range a.status.Steps {
		if step := a.badEnd(&a.status.Steps[i]); step != nil {
			return step
		}
	}
	return nil
}

// badEnd is the end of a step if it was a bad one, nil otherwise.
func (a *attempt) badEnd(state *tektonv1.StepState) *failedStep {
	step := &failedStep{name: state.Name, container: containerOfStep(state)}
	if stuckPods[a.reason()] {
		return a.stuckStep(step, state)
	}
	end := a.trueEnd(step, state)
	switch {
	case end == nil && state.ContainerState == (corev1.ContainerState{}):
		// There never was a container.
		return nil
	case end == nil:
		step.isInvented = true
		return step
	case step.termination == skippedStep || step.termination == continuedStep:
		return nil
	case end.ExitCode == 0 && end.Reason != oomKilled:
		return nil
	}
	step.code, step.reason, step.finished = &end.ExitCode, end.Reason, end.FinishedAt
	return step
}

// trueEnd is how the container of a step ended, by the TaskRun, or by the pod where Tekton did not wait for it; nil
// if nobody knows.
func (a *attempt) trueEnd(step *failedStep, state *tektonv1.StepState) *corev1.ContainerStateTerminated {
	if state.Terminated != nil && !a.isInvented(state) {
		step.termination = state.TerminationReason
		return state.Terminated
	}
	status := a.container(step.container)
	if status == nil {
		return nil
	}
	step.termination = terminationReason(status.State.Terminated)
	return status.State.Terminated
}

// stuckStep is the step whose container could not be started. Another one may have, and only waited.
func (a *attempt) stuckStep(step *failedStep, state *tektonv1.StepState) *failedStep {
	step.isInvented = true
	status := a.container(step.container)
	if status != nil && isStuck(status) || status == nil && a.waitedToTheEnd(state) {
		return step
	}
	return nil
}

func isStuck(status *corev1.ContainerStatus) bool {
	if w := status.State.Waiting; w != nil {
		return waitingReasons[w.Reason] != ""
	}
	// The kubelet ends what it never started in this way.
	end := status.State.Terminated
	return end != nil && end.ContainerID == "" && status.ContainerID == ""
}
