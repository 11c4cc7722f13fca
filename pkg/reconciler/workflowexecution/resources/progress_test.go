// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package resources

import (
	"os"
	"path/filepath"
	"testing"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
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
		"step-exit-code":                {"Failed", "2/2"}, // the third task is skipped
		"matrix-one-fails":              {"Failed", "1/1"}, // three TaskRuns are one task
		"retries-exhausted":             {"Failed", "1/1"}, // three pods are one task
		"cancelled-finally":             {"Cancelled", "3/3"},
		"stopped-finally":               {"Cancelled", "2/2"},
		"image-pull":                    {"Failed", "2/2"},
		"sidecar-image-missing":         {"Failed", "1/1"},
		"node-eviction-storage":         {"Failed", "2/2"},
		"missing-serviceaccount":        {"Failed", "1/1"},
		"limitrange-unschedulable":      {"PipelineRunTimeout", "1/1"},
		"pipeline-timeout-term-ignored": {"PipelineRunTimeout", "2/2"},
		// Tekton neither ran the finally task nor lists it as skipped.
		"tasks-timeout-field-finally": {"PipelineRunTimeout", "2/3"},
		"missing-param":               {"ParameterMissing", "0/1"},
		// There never was a pipeline whose tasks could be counted.
		"bundle-registry-down": {"CouldntGetPipeline", ""},
	}
	for name, want := range tests {
		t.Run(name, func(t *testing.T) {
			r := load(t, name)
			got := Summarize(r.PipelineRun, r.Pods["pods"])
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
	if got := Summarize(r.StuckPipelineRun, r.Pods["stuck-pods"]); got != want {
		t.Errorf("Summarize() = %+v, want %+v", got, want)
	}
}

// TestProgressWhileItRuns goes through one run as its pods end, with the real pods of the case.
func TestProgressWhileItRuns(t *testing.T) {
	r := load(t, "cancelled-finally")
	byTask := func(pods []*corev1.Pod, task string) *corev1.Pod {
		for _, pod := range pods {
			if pod.Labels[pipelineTaskLabel] == task {
				return pod
			}
		}
		t.Fatal("no pod of task", task)
		return nil
	}
	prepare, cleanup := byTask(r.Pods["pods"], "prepare"), byTask(r.Pods["pods"], "cleanup")
	applyWorks, applyEnded := byTask(r.Pods["pods-before"], "apply"), byTask(r.Pods["pods-last"], "apply")
	prepareWorks := prepare.DeepCopy()
	prepareWorks.Status.Phase = corev1.PodRunning
	prepareWorks.Status.ContainerStatuses[0].State = corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}

	tests := map[string]struct {
		children []string
		pods     []*corev1.Pod
		want     string
	}{
		"nothing yet":                 {nil, nil, "0/3"},
		"the first has no pod yet":    {[]string{"prepare"}, nil, "0/3"},
		"the first works":             {[]string{"prepare"}, []*corev1.Pod{prepareWorks}, "0/3"},
		"the first has ended":         {[]string{"prepare"}, []*corev1.Pod{prepare}, "1/3"},
		"the second is made":          {[]string{"prepare", "apply"}, []*corev1.Pod{prepare}, "1/3"},
		"the second works":            {[]string{"prepare", "apply"}, []*corev1.Pod{prepare, applyWorks}, "1/3"},
		"the second has ended":        {[]string{"prepare", "apply"}, []*corev1.Pod{prepare, applyEnded}, "2/3"},
		"all have ended":              {[]string{"prepare", "apply", "cleanup"}, []*corev1.Pod{prepare, applyEnded, cleanup}, "3/3"},
		"a second attempt is at work": {[]string{"apply"}, []*corev1.Pod{applyEnded, applyWorks}, "0/3"},
		"one of a matrix is at work":  {[]string{"apply", "apply"}, []*corev1.Pod{applyWorks, applyEnded}, "0/3"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			run := r.PipelineRun.DeepCopy()
			run.Status.Conditions = duckv1.Conditions{{Type: "Succeeded", Status: "Unknown", Reason: "Running"}}
			run.Status.ChildReferences = nil
			for _, task := range tc.children {
				run.Status.ChildReferences = append(run.Status.ChildReferences, tektonv1.ChildStatusReference{PipelineTaskName: task})
			}
			if got := Summarize(run, tc.pods).Progress; got != tc.want {
				t.Errorf("progress = %s, want %s", got, tc.want)
			}
		})
	}
}

