// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package failure

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	duckv1 "knative.dev/pkg/apis/duck/v1"
	"sigs.k8s.io/yaml"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
)

// recorded is what Tekton v1.9.6 really made of a case on a real node, cut down to what matters here. Pods are
// in it as they were last seen, those that are gone included.
type recorded struct {
	PipelineRun *tektonv1.PipelineRun `json:"pipelineRun"`
	TaskRuns    []tektonv1.TaskRun    `json:"taskRuns"`
	Pods        []corev1.Pod          `json:"pods"`
	// StuckPods are the pods while the run was stuck.
	StuckPods []corev1.Pod `json:"stuckPods"`
	// Logs by pod and container.
	Logs map[string]string `json:"logs"`
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
	e := Evidence{
		PipelineRun: r.PipelineRun, TaskRuns: r.TaskRuns, Pods: r.Pods,
		StartTime: r.PipelineRun.Status.StartTime, FailedAt: *r.PipelineRun.Status.CompletionTime,
	}
	if _, pod, container, ok := e.StepToRead(); ok {
		e.Log = r.Logs[pod+"/"+container]
	}
	return e
}

// noted is what the controller has noted by the time the pods are gone.
func (r recorded) noted() Waiting {
	pods := make([]*corev1.Pod, 0, len(r.StuckPods))
	for i := range r.StuckPods {
		pods = append(pods, &r.StuckPods[i])
	}
	return ParseWaiting(WaitsFor(pods).String())
}

var spec = &v1alpha1.WorkflowExecutionSpec{
	WorkflowRef:    v1alpha1.WorkflowRef{WorkflowID: "drain-node", Version: "1.2.0"},
	TargetResource: "node/worker-1",
	Parameters:     map[string]string{"DB_PASSWORD": "correct-horse-battery"},
}

func explain(e Evidence) v1alpha1.FailureDetails { return Explain(spec, e) }

// cases are all recorded failures, so that one that is added is not forgotten.
func cases(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal("no cases:", err)
	}
	var names []string
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".yaml")
		if !load(t, name).PipelineRun.IsSuccessful() {
			names = append(names, name)
		}
	}
	return names
}

// none is the exit code where nobody saw one.
const none = -1

// expected of every recorded case: the reason, where, with which code.
var expected = map[string]struct {
	reason v1alpha1.FailureReason
	task   string
	index  int32
	step   string
	code   int32
}{
	"bundle-registry-down":          {v1alpha1.FailureConfigurationError, "", none, "", none},
	"bundle-registry-silent":        {v1alpha1.FailureConfigurationError, "", none, "", none},
	"cancelled-finally":             {v1alpha1.FailureCancelled, "apply", 1, "main", 255},
	"command-not-found":             {v1alpha1.FailureTaskFailed, "apply", 1, "main", 1},
	"image-pull":                    {v1alpha1.FailureImagePullBackOff, "apply", 1, "main", none},
	"limitrange-max":                {v1alpha1.FailureConfigurationError, "apply", 0, "", none},
	"limitrange-unschedulable":      {v1alpha1.FailureResourceExhausted, "apply", 0, "", none},
	"matrix-one-fails":              {v1alpha1.FailureTaskFailed, "apply", 0, "main", 5},
	"missing-param":                 {v1alpha1.FailureConfigurationError, "", none, "", none},
	"missing-serviceaccount":        {v1alpha1.FailureConfigurationError, "prepare", 0, "", none},
	"node-eviction":                 {v1alpha1.FailureEvicted, "apply", 1, "main", 255},
	"node-eviction-storage":         {v1alpha1.FailureEvicted, "apply", 1, "main", 255},
	"pipeline-timeout":              {v1alpha1.FailureDeadlineExceeded, "apply", 1, "main", 255},
	"pipeline-timeout-term-ignored": {v1alpha1.FailureDeadlineExceeded, "apply", 1, "main", 137},
	"pod-deleted":                   {v1alpha1.FailureCancelled, "apply", 1, "main", 255},
	"rbac-forbidden":                {v1alpha1.FailureForbidden, "apply", 1, "main", 1},
	"retries-exhausted":             {v1alpha1.FailureTaskFailed, "apply", 0, "main", 7},
	"sidecar-image-missing":         {v1alpha1.FailureImagePullBackOff, "apply", 0, "", none},
	// No memory limit was anywhere near: 137 and 255 alone do not mean out of memory.
	"signal-kill":                 {v1alpha1.FailureTaskFailed, "apply", 1, "main", 255},
	"signal-kill-child":           {v1alpha1.FailureTaskFailed, "apply", 1, "main", 137},
	"step-exit-code":              {v1alpha1.FailureTaskFailed, "apply", 1, "main", 3},
	"stopped-finally":             {v1alpha1.FailureCancelled, "", none, "", none},
	"tasks-timeout-field":         {v1alpha1.FailureDeadlineExceeded, "apply", 1, "main", 255},
	"tasks-timeout-field-finally": {v1alpha1.FailureDeadlineExceeded, "apply", 1, "main", 255},
	"verification-policy":         {v1alpha1.FailureVerificationFailed, "", none, "", none},
	"workspace-missing":           {v1alpha1.FailureConfigurationError, "", none, "", none},
}

