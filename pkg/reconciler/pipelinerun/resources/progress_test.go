// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package resources

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	tektonv1beta1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	duckv1 "knative.dev/pkg/apis/duck/v1"
	"sigs.k8s.io/yaml"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
)

// recorded is what Tekton v1.9.6 and a kubelet really made of a case, cut down to what matters here.
type recorded struct {
	PipelineRun      *tektonv1.PipelineRun    `json:"pipelineRun"`
	StuckPipelineRun *tektonv1.PipelineRun    `json:"stuckPipelineRun,omitempty"`
	TaskRuns         []tektonv1.TaskRun       `json:"taskRuns,omitempty"`
	Pods             map[string][]*corev1.Pod `json:"pods"`
}

func load(t *testing.T, name string) recorded {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name+".yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var r recorded
	if err := yaml.UnmarshalStrict(data, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestSummarizeEndedRuns(t *testing.T) {
	tests := map[string]struct{ reason, progress string }{
		"step-exit-code":                {"Failed", "1/3"}, // the second failed, the third was stopped
		"matrix-one-fails":              {"Failed", "0/1"}, // three TaskRuns are one task
		"retries-exhausted":             {"Failed", "0/1"}, // three pods are one task
		"cancelled-finally":             {"Cancelled", "2/3"},
		"stopped-finally":               {"Cancelled", "2/3"}, // the second was stopped
		"image-pull":                    {"Failed", "1/2"},
		"sidecar-image-missing":         {"Failed", "0/1"},
		"node-eviction-storage":         {"Failed", "1/2"},
		"missing-serviceaccount":        {"Failed", "0/2"},
		"limitrange-unschedulable":      {"PipelineRunTimeout", "0/1"},
		"pipeline-timeout-term-ignored": {"PipelineRunTimeout", "1/2"},
		// Tekton neither ran the finally task nor lists it as skipped.
		"tasks-timeout-field-finally": {"PipelineRunTimeout", "1/3"},
		"missing-param":               {"ParameterMissing", "0/1"},
		// There never was a pipeline whose tasks could be counted.
		"bundle-registry-down": {"CouldntGetPipeline", ""},
	}
	for name, want := range tests {
		t.Run(name, func(t *testing.T) {
			r := load(t, name)
			got := Summarize(r.PipelineRun, &v1alpha1.PipelineRunStatusSummary{}, nil)
			CountTasks(&got, r.PipelineRun, r.TaskRuns, nil)
			if got.Status != "False" || got.Reason != want.reason || got.Progress != want.progress {
				t.Errorf("Summarize() = %+v, want %+v", got, want)
			}
			if got.Message == "" {
				t.Error("Tekton's message is missing")
			}
		})
	}
}

func TestSummarizeStuckRun(t *testing.T) {
	r := load(t, "limitrange-unschedulable")
	want := v1alpha1.PipelineRunStatusSummary{
		Status: "Unknown", Reason: "Running", Message: "Tasks Completed: 0 (Failed: 0, Cancelled 0), Incomplete: 1, Skipped: 0",
		CompletedTasks: 0, TotalTasks: 1, Progress: "0/1",
	}
	if got := Summarize(r.StuckPipelineRun, &v1alpha1.PipelineRunStatusSummary{}, r.Pods["stuck-pods"]); got != want {
		t.Errorf("Summarize() = %+v, want %+v", got, want)
	}
}

// TestProgressWhileItRuns goes through one run as its pods end, with the real pods of the case.
func TestProgressWhileItRuns(t *testing.T) {
	r := load(t, "cancelled-finally")
	byTask := func(pods []*corev1.Pod, task string) *corev1.Pod {
		for _, pod := range pods {
			if pod.Labels["tekton.dev/pipelineTask"] == task {
				return pod
			}
		}
		t.Fatal("no pod of task", task)
		return nil
	}
	prepare, cleanup := byTask(r.Pods["pods"], "prepare"), byTask(r.Pods["pods"], "cleanup")
	applyWorks, applyKilled := byTask(r.Pods["pods-before"], "apply"), byTask(r.Pods["pods-last"], "apply")
	prepareWorks := prepare.DeepCopy()
	prepareWorks.Status.Phase = corev1.PodRunning
	prepareWorks.Status.ContainerStatuses[0].State = corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}
	of := func(taskRun string, pod *corev1.Pod) *corev1.Pod {
		pod = pod.DeepCopy()
		pod.Labels["tekton.dev/taskRun"] = r.PipelineRun.Name + "-" + taskRun
		return pod
	}
	skipped := func(reason tektonv1.SkippingReason) []tektonv1.SkippedTask {
		return []tektonv1.SkippedTask{{Name: "apply", Reason: reason}}
	}
	// Tekton skips apply because it has skipped prepare.
	follows := func(reason tektonv1.SkippingReason) []tektonv1.SkippedTask {
		return append(skipped(tektonv1.ParentTasksSkip), tektonv1.SkippedTask{Name: "prepare", Reason: reason})
	}
	type pods = []*corev1.Pod
	tests := map[string]struct {
		children string
		skipped  []tektonv1.SkippedTask
		pods     pods
		before   int32
		want     string
	}{
		"nothing yet":                        {want: "0/3"},
		"the first has no pod yet":           {children: "prepare", want: "0/3"},
		"the first works":                    {children: "prepare", pods: pods{prepareWorks}, want: "0/3"},
		"the first has succeeded":            {children: "prepare", pods: pods{prepare}, want: "1/3"},
		"the second is made":                 {children: "prepare apply", pods: pods{prepare}, want: "1/3"},
		"the second works":                   {children: "prepare apply", pods: pods{prepare, applyWorks}, want: "1/3"},
		"the second was killed":              {children: "prepare apply", pods: pods{prepare, applyKilled}, want: "1/3"},
		"and the finally task works":         {children: "prepare apply cleanup", pods: pods{prepare, applyKilled, of("cleanup", applyWorks)}, want: "1/3"},
		"and the finally task has succeeded": {children: "prepare apply cleanup", pods: pods{prepare, applyKilled, cleanup}, want: "2/3"},
		"a second attempt works":             {children: "apply", pods: pods{applyKilled, applyWorks}, want: "0/3"},
		"a second attempt has succeeded":     {children: "apply", pods: pods{applyKilled, of("apply", prepare)}, want: "1/3"},
		"one of a matrix works":              {children: "apply-0 apply-1", pods: pods{of("apply-0", prepare), of("apply-1", applyWorks)}, want: "0/3"},
		"one of a matrix was killed":         {children: "apply-0 apply-1", pods: pods{of("apply-0", applyKilled), of("apply-1", prepare)}, want: "0/3"},
		"all of a matrix have succeeded":     {children: "apply-0 apply-1", pods: pods{of("apply-0", prepare), of("apply-1", prepare)}, want: "1/3"},
		"the pod of the first is gone":       {children: "prepare", before: 1, want: "1/3"},
		"its when expressions are false":     {skipped: skipped(tektonv1.WhenExpressionsSkip), want: "1/3"},
		"what it depends on has an empty matrix": {
			skipped: follows(tektonv1.EmptyArrayInMatrixParams), want: "2/3",
		},
		"what it depends on lacks results":      {skipped: follows(tektonv1.MissingResultsSkip), want: "0/3"},
		"what it depends on was out of time":    {skipped: follows(tektonv1.TasksTimedOutSkip), want: "0/3"},
		"its matrix is empty":                   {skipped: skipped(tektonv1.EmptyArrayInMatrixParams), want: "1/3"},
		"it lacks results":                      {skipped: skipped(tektonv1.MissingResultsSkip), want: "0/3"},
		"the run was stopping":                  {skipped: skipped(tektonv1.StoppingSkip), want: "0/3"},
		"the run was cancelled":                 {skipped: skipped(tektonv1.GracefullyCancelledSkip), want: "0/3"},
		"the run was out of time":               {skipped: skipped(tektonv1.PipelineTimedOutSkip), want: "0/3"},
		"skipped, after another that succeeded": {children: "prepare", pods: pods{prepare}, skipped: skipped(tektonv1.WhenExpressionsSkip), want: "2/3"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			run := r.PipelineRun.DeepCopy()
			run.Status.Conditions = duckv1.Conditions{{Type: "Succeeded", Status: "Unknown", Reason: "Running"}}
			run.Status.ChildReferences, run.Status.SkippedTasks = nil, tc.skipped
			run.Status.PipelineSpec.Tasks[1].RunAfter = []string{"prepare"}
			for child := range strings.FieldsSeq(tc.children) {
				task, _, _ := strings.Cut(child, "-")
				run.Status.ChildReferences = append(run.Status.ChildReferences, tektonv1.ChildStatusReference{
					Name: run.Name + "-" + child, PipelineTaskName: task,
				})
			}
			before := &v1alpha1.PipelineRunStatusSummary{CompletedTasks: tc.before}
			if got := Summarize(run, before, tc.pods).Progress; got != tc.want {
				t.Errorf("progress = %s, want %s", got, tc.want)
			}
		})
	}
}

