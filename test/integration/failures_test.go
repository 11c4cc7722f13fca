// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"slices"
	"strings"
	"testing"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"sigs.k8s.io/yaml"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/test/install"
)

// A failingCase is a workflow that Tekton really runs, and really reports as failed. What its rows want is
// what a person would say who had watched the cluster.
type failingCase struct {
	name string
	workflow
	options []option
	// image names a bundle that is not the workflow's own.
	image string
	// prepare puts into the cluster what the case needs, before the execution is submitted.
	prepare func(t *testing.T, image string)
	// meanwhile does to the running workflow what somebody does.
	meanwhile func(*testing.T, *v1alpha1.WorkflowExecution)
	want      explanation
}

// explanation is what the details of a failure are to say.
type explanation struct {
	// reason is the one of them, or one of them where the evidence leaves it open.
	reason   []v1alpha1.FailureReason
	place    place
	executed bool
	// says are words of the message: the cause, by its name.
	says []string
	// logged is part of the log's end.
	logged string
	// waited is a word of what the run was seen to wait for.
	waited string
}

// place is where it failed; the zero one is nowhere.
type place struct {
	task  string
	index int32
	step  string
	code  int32
	// open leaves unsaid what is not given here.
	open bool
}

func because(reasons ...v1alpha1.FailureReason) explanation { return explanation{reason: reasons} }

func (e explanation) ran() explanation {
	e.executed = true
	return e
}

// in names the pipeline task, by its index too, and says that none of its steps is to blame.
func (e explanation) in(task string, index int32) explanation {
	e.place = place{task: task, index: index}
	return e
}

func (e explanation) at(step string, code int32) explanation {
	e.place.step, e.place.code = step, code
	return e
}

// somewhere leaves open what was not named so far.
func (e explanation) somewhere() explanation {
	e.place.open = true
	return e
}

func (e explanation) saying(words ...string) explanation {
	e.says = words
	return e
}

func (e explanation) waitingFor(word string) explanation {
	e.waited = word
	return e
}

func (e explanation) logging(words string) explanation {
	e.logged = words
	return e
}

func runFailures(t *testing.T, rows []failingCase) {
	t.Helper()
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			row.run(t)
		})
	}
}

func (c *failingCase) run(t *testing.T) {
	t.Helper()
	image := c.image
	if image == "" {
		image, _ = c.push(t, bundle(t))
	}
	if c.prepare != nil {
		c.prepare(t, image)
	}
	wfe := submit(t, newExecution(newNamespace(t), "api", image, c.options...))
	if c.meanwhile != nil {
		wfe = awaitPhase(t, wfe, v1alpha1.PhaseRunning)
		c.meanwhile(t, wfe)
	}
	wfe = awaitPhase(t, wfe, v1alpha1.PhaseFailed)
	c.want.check(t, wfe)
	if t.Failed() {
		logEvidence(t, wfe)
	}
	if isLocked(t, wfe) {
		t.Error("the target is still locked")
	}
}

func (e explanation) check(t *testing.T, wfe *v1alpha1.WorkflowExecution) {
	t.Helper()
	got := wfe.Status.FailureDetails
	if got == nil {
		t.Fatal("it failed without details")
	}
	if !slices.Contains(e.reason, got.Reason) {
		t.Errorf("the reason is %s, expected %v", got.Reason, e.reason)
	}
	e.place.check(t, got)
	expect(t, "executed", e.executed, got.WasExecutionFailure)
	for _, word := range e.says {
		if !strings.Contains(got.Message, word) {
			t.Errorf("the message does not say %q", word)
		}
	}
	if !strings.Contains(got.LogTail, e.logged) {
		t.Errorf("the log's end does not have %q: %q", e.logged, got.LogTail)
	}
	if waited := wfe.Status.PipelineRunStatus; e.waited != "" && (waited == nil || !strings.Contains(waited.WaitingFor, e.waited)) {
		t.Errorf("it is not said to have waited for %q: %+v", e.waited, waited)
	}
}

func (p place) check(t *testing.T, got *v1alpha1.FailureDetails) {
	t.Helper()
	if p.task != "" || !p.open {
		expect(t, "task", p.task, got.FailedTaskName)
		expect(t, "index", known(p.index, p.task), got.FailedTaskIndex)
	}
	if p.step != "" || !p.open {
		expect(t, "step", p.step, got.FailedStepName)
		expect(t, "exit code", known(p.code, p.step), got.ExitCode)
	}
}

// logEvidence tells what Tekton reports of the run, as far as it is still there.
func logEvidence(t *testing.T, wfe *v1alpha1.WorkflowExecution) {
	t.Helper()
	t.Logf("message: %s", wfe.Status.FailureDetails.Message)
	for _, run := range runsOf(t, wfe) {
		t.Logf("run: %s", asYAML(t, run.Status.Conditions))
	}
	taskRuns, err := world.Tekton.TektonV1().TaskRuns(install.ExecutionNamespace).List(t.Context(), childrenOf(wfe))
	must(t, err)
	for _, task := range taskRuns.Items {
		t.Logf("TaskRun %s: %s", task.Name, asYAML(t, map[string]any{
			"conditions": task.Status.Conditions, "steps": task.Status.Steps, "completionTime": task.Status.CompletionTime,
		}))
	}
}

func asYAML(t *testing.T, object any) string {
	t.Helper()
	data, err := yaml.Marshal(object)
	must(t, err)
	return string(data)
}

// known is a number of something that has a name, nil without.
func known(number int32, name string) *int32 {
	if name == "" {
		return nil
	}
	return &number
}

// eachTask changes all tasks of a Pipeline.
func eachTask(change func(*tektonv1.PipelineTask)) func(*tektonv1.PipelineSpec) {
	return func(spec *tektonv1.PipelineSpec) {
		for i := range spec.Tasks {
			change(&spec.Tasks[i])
		}
	}
}

// steps gives all tasks of a Pipeline these steps.
func steps(names ...string) func(*tektonv1.PipelineSpec) {
	return eachTask(func(task *tektonv1.PipelineTask) {
		like := task.TaskSpec.Steps[0]
		task.TaskSpec.Steps = nil
		for _, name := range names {
			like.Name = name
			task.TaskSpec.Steps = append(task.TaskSpec.Steps, like)
		}
	})
}

// requests has every task ask for an amount of a resource.
func requests(name corev1.ResourceName, amount string) func(*tektonv1.PipelineSpec) {
	return eachTask(func(task *tektonv1.PipelineTask) { requestOf(task, name, amount) })
}

func requestOf(task *tektonv1.PipelineTask, name corev1.ResourceName, amount string) {
	quantity := corev1.ResourceList{name: resource.MustParse(amount)}
	task.TaskSpec.Steps[0].ComputeResources = corev1.ResourceRequirements{Requests: quantity, Limits: quantity}
}

func withServiceAccount(name string) option {
	return func(wfe *v1alpha1.WorkflowExecution) {
		wfe.Spec.ExecutionConfig = &v1alpha1.ExecutionConfig{ServiceAccountName: name}
	}
}
