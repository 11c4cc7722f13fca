// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
)

// failuresAtOnce is how many failing workflows run side by side, so that each gets its share of the processors.
const failuresAtOnce = 6

// A failure is a workflow that fails for a cause that is real, and what docs/failure-reasons.md says of such.
type failure struct {
	name string
	// tasks of the Pipeline, as YAML.
	tasks string
	// bundle makes the reference of a bundle that is not made of the tasks.
	bundle func(*testing.T) string
	change func(*v1alpha1.WorkflowExecution)
	// prepare makes what is in the way of the workflow.
	prepare func(*testing.T)
	// meanwhile does something to the workflow when its step "main" works.
	meanwhile func(t *testing.T, run, pod string)
	// again tells that the step is one that runs twice: Tekton, on finding no pod, may execute it a second time.
	again bool
	want  explanation
}

// explanation is what the details of a failure are to say.
type explanation struct {
	// reasons has the one of them, or several where the evidence leaves it open.
	reasons  []v1alpha1.FailureReason
	executed bool
	task     string
	// index of the task in the pipeline.
	index int32
	step  string
	// codes has the exit code of the step, or several where it depends on who was faster.
	codes []int32
	// open leaves unsaid what is not given here: a step that was ended is known only if its pod was seen in time.
	open bool
	// says are words of the message: the cause, by its name.
	says []string
	// logged is part of the log's end.
	logged string
}

func because(reasons ...v1alpha1.FailureReason) explanation { return explanation{reasons: reasons} }

func (e explanation) ran() explanation {
	e.executed = true
	return e
}

// in names the pipeline task, and says that no step of it is to blame.
func (e explanation) in(task string, index int32) explanation {
	e.task, e.index = task, index
	return e
}

func (e explanation) at(step string, codes ...int32) explanation {
	e.step, e.codes = step, codes
	return e
}

// somewhere leaves open what was not named so far.
func (e explanation) somewhere() explanation {
	e.open = true
	return e
}

func (e explanation) saying(words ...string) explanation {
	e.says = words
	return e
}

func (e explanation) logging(words string) explanation {
	e.logged = words
	return e
}

func testFailures(t *testing.T) {
	namespace := newNamespace(t)
	var lanes errgroup.Group
	lanes.SetLimit(failuresAtOnce)
	// What takes longest comes first.
	for i, row := range slices.Concat(failuresByTimeout(), failuresFromOutside(), failuresToStartAPod(), failuresOfAStep(), failuresToBegin()) {
		lanes.Go(func() error {
			t.Run(row.name, func(t *testing.T) { row.run(t, namespace, fmt.Sprintf("failure-%d", i)) })
			return nil
		})
	}
	_ = lanes.Wait()
}

func (f *failure) run(t *testing.T, namespace, name string) {
	if f.prepare != nil {
		f.prepare(t)
	}
	wfe := execution(namespace, name, f.place(t, name))
	if f.change != nil {
		f.change(wfe)
	}
	wfe = submit(t, wfe)
	t.Cleanup(func() {
		if t.Failed() {
			logRun(t, wfe)
		}
	})
	if f.meanwhile != nil {
		wfe = await(t, wfe, "its start", func(wfe *v1alpha1.WorkflowExecution) bool { return wfe.Status.Phase == v1alpha1.PhaseRunning })
		run := wfe.Status.PipelineRunRef.Name
		pod := awaitWork(t, run)
		if f.again {
			signal(t, run)
		}
		f.meanwhile(t, run, pod)
	}
	wfe = awaitEnd(t, wfe)
	if wfe.Status.Phase != v1alpha1.PhaseFailed || wfe.Status.FailureDetails == nil {
		t.Fatalf("phase %s with details %v, expected a failure", wfe.Status.Phase, wfe.Status.FailureDetails)
	}
	want, got := f.want, wfe.Status.FailureDetails
	if f.again && got.ExitCode != nil && *got.ExitCode == secondTime {
		want = because(v1alpha1.FailureTaskFailed).ran().in("repair", 0).at("main", secondTime)
	}
	want.check(t, got)
}

// place is where the bundle is, which is pushed unless there is something about it.
func (f *failure) place(t *testing.T, name string) string {
	if f.bundle == nil {
		return push(t, name, strings.ReplaceAll(f.tasks, "$(REGISTRY)", w.Cluster.Registry()))
	}
	return f.bundle(t)
}

func (e explanation) check(t *testing.T, got *v1alpha1.FailureDetails) {
	t.Helper()
	if !slices.Contains(e.reasons, got.Reason) {
		t.Errorf("reason %s, expected %v", got.Reason, e.reasons)
	}
	if got.WasExecutionFailure != e.executed {
		t.Errorf("wasExecutionFailure %t", got.WasExecutionFailure)
	}
	if !strings.Contains(got.NaturalLanguageSummary, "No step of the workflow was executed") != e.executed {
		t.Errorf("the summary says something else of what was executed: %s", got.NaturalLanguageSummary)
	}
	e.checkPlace(t, got)
	for _, word := range e.says {
		if !strings.Contains(got.Message, word) {
			t.Errorf("the message does not say %q", word)
		}
	}
	if !strings.Contains(got.LogTail, e.logged) {
		t.Errorf("the log's end does not have %q: %q", e.logged, got.LogTail)
	}
	t.Logf("message: %s", got.Message)
}

func (e explanation) checkPlace(t *testing.T, got *v1alpha1.FailureDetails) {
	t.Helper()
	if e.task != "" || !e.open {
		if got.FailedTaskName != e.task || e.task != "" && (got.FailedTaskIndex == nil || *got.FailedTaskIndex != e.index) {
			t.Errorf("task %q with index %s, expected %q with %d", got.FailedTaskName, known(got.FailedTaskIndex), e.task, e.index)
		}
	}
	if e.step != "" || !e.open {
		if got.FailedStepName != e.step || e.step != "" && (got.ExitCode == nil || !slices.Contains(e.codes, *got.ExitCode)) {
			t.Errorf("step %q with exit code %s, expected %q with %d", got.FailedStepName, known(got.ExitCode), e.step, e.codes)
		}
	}
}

func known(number *int32) string {
	if number == nil {
		return "unknown"
	}
	return strconv.Itoa(int(*number))
}
