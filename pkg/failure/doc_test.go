// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package failure

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
)

const (
	docPath    = "../../docs/failure-reasons.md"
	docCommand = "go test ./pkg/failure -run TestFailureReasonsDoc -update"

	ranNothing  = "nothing of that task"
	ranPerhaps  = "what its steps and pods say"
	ranProbably = "yes, or it is not known"
)

// row is what one reason of Tekton or Kubernetes comes to.
type row struct {
	who, reports string
	reason       v1alpha1.FailureReason
	ran          string
}

// rows are all reasons that the classifier knows, from the maps that it goes by.
func rows() []row {
	var all []row
	for r, reason := range refusedRuns {
		all = append(all, row{"PipelineRun", string(r), reason, "no, unless tasks had run before"})
	}
	for r, reason := range endedRuns {
		all = append(all, row{"PipelineRun", string(r), reason, ranPerhaps})
	}
	for r, reason := range taskReasons {
		ran := ranPerhaps
		if refusedBeforePod[r] || stuckPods[r] || r == reasonInitContainerOOM {
			ran = ranNothing
		}
		all = append(all, row{"TaskRun", string(r), reason, ran})
	}
	for r, reason := range podReasons {
		all = append(all, row{"pod", r, reason, ranPerhaps})
	}
	for r, reason := range waitingReasons {
		all = append(all, row{"waiting", r, reason, ranNothing})
	}
	for r := range neverStarted {
		all = append(all, row{"container", r, v1alpha1.FailureConfigurationError, ranNothing})
	}
	all = append(all,
		row{"waiting", "anything else, as ContainerCreating or PodInitializing: a volume that is never mounted, which only the pod's events name", v1alpha1.FailureDeadlineExceeded, ranNothing},
		row{"pod", outOf + "cpu, " + outOf + "memory, …", podReason(outOf), ranNothing},
		row{"pod", "condition DisruptionTarget, before the step ended", v1alpha1.FailureEvicted, ranPerhaps},
		row{"pod", "deleted while a step worked (exit code 137, 143 or 255)", v1alpha1.FailureCancelled, ranPerhaps},
		row{"pod", "gone, and a step ended with 137, 143 or 255", v1alpha1.FailureUnknown, ranProbably},
		row{"pod", "an init container failed", v1alpha1.FailureConfigurationError, ranNothing},
		row{"container", oomKilled, v1alpha1.FailureOOMKilled, ranPerhaps},
		row{"step", timeoutExceeded, v1alpha1.FailureDeadlineExceeded, ranProbably},
		row{"step", "an exit code that is not 0", v1alpha1.FailureTaskFailed, ranProbably},
		row{"step", "the same, and an API server's refusal in its log", v1alpha1.FailureForbidden, ranProbably},
		row{"CustomRun", "any failure", v1alpha1.FailureTaskFailed, ranProbably},
		row{"nobody", "the PipelineRun is gone", v1alpha1.FailurePipelineRunDeleted, ranProbably},
		row{"nobody", "anything else", v1alpha1.FailureUnknown, ranPerhaps},
	)
	order := []string{"PipelineRun", "TaskRun", "CustomRun", "waiting", "pod", "container", "step", "nobody"}
	slices.SortFunc(all, func(a, b row) int {
		return cmp.Or(cmp.Compare(slices.Index(order, a.who), slices.Index(order, b.who)), cmp.Compare(a.reports, b.reports))
	})
	return all
}

var whatWasDone = regexp.MustCompile(`(?m)^# What: (.*)$`)