func TestRecordedCases(t *testing.T) {
	for _, name := range cases(t) {
		t.Run(name, func(t *testing.T) {
			r, want := load(t, name), expected[name]
			got := explain(r.evidence())
			if got.Reason != want.reason || got.FailedTaskName != want.task || ptr.Deref(got.FailedTaskIndex, none) != want.index ||
				got.FailedStepName != want.step || ptr.Deref(got.ExitCode, none) != want.code {
				t.Errorf("Explain() = %s of task %q (%d), step %q, code %d; want %+v", got.Reason, got.FailedTaskName,
					ptr.Deref(got.FailedTaskIndex, none), got.FailedStepName, ptr.Deref(got.ExitCode, none), want)
			}
			if got.WasExecutionFailure != r.UserStepRan {
				t.Errorf("Was anything executed? %t, and it is said %t", r.UserStepRan, got.WasExecutionFailure)
			}
		})
	}
}

// What is left to go by when the pods went before anybody looked.
func TestRecordedCasesWithoutTheirPods(t *testing.T) {
	lost := map[string]v1alpha1.FailureReason{
		// A deleted pod, an evicted one, and a death by a signal look alike then.
		"node-eviction": v1alpha1.FailureUnknown, "node-eviction-storage": v1alpha1.FailureUnknown, "pod-deleted": v1alpha1.FailureUnknown,
		"signal-kill": v1alpha1.FailureUnknown, "signal-kill-child": v1alpha1.FailureUnknown,
		"rbac-forbidden": v1alpha1.FailureTaskFailed,
	}
	for _, name := range cases(t) {
		t.Run(name, func(t *testing.T) {
			r, want := load(t, name), expected[name].reason
			if without, isLost := lost[name]; isLost {
				want = without
			}
			e := r.evidence()
			e.Pods, e.Log, e.WaitingFor = nil, "", r.noted()
			got := explain(e)
			if got.Reason != want {
				t.Errorf("Explain() = %s, want %s", got.Reason, want)
			}
			if got.WasExecutionFailure != r.UserStepRan {
				t.Errorf("Was anything executed? %t, and it is said %t", r.UserStepRan, got.WasExecutionFailure)
			}
		})
	}
}

var update = flag.Bool("update", false, "write the golden files")

// TestWhatIsSaid are texts for people; read the difference before it is accepted.
func TestWhatIsSaid(t *testing.T) {
	var b strings.Builder
	for _, name := range cases(t) {
		got := explain(load(t, name).evidence())
		fmt.Fprintf(&b, "== %s\n%s\n\n%s\n\n", name, got.Message, got.NaturalLanguageSummary)
	}
	const golden = "testdata/said.txt"
	if *update {
		if err := os.WriteFile(golden, []byte(b.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Error("(-want, +got); go test ./pkg/failure -run TestWhatIsSaid -update:", diff)
	}
}

// TestNothingRanIsNeverClaimedFalsely is the safe direction: whoever reads that nothing ran may repeat
// the workflow at once. Less evidence must not make it look better.
func TestNothingRanIsNeverClaimedFalsely(t *testing.T) {
	for _, name := range cases(t) {
		r := load(t, name)
		if !r.UserStepRan {
			continue
		}
		for less, remove := range map[string]func(*Evidence){
			"without pods":            func(e *Evidence) { e.Pods = nil },
			"without TaskRuns":        func(e *Evidence) { e.TaskRuns = nil },
			"without either":          func(e *Evidence) { e.TaskRuns, e.Pods = nil, nil },
			"without the PipelineRun": func(e *Evidence) { e.PipelineRun, e.StartTime = nil, nil },
			"without permission": func(e *Evidence) {
				e.TaskRuns, e.Pods, e.Gaps = nil, nil, []Gap{{What: KindTaskRuns}, {What: KindPods}}
			},
			"without statuses of pods": func(e *Evidence) {
				for i := range e.Pods {
					e.Pods[i].Status = corev1.PodStatus{Phase: corev1.PodFailed}
				}
			},
		} {
			t.Run(name+" "+less, func(t *testing.T) {
				e := load(t, name).evidence()
				remove(&e)
				if !explain(e).WasExecutionFailure {
					t.Error("a user step ran, and it is denied")
				}
			})
		}
	}
}

func TestExplainWhatTheControllerDid(t *testing.T) {
	// Tekton says Cancelled in both cases; the reason is in what the controller noted on the run.
	evidence := load(t, "cancelled-finally").evidence()
	for _, reason := range []v1alpha1.FailureReason{v1alpha1.FailureDeadlineExceeded, v1alpha1.FailureCancelled} {
		t.Run(string(reason), func(t *testing.T) {
			evidence := evidence
			evidence.CancelReason = reason
			if got := explain(evidence); got.Reason != reason || !got.WasExecutionFailure {
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
			got := explain(tc.evidence)
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
		// Its pod, which is still there, knows how it ended.
		"a step that was seen at work last": {`[{name: main, running: {}}]`, v1alpha1.FailureTaskFailed, "main"},
		"words are no reasons":              {`[{name: room, terminated: {exitCode: 1, reason: Error, message: "oom timeout forbidden"}}]`, v1alpha1.FailureTaskFailed, "room"},
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
			got := explain(r.evidence())
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
		if got := explain(Evidence{PipelineRun: run, TaskRuns: tasks}); got.FailedTaskName != "cause" {
			t.Error("the failed task is", got.FailedTaskName)
		}
	}
}
