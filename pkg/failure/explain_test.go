// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package failure

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	duckv1 "knative.dev/pkg/apis/duck/v1"
	"sigs.k8s.io/yaml"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
)

// recorded is what Tekton v1.9.6 really made of a case, cut down to what matters here.
type recorded struct {
	PipelineRun *tektonv1.PipelineRun `json:"pipelineRun"`
	TaskRuns    []tektonv1.TaskRun    `json:"taskRuns"`
	// UserStepRan is what whoever recorded the case saw, not what the objects say.
	UserStepRan bool `json:"userStepRan"`
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

func (r recorded) evidence() Evidence {
	return Evidence{
		PipelineRun: r.PipelineRun, TaskRuns: r.TaskRuns,
		StartTime: r.PipelineRun.Status.StartTime, FailedAt: *r.PipelineRun.Status.CompletionTime,
	}
}

// cases are all recorded ones, so that one that is added is not forgotten.
func cases(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal("no cases:", err)
	}
	for i := range files {
		files[i] = strings.TrimSuffix(filepath.Base(files[i]), ".yaml")
	}
	return files
}

// TestNothingRanIsNeverClaimedFalsely is the safe direction: whoever reads that nothing ran may repeat
// the workflow at once.
func TestNothingRanIsNeverClaimedFalsely(t *testing.T) {
	for _, name := range cases(t) {
		t.Run(name, func(t *testing.T) {
			r := load(t, name)
			if r.UserStepRan && !Explain(r.evidence()).WasExecutionFailure {
				t.Error("a user step ran, and it is denied")
			}
			// Somebody deleted the TaskRuns, or all of it: less evidence must not make it look better.
			less := r.evidence()
			less.TaskRuns = nil
			if r.UserStepRan && !Explain(less).WasExecutionFailure {
				t.Error("a user step ran, and it is denied without the TaskRuns")
			}
			less.PipelineRun, less.StartTime = nil, nil
			if r.UserStepRan && !Explain(less).WasExecutionFailure {
				t.Error("a user step ran, and it is denied without the PipelineRun")
			}
		})
	}
}

func TestNothingRanIsSaidWhereNoTaskRunWasMade(t *testing.T) {
	for _, name := range []string{
		"bundle-registry-down", "bundle-registry-silent", "missing-param", "verification-policy", "workspace-missing",
	} {
		t.Run(name, func(t *testing.T) {
			if Explain(load(t, name).evidence()).WasExecutionFailure {
				t.Error("nothing can have run")
			}
		})
	}
}

// TestReasons asserts what the typed reasons of PipelineRun and TaskRun tell. What takes pods, events
// or logs (quota, eviction, permissions, a stuck pod) is not asked of them here.
func TestReasons(t *testing.T) {
	tests := map[string]v1alpha1.FailureReason{
		"bundle-registry-down":          v1alpha1.FailureConfigurationError,
		"bundle-registry-silent":        v1alpha1.FailureConfigurationError,
		"cancelled-finally":             v1alpha1.FailureCancelled,
		"image-pull":                    v1alpha1.FailureImagePullBackOff,
		"matrix-one-fails":              v1alpha1.FailureTaskFailed,
		"missing-param":                 v1alpha1.FailureConfigurationError,
		"pipeline-timeout":              v1alpha1.FailureDeadlineExceeded,
		"pipeline-timeout-term-ignored": v1alpha1.FailureDeadlineExceeded,
		"retries-exhausted":             v1alpha1.FailureTaskFailed,
		"sidecar-image-missing":         v1alpha1.FailureImagePullBackOff,
		// No memory limit was anywhere near: 137 and 255 alone do not mean out of memory.
		"signal-kill":                 v1alpha1.FailureTaskFailed,
		"signal-kill-child":           v1alpha1.FailureTaskFailed,
		"step-exit-code":              v1alpha1.FailureTaskFailed,
		"stopped-finally":             v1alpha1.FailureCancelled,
		"tasks-timeout-field":         v1alpha1.FailureDeadlineExceeded,
		"tasks-timeout-field-finally": v1alpha1.FailureDeadlineExceeded,
		"verification-policy":         v1alpha1.FailureVerificationFailed,
		"workspace-missing":           v1alpha1.FailureConfigurationError,
	}
	for name, want := range tests {
		t.Run(name, func(t *testing.T) {
			if got := Explain(load(t, name).evidence()); got.Reason != want || got.Message == "" {
				t.Errorf("Explain() = %s (%s), want %s", got.Reason, got.Message, want)
			}
		})
	}
}

func TestExplainStepThatFailed(t *testing.T) {
	r := load(t, "step-exit-code")
	ended := *r.PipelineRun.Status.CompletionTime
	want := v1alpha1.FailureDetails{
		Reason:                     v1alpha1.FailureTaskFailed,
		Message:                    "Step main of task apply ended with exit code 3",
		FailedTaskName:             "apply",
		FailedTaskIndex:            new(int32(1)),
		FailedTaskRunName:          "wfe-91947e0b-apply",
		FailedStepName:             "main",
		ExitCode:                   new(int32(3)),
		FailedAt:                   ended,
		ExecutionTimeBeforeFailure: &metav1.Duration{Duration: 11 * time.Second},
		WasExecutionFailure:        true,
	}
	if diff := cmp.Diff(want, Explain(r.evidence())); diff != "" {
		t.Error("(-want, +got):", diff)
	}
}