func document(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	b.WriteString(`# Why a workflow failed

` + "`status.failureDetails`" + ` of a failed execution says it. This page is made from the tables that the classifier goes by, and from
failures that were recorded on a real node; ` + "`make generate`" + ` writes it.

` + "`wasExecutionFailure`" + ` is true if a step of the user began to execute in any task of the run, or if that cannot be ruled out.
Whether one began is the entrypoint's own word in the termination message of its container; a container that was started
is not yet a step that ran, since Tekton's entrypoint waits for its turn. What has gone, what may not be read and what was
killed before it could say anything counts as "may have run".

When the time of a run is up, Tekton says only that. What a pod waited for until then is noted while it waits, in
` + "`status.pipelineRunStatus.waitingFor`" + `, and it is the reason if nothing else failed. ` + "`logTail`" + ` are the last lines of the step that
failed (` + "`log-tail-lines`" + `, at most 4 KiB, without secrets), if its pod was still there. What the controller could not read
stands at the end of ` + "`message`" + `. A text of others is cut after 4 KiB, where ` + "`… (cut)`" + ` says so: Tekton repeats whole parameters.

A ` + "`finally`" + ` task that never started is named in ` + "`message`" + ` and in the summary, with what it waited for: what it puts right (a node that is
to be uncordoned, say) is still to be done. It is named only where that is certain, so that one of which nobody knows is not. What it
waited for is the reason of the failure only if all other tasks had succeeded.

## What to do

| reason | it means | what follows |
|---|---|---|
`)
	for _, reason := range slices.Sorted(maps.Keys(reasonNames)) {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", reason, reasonNames[reason], strings.TrimPrefix(nextSteps[reason], "Next: "))
	}
	b.WriteString(`
Where nothing was started, because the PipelineRun could not be created or started, some of them mean another thing to do:

| reason | what follows |
|---|---|
`)
	for _, reason := range slices.Sorted(maps.Keys(nextStepsUnstarted)) {
		fmt.Fprintf(&b, "| `%s` | %s |\n", reason, strings.TrimPrefix(nextStepsUnstarted[reason], "Next: "))
	}
	b.WriteString(`
## What Tekton and Kubernetes report, and what is made of it

"Waiting" is what a pod, one of its containers or a TaskRun without a pod waits for until its time is up.

| who | reports | reason | was anything run? |
|---|---|---|---|
`)
	for _, r := range rows() {
		fmt.Fprintf(&b, "| %s | %s | `%s` | %s |\n", r.who, r.reports, r.reason, r.ran)
	}
	b.WriteString(`
A TaskRun that somebody deletes is made again by Tekton, and so is a pod that was deleted by force: the step may be executed a
second time, and the run may succeed. The target stays locked meanwhile.

## Recorded failures

Each was brought about on a real node with Tekton v1.9.6 and is a test. ` + "`make e2e`" + ` brings about most of them again, and others,
on a node of its own: ` + "`test/e2e/failures_*_test.go`" + ` has them.

| what was done | Tekton's reason | reason | was anything run? |
|---|---|---|---|
`)
	for _, name := range cases(t) {
		text, err := os.ReadFile("testdata/" + name + ".yaml")
		if err != nil {
			t.Fatal(err)
		}
		r := load(t, name)
		got, ran := explain(r.evidence()), "no"
		if got.WasExecutionFailure {
			ran = "yes"
		}
		fmt.Fprintf(&b, "| %s | %s | `%s` | %s |\n", strings.TrimSuffix(whatWasDone.FindStringSubmatch(string(text))[1], "."),
			reported(r), got.Reason, ran)
	}
	return b.String()
}

// reported are Tekton's reasons for the run, and for the task that failed.
func reported(r recorded) string {
	e := r.evidence()
	reasons := []string{string(runReason(r.PipelineRun))}
	if f := e.firstFailed(); f != nil && f.custom == nil {
		reasons = append(reasons, string(f.reason()))
	}
	return strings.Join(slices.Compact(reasons), ", ")
}

// TestFailureReasonsDoc keeps the documentation what the code does.
func TestFailureReasonsDoc(t *testing.T) {
	got := document(t)
	if *update {
		if err := os.WriteFile(docPath, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(docPath)
	if err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff(string(want), got); diff != "" {
		t.Errorf("(-want, +got); %s:\n%s", docCommand, diff)
	}
}

// Every reason of Tekton that ends a TaskRun badly is known, so that a change of the pinned version is noticed.
func TestTaskReasonsAreKnown(t *testing.T) {
	for _, reason := range []tektonv1.TaskRunReason{
		tektonv1.TaskRunReasonCancelled, tektonv1.TaskRunReasonTimedOut, tektonv1.TaskRunReasonImagePullFailed,
		tektonv1.TaskRunReasonCreateContainerConfigError, tektonv1.TaskRunReasonPodCreationFailed,
		tektonv1.TaskRunReasonResourceVerificationFailed, tektonv1.TaskRunReasonFailedResolution,
		tektonv1.TaskRunReasonFailedValidation, tektonv1.TaskRunReasonTaskFailedValidation, tektonv1.TaskRunReasonInvalidParamValue,
	} {
		if taskReasons[reason] == "" {
			t.Errorf("%s is not known", reason)
		}
	}
}