func TestSummarizeOfNothing(t *testing.T) {
	if got := Summarize(&tektonv1.PipelineRun{}, nil); got != (v1alpha1.PipelineRunStatusSummary{}) {
		t.Errorf("Summarize() = %+v", got)
	}
}

func TestRecordedPodsHaveEnded(t *testing.T) {
	tests := []struct {
		name, when, task string
		want             bool
	}{
		{"pipeline-timeout-term-ignored", "pods-before", "prepare", true},
		{"pipeline-timeout-term-ignored", "pods-before", "apply", false}, // the run is done, its step works on
		{"pipeline-timeout-term-ignored", "pods-last", "apply", true},
		{"image-pull", "pods-before", "apply", false}, // waits for its image
		{"image-pull", "pods-last", "apply", true},
		{"sidecar-image-missing", "pods-before", "apply", false}, // one container waits, the other one runs
		{"sidecar-image-missing", "pods-last", "apply", true},
		{"limitrange-unschedulable", "stuck-pods", "apply", false}, // might still be scheduled
		{"node-eviction-storage", "pods", "apply", true},
	}
	for _, tc := range tests {
		t.Run(tc.name+" "+tc.when+" "+tc.task, func(t *testing.T) {
			for _, pod := range load(t, tc.name).Pods[tc.when] {
				if pod.Labels[pipelineTaskLabel] == tc.task {
					if got := PodHasEnded(pod); got != tc.want {
						t.Error("PodHasEnded() =", got)
					}
					return
				}
			}
			t.Fatal("no such pod")
		})
	}
}

func TestPodHasEnded(t *testing.T) {
	running := corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}
	waiting := corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CreateContainerConfigError"}}
	ended := corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 1}}
	unknown := corev1.ContainerState{}
	type states = []corev1.ContainerState

	tests := map[string]struct {
		phase            corev1.PodPhase
		init, containers states
		deleted          bool
		want             bool
	}{
		"never scheduled":                           {phase: corev1.PodPending},
		"never scheduled, being deleted":            {phase: corev1.PodPending, deleted: true},
		"init container works":                      {phase: corev1.PodPending, init: states{running}, containers: states{waiting, waiting}},
		"init container failed, phase lags":         {phase: corev1.PodPending, init: states{ended}, containers: states{waiting, waiting}},
		"init container failed":                     {phase: corev1.PodFailed, init: states{ended}, containers: states{waiting, waiting}, want: true},
		"waits for a ConfigMap":                     {phase: corev1.PodPending, init: states{ended}, containers: states{waiting, ended}},
		"both work":                                 {phase: corev1.PodRunning, init: states{ended}, containers: states{running, running}},
		"one has ended":                             {phase: corev1.PodRunning, init: states{ended}, containers: states{ended, running}},
		"both have ended, phase lags":               {phase: corev1.PodRunning, init: states{ended}, containers: states{ended, ended}, want: true},
		"both have ended, a native sidecar works":   {phase: corev1.PodRunning, init: states{running}, containers: states{ended, ended}},
		"one has no status yet":                     {phase: corev1.PodRunning, init: states{ended}, containers: states{ended}},
		"no statuses at all":                        {phase: corev1.PodRunning},
		"a status without a state":                  {phase: corev1.PodRunning, containers: states{ended, unknown}},
		"node does not answer":                      {phase: corev1.PodUnknown, containers: states{running, running}},
		"succeeded":                                 {phase: corev1.PodSucceeded, init: states{ended}, containers: states{ended, ended}, want: true},
		"refused by the node, which made no status": {phase: corev1.PodFailed, want: true},
		// A control plane may mark the pods of a lost node as failed, while their containers work on there.
		"marked as failed while it works": {phase: corev1.PodFailed, containers: states{running, ended}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			pod := &corev1.Pod{Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "a"}, {Name: "b"}}}}
			pod.Status.Phase = tc.phase
			if tc.deleted {
				pod.DeletionTimestamp = &metav1.Time{}
			}
			for _, state := range tc.init {
				pod.Status.InitContainerStatuses = append(pod.Status.InitContainerStatuses, corev1.ContainerStatus{State: state})
			}
			for _, state := range tc.containers {
				pod.Status.ContainerStatuses = append(pod.Status.ContainerStatuses, corev1.ContainerStatus{State: state})
			}
			if got := PodHasEnded(pod); got != tc.want {
				t.Error("PodHasEnded() =", got)
			}
		})
	}
}