func TestExplainNamesTheTask(t *testing.T) {
	tests := map[string]struct {
		task  string
		index int32
		// step is empty where Tekton ended the task as a whole and its step states are invented.
		step string
	}{
		"image-pull":       {"apply", 1, ""},
		"matrix-one-fails": {"apply", 0, "main"},
		"pipeline-timeout": {"apply", 1, ""},
		"signal-kill":      {"apply", 1, "main"},
	}
	for name, want := range tests {
		t.Run(name, func(t *testing.T) {
			got := Explain(load(t, name).evidence())
			if got.FailedTaskName != want.task || ptr.Deref(got.FailedTaskIndex, -1) != want.index || got.FailedStepName != want.step {
				t.Errorf("Explain() = %s, %d, %q, want %+v", got.FailedTaskName, ptr.Deref(got.FailedTaskIndex, -1), got.FailedStepName, want)
			}
			if (got.ExitCode != nil) != (want.step != "") {
				t.Error("exit code =", got.ExitCode)
			}
		})
	}
}

func TestExplainWhatTheControllerDid(t *testing.T) {
	// Tekton says Cancelled in both cases; the reason is in what the controller noted on the run.
	evidence := load(t, "cancelled-finally").evidence()
	for _, reason := range []v1alpha1.FailureReason{v1alpha1.FailureDeadlineExceeded, v1alpha1.FailureCancelled} {
		t.Run(string(reason), func(t *testing.T) {
			evidence := evidence
			evidence.CancelReason = reason
			if got := Explain(evidence); got.Reason != reason || !got.WasExecutionFailure {
				t.Errorf("Explain() = %+v", got)
			}
		})
	}
}

func TestExplainRunThatIsGone(t *testing.T) {
	at := metav1.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	tests := map[string]struct {
		evidence Evidence
		want     v1alpha1.FailureReason
	}{
		"deleted by somebody": {Evidence{StartTime: &at, FailedAt: at}, v1alpha1.FailurePipelineRunDeleted},
		// Its start may have happened and not been noted, so that nothing is known.
		"no start was noted":         {Evidence{FailedAt: at}, v1alpha1.FailurePipelineRunDeleted},
		"deleted with its execution": {Evidence{StartTime: &at, FailedAt: at, CancelReason: v1alpha1.FailureCancelled}, v1alpha1.FailureCancelled},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got := Explain(tc.evidence)
			if got.Reason != tc.want || !got.WasExecutionFailure || !got.FailedAt.Equal(&at) {
				t.Errorf("Explain() = %+v", got)
			}
		})
	}
}

func TestStepReasons(t *testing.T) {
	tests := map[string]struct {
		steps string
		want  v1alpha1.FailureReason
		step  string
	}{
		"out of memory, exit 0": {`[{name: a, terminated: {exitCode: 0, reason: OOMKilled}}]`, v1alpha1.FailureOOMKilled, "a"},
		"out of memory, 137":    {`[{name: a, terminated: {exitCode: 137, reason: OOMKilled}}]`, v1alpha1.FailureOOMKilled, "a"},
		"137 and no more":       {`[{name: a, terminated: {exitCode: 137, reason: Error}}]`, v1alpha1.FailureTaskFailed, "a"},
		"the step's own timeout": {
			`[{name: a, terminationReason: TimeoutExceeded, terminated: {exitCode: 1, reason: Error}}]`, v1alpha1.FailureDeadlineExceeded, "a",
		},
		// Steps after the one that failed end with Error and 1 too, without having run.
		"the first, not what it took along": {
			`[{name: a, terminated: {exitCode: 0, reason: Completed}}, {name: b, terminated: {exitCode: 7, reason: Error}},` +
				` {name: c, terminationReason: Skipped, terminated: {exitCode: 1, reason: Error}}]`, v1alpha1.FailureTaskFailed, "b",
		},
		"a step that may fail": {
			`[{name: a, terminationReason: Continued, terminated: {exitCode: 1, reason: Error}},` +
				` {name: b, terminated: {exitCode: 2, reason: Error}}]`, v1alpha1.FailureTaskFailed, "b",
		},
		"a step that hangs":    {`[{name: a, running: {}}]`, v1alpha1.FailureUnknown, ""},
		"words are no reasons": {`[{name: room, terminated: {exitCode: 1, reason: Error, message: "oom timeout forbidden"}}]`, v1alpha1.FailureTaskFailed, "room"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			r := load(t, "step-exit-code")
			for i := range r.TaskRuns {
				if task := &r.TaskRuns[i]; task.IsFailure() {
					task.Status.Steps = nil
					if err := yaml.UnmarshalStrict([]byte(tc.steps), &task.Status.Steps); err != nil {
						t.Fatal(err)
					}
				}
			}
			got := Explain(r.evidence())
			if got.Reason != tc.want || got.FailedStepName != tc.step {
				t.Errorf("Explain() = %s of step %q, want %s of %q", got.Reason, got.FailedStepName, tc.want, tc.step)
			}
		})
	}
}

func TestFirstFailureWins(t *testing.T) {
	// The task that failed first takes others along; they are the consequence. The order in which the
	// API server lists them says nothing.
	failed := func(name string, second int) tektonv1.TaskRun {
		at := metav1.Date(2026, 3, 1, 12, 0, second, 0, time.UTC)
		task := tektonv1.TaskRun{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"tekton.dev/pipelineTask": name}}}
		task.Status.Conditions = duckv1.Conditions{{Type: "Succeeded", Status: "False", Reason: "Failed"}}
		task.Status.CompletionTime = &at
		return task
	}
	run := &tektonv1.PipelineRun{}
	for _, tasks := range [][]tektonv1.TaskRun{
		{failed("cause", 1), failed("effect", 2)}, {failed("effect", 2), failed("cause", 1)},
	} {
		if got := Explain(Evidence{PipelineRun: run, TaskRuns: tasks}); got.FailedTaskName != "cause" {
			t.Error("the failed task is", got.FailedTaskName)
		}
	}
}
