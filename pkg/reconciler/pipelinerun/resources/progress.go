// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package resources

import (
	"fmt"
	"slices"

	"github.com/tektoncd/pipeline/pkg/apis/pipeline"
	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	tektonv1beta1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	corev1 "k8s.io/api/core/v1"
	"knative.dev/pkg/apis"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
)

// Summarize mirrors a PipelineRun. Which of its tasks are done its pods tell, before Tekton does. A task that was
// done by the summary before stays so: its pod may be gone.
func Summarize(
	run *tektonv1.PipelineRun, before *v1alpha1.PipelineRunStatusSummary, pods []*corev1.Pod,
) v1alpha1.PipelineRunStatusSummary {
	var summary v1alpha1.PipelineRunStatusSummary
	if condition := run.Status.GetCondition(apis.ConditionSucceeded); condition != nil {
		summary.Status = condition.Status
		summary.Reason = condition.Reason
		summary.Message = condition.Message
	}
	succeeded := map[string]bool{}
	for _, pod := range pods {
		if hasSucceeded(pod) {
			succeeded[pod.Labels[pipeline.TaskRunLabelKey]] = true
		}
	}
	count(&summary, run, max(completedTasks(run, succeeded), before.CompletedTasks))
	return summary
}

// CountTasks corrects the progress of a run that has failed by what its children say themselves. Where one of them is
// gone the summary is left as it is.
func CountTasks(
	summary *v1alpha1.PipelineRunStatusSummary, run *tektonv1.PipelineRun,
	taskRuns []tektonv1.TaskRun, customRuns []tektonv1beta1.CustomRun,
) {
	succeeded := map[string]bool{}
	for i := range taskRuns {
		condition := taskRuns[i].Status.GetCondition(apis.ConditionSucceeded)
		isIgnored := condition.GetReason() == tektonv1.TaskRunReasonFailureIgnored.String()
		succeeded[taskRuns[i].Name] = condition.IsTrue() || isIgnored
	}
	for i := range customRuns {
		succeeded[customRuns[i].Name] = customRuns[i].IsSuccessful()
	}
	for _, child := range run.Status.ChildReferences {
		if _, known := succeeded[child.Name]; !known {
			return
		}
	}
	count(summary, run, completedTasks(run, succeeded))
}

// completedTasks counts the tasks of the pipeline that are done: all children of each have succeeded, by their names. A
// run succeeds only with all of its tasks.
func completedTasks(run *tektonv1.PipelineRun, succeeded map[string]bool) (completed int32) {
	if run.IsSuccessful() {
		return totalTasks(run)
	}
	done := skippedOnPurpose(run)
	for _, child := range run.Status.ChildReferences {
		before, isNext := done[child.PipelineTaskName]
		done[child.PipelineTaskName] = succeeded[child.Name] && (before || !isNext)
	}
	for _, isDone := range done {
		if isDone {
			completed++
		}
	}
	return completed
}

// skippedOnPurpose tells of each task that was skipped whether it has nothing to do, as its author wrote it: by itself,
// or after tasks that have nothing to do. What was skipped because the run stops, time is up or results are missing has
// something to do, and Tekton's reason for what follows it is the same as for what follows an empty matrix.
func skippedOnPurpose(run *tektonv1.PipelineRun) map[string]bool {
	reasons, parents := map[string]tektonv1.SkippingReason{}, map[string][]string{}
	for _, skipped := range run.Status.SkippedTasks {
		reasons[skipped.Name] = skipped.Reason
	}
	if spec := run.Status.PipelineSpec; spec != nil {
		parents = tektonv1.PipelineTaskList(spec.Tasks).Deps()
	}
	onPurpose := map[string]bool{}
	var judge func(task string) bool
	judge = func(task string) bool {
		if verdict, isKnown := onPurpose[task]; isKnown {
			return verdict
		}
		switch reasons[task] {
		case tektonv1.WhenExpressionsSkip, tektonv1.EmptyArrayInMatrixParams:
			onPurpose[task] = true
		case tektonv1.ParentTasksSkip:
			onPurpose[task] = !slices.ContainsFunc(parents[task], func(parent string) bool {
				return reasons[parent] != "" && !judge(parent)
			})
		default:
			onPurpose[task] = false
		}
		return onPurpose[task]
	}
	for task := range reasons {
		judge(task)
	}
	return onPurpose
}

func totalTasks(run *tektonv1.PipelineRun) int32 {
	if run.Status.PipelineSpec == nil {
		return 0
	}
	return int32(len(run.Status.PipelineSpec.Tasks) + len(run.Status.PipelineSpec.Finally)) //nolint:gosec // bounded by the object's size
}

// count says nothing as long as Tekton has not resolved the pipeline.
func count(summary *v1alpha1.PipelineRunStatusSummary, run *tektonv1.PipelineRun, completed int32) {
	if run.Status.PipelineSpec == nil {
		return
	}
	summary.CompletedTasks, summary.TotalTasks = completed, totalTasks(run)
	summary.Progress = fmt.Sprintf("%d/%d", summary.CompletedTasks, summary.TotalTasks)
}