// A run succeeds with a task whose failure is ignored, with one that was skipped for whatever reason, and with custom
// runs, of which no pod tells anything.
func TestSuccessIsAllOfIt(t *testing.T) {
	run := load(t, "cancelled-finally").PipelineRun
	run.Status.Conditions = duckv1.Conditions{{Type: "Succeeded", Status: "True", Reason: "Completed"}}
	run.Status.ChildReferences = run.Status.ChildReferences[:1]
	if got := Summarize(run, &v1alpha1.PipelineRunStatusSummary{}, nil).Progress; got != "3/3" {
		t.Errorf("progress = %s, want 3/3", got)
	}
}

// TestCountTasks goes through what the children of a run that has failed say.
func TestCountTasks(t *testing.T) {
	const prepare, apply, cleanup = "wfe-6f72fae9-prepare", "wfe-6f72fae9-apply", "wfe-6f72fae9-cleanup"
	says := func(name string, status corev1.ConditionStatus, reason string) tektonv1.TaskRun {
		taskRun := tektonv1.TaskRun{ObjectMeta: metav1.ObjectMeta{Name: name}}
		taskRun.Status.Conditions = duckv1.Conditions{{Type: "Succeeded", Status: status, Reason: reason}}
		return taskRun
	}
	good, bad := says(prepare, "True", "Succeeded"), says(apply, "False", "Failed")
	custom := tektonv1beta1.CustomRun{ObjectMeta: metav1.ObjectMeta{Name: cleanup}}
	custom.Status.Conditions = duckv1.Conditions{{Type: "Succeeded", Status: "True"}}
	tests := map[string]struct {
		taskRuns   []tektonv1.TaskRun
		customRuns []tektonv1beta1.CustomRun
		want       string
	}{
		"one failed":                           {[]tektonv1.TaskRun{good, bad, says(cleanup, "True", "Succeeded")}, nil, "2/3"},
		"one failed, and a custom run did not": {[]tektonv1.TaskRun{good, bad}, []tektonv1beta1.CustomRun{custom}, "2/3"},
		"one failed, and that is ignored":      {[]tektonv1.TaskRun{good, says(apply, "False", "FailureIgnored"), says(cleanup, "False", "Failed")}, nil, "2/3"},
		"one has not noticed its end yet":      {[]tektonv1.TaskRun{good, says(apply, "Unknown", "Running"), says(cleanup, "True", "Succeeded")}, nil, "2/3"},
		// Its pod had ended well, and its result was too large.
		"fewer than its pods had told": {[]tektonv1.TaskRun{says(prepare, "False", "TaskRunResultLargerThanAllowedLimit"), bad, says(cleanup, "False", "Failed")}, nil, "0/3"},
		"one is gone":                  {[]tektonv1.TaskRun{good, bad}, nil, "1/3"},
		"all are gone":                 {nil, nil, "1/3"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got := v1alpha1.PipelineRunStatusSummary{CompletedTasks: 1, TotalTasks: 3, Progress: "1/3"}
			CountTasks(&got, load(t, "cancelled-finally").PipelineRun, tc.taskRuns, tc.customRuns)
			if got.Progress != tc.want {
				t.Errorf("progress = %s, want %s", got.Progress, tc.want)
			}
		})
	}
}

func TestSummarizeOfNothing(t *testing.T) {
	if got := Summarize(&tektonv1.PipelineRun{}, &v1alpha1.PipelineRunStatusSummary{}, nil); got != (v1alpha1.PipelineRunStatusSummary{}) {
		t.Errorf("Summarize() = %+v", got)
	}
}
