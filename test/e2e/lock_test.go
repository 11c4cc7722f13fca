// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"testing"
	"time"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/rand"
	"k8s.io/apimachinery/pkg/util/wait"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/test/processes"
)

const (
	// markVariable of a step's environment says whose step it is.
	markVariable = "E2E_MARK"

	// retryInterval is the time between two executions that try to get a target.
	retryInterval = 2 * time.Second

	// handoverPatience covers a timeout, what the kubelet gives a container that ignores its termination, and the
	// start of the successor, on a machine that has other things to do.
	handoverPatience = 6 * time.Minute

	// Its step works until the kubelet kills it. Its own mark tells it from Tekton's entrypoint, which can be ended.
	stubbornTasks = `
params: [{name: MARK, type: string}]
tasks:
- name: work
  taskSpec:
    steps:
    - name: main
      image: $(IMAGE)
      env: [{name: E2E_MARK, value: $(params.MARK)}]
      script: |
        #!/bin/sh
        trap '' TERM
        exec env "E2E_MARK=$E2E_MARK/working" sh -c 'while :; do sleep 1; done'
finally:
- name: tidy
  taskSpec:
    steps:
    - name: main
      image: $(IMAGE)
      env: [{name: E2E_MARK, value: $(params.MARK)/finally}]
      script: |
        #!/bin/sh
        sleep 2
`
	quickTasks = `
params: [{name: MARK, type: string}]
tasks:
- name: work
  taskSpec:
    steps:
    - name: main
      image: $(IMAGE)
      env: [{name: E2E_MARK, value: $(params.MARK)}]
      script: |
        #!/bin/sh
        sleep 2
`
)

// ending is a way in which a running execution ends before its workflow does.
type ending struct {
	timeout time.Duration
	// end is nil if time ends it.
	end     func(*testing.T, *v1alpha1.WorkflowExecution)
	finally bool
	// reason of the failure, empty if the execution is gone in the end.
	reason v1alpha1.FailureReason
}

var (
	byTimeout  = ending{timeout: time.Minute, finally: true, reason: v1alpha1.FailureDeadlineExceeded}
	byDeletion = ending{end: deleteExecution, finally: true}
	// byCancellation is that of the run itself.
	byCancellation = ending{
		end: cancelBy(tektonv1.PipelineRunSpecStatusCancelledRunFinally), finally: true, reason: v1alpha1.FailureCancelled,
	}
)

// testLock looks at the processes of two executions on one target: those of the second begin after those of the first
// have ended, although the first ignores its termination.
func testLock(t *testing.T) {
	record := processes.Watch(t.Context(), markVariable)
	stubborn, quick := push(t, "stubborn", stubbornTasks), push(t, "quick", quickTasks)
	for name, ending := range map[string]ending{
		"Timeout":             byTimeout,
		"Deletion":            byDeletion,
		"CancelledRunFinally": byCancellation,
		"Cancelled":           {end: cancelBy(tektonv1.PipelineRunSpecStatusCancelled), reason: v1alpha1.FailureCancelled},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first := startStubborn(t, record, newNamespace(t), "first", stubborn, ending)
			if ending.end != nil {
				ending.end(t, first)
			}
			second := takeTargetInVain(t, first, quick)
			expectSuccession(t, record, first, second, ending)
		})
	}
}

// markOf is what the processes of an execution's steps carry.
func markOf(wfe *v1alpha1.WorkflowExecution) string { return wfe.Namespace + "/" + wfe.Name }

// workingMark is what those carry that execute the script of stubbornTasks, and finallyMark those of its finally task.
func workingMark(wfe *v1alpha1.WorkflowExecution) string { return markOf(wfe) + "/working" }
func finallyMark(wfe *v1alpha1.WorkflowExecution) string { return markOf(wfe) + "/finally" }

func marked(wfe *v1alpha1.WorkflowExecution) *v1alpha1.WorkflowExecution {
	wfe.Spec.Parameters = map[string]string{"MARK": markOf(wfe)}
	return wfe
}

// startStubborn returns when the step of the execution works.
func startStubborn(t *testing.T, record *processes.Record, namespace, name, bundle string, e ending) *v1alpha1.WorkflowExecution {
	t.Helper()
	wfe := marked(execution(namespace, name, bundle))
	if e.timeout != 0 {
		wfe.Spec.ExecutionConfig = &v1alpha1.ExecutionConfig{Timeout: &metav1.Duration{Duration: e.timeout}}
	}
	wfe = submit(t, wfe)
	eventually(t, "the step of "+markOf(wfe)+" to work", func(context.Context) (bool, error) {
		return record.IsAlive(workingMark(wfe)), nil
	})
	return wfe
}

// takeTargetInVain is takeTarget where the first is known to keep its target for a while.
func takeTargetInVain(t *testing.T, first *v1alpha1.WorkflowExecution, bundle string) *v1alpha1.WorkflowExecution {
	t.Helper()
	second, attempts := takeTarget(t, first, bundle)
	if attempts == 1 {
		t.Errorf("%s had ended before anybody else could want its target", first.Name)
	}
	return second
}

// takeTarget submits one execution after the other on the target of the first until one is not skipped, and returns
// that one and how many it took. All others have to be skipped because of the first.
func takeTarget(t *testing.T, first *v1alpha1.WorkflowExecution, bundle string) (second *v1alpha1.WorkflowExecution, attempts int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), handoverPatience)
	defer cancel()
	ticker := time.NewTicker(retryInterval)
	defer ticker.Stop()
	for attempts = 1; ; attempts++ {
		second = tryTarget(t, first, bundle)
		if second.Status.Phase != v1alpha1.PhaseSkipped {
			t.Logf("%s has the target of %s at attempt %d", second.Name, first.Name, attempts)
			return second, attempts
		}
		expectBusy(t, second, first)
		select {
		case <-ctx.Done():
			t.Fatalf("%s keeps its target: %v", first.Name, ctx.Err())
		case <-ticker.C:
		}
	}
}

// tryTarget submits an execution of another workflow on the target of the first, and waits until it runs or is over.
func tryTarget(t *testing.T, first *v1alpha1.WorkflowExecution, bundle string) *v1alpha1.WorkflowExecution {
	t.Helper()
	wfe := marked(execution(first.Namespace, first.Name+"-next-"+rand.String(5), bundle))
	wfe.Spec.TargetResource = first.Spec.TargetResource
	wfe.Spec.WorkflowRef.WorkflowID = "quick"
	return await(t, submit(t, wfe), "its start or its end", func(wfe *v1alpha1.WorkflowExecution) bool {
		return wfe.Status.HasStarted() || wfe.Status.IsTerminal()
	})
}

func expectBusy(t *testing.T, skipped, holder *v1alpha1.WorkflowExecution) {
	t.Helper()
	details := skipped.Status.SkipDetails
	if details == nil || details.Reason != v1alpha1.SkipResourceBusy {
		t.Fatalf("%s ended as %s: %+v %+v", skipped.Name, skipped.Status.Phase, details, skipped.Status.FailureDetails)
	}
	if by := details.ConflictingWorkflow; by == nil || by.Namespace != holder.Namespace || by.Name != holder.Name {
		t.Errorf("%s was skipped because of %+v, want %s", skipped.Name, by, holder.Name)
	}
}

// expectSuccession waits for the end of both and judges when their processes were alive.
func expectSuccession(t *testing.T, record *processes.Record, first, second *v1alpha1.WorkflowExecution, e ending) {
	t.Helper()
	if ended := awaitEnd(t, second); ended.Status.Phase != v1alpha1.PhaseCompleted {
		t.Errorf("%s ended as %s: %+v", second.Name, ended.Status.Phase, ended.Status.FailureDetails)
	}
	expectEnding(t, first, e)
	samples, err := record.Samples()
	if err != nil {
		t.Errorf("not everything was seen: %v", err)
	}
	marks := []string{markOf(first), workingMark(first), finallyMark(first)}
	apart, err := processes.Succession(samples, marks, []string{markOf(second)})
	if err != nil {
		t.Error(err)
	}
	t.Logf("the first process of %s was seen %s after the last of %s", second.Name, apart, first.Name)
	if finally := record.Saw(finallyMark(first)); finally != e.finally {
		t.Errorf("finally task of %s seen: %t, want %t", first.Name, finally, e.finally)
	}
	if others := processes.Unexpected(samples, markOf(first), append(marks, markOf(second))); others != nil {
		t.Errorf("processes of %v, which were skipped", others)
	}
}

func expectEnding(t *testing.T, wfe *v1alpha1.WorkflowExecution, e ending) {
	t.Helper()
	if e.reason == "" {
		eventually(t, wfe.Name+" to be gone", func(ctx context.Context) (bool, error) {
			_, err := w.Executions.KubernautV1alpha1().WorkflowExecutions(wfe.Namespace).Get(ctx, wfe.Name, metav1.GetOptions{})
			if apierrors.IsNotFound(err) {
				return true, nil
			}
			return false, err
		})
		return
	}
	status := awaitEnd(t, wfe).Status
	if status.FailureDetails == nil || status.FailureDetails.Reason != e.reason || !status.FailureDetails.WasExecutionFailure {
		t.Errorf("%s ended as %s: %+v, want %s", wfe.Name, status.Phase, status.FailureDetails, e.reason)
	}
}

func deleteExecution(t *testing.T, wfe *v1alpha1.WorkflowExecution) {
	t.Helper()
	if err := w.Executions.KubernautV1alpha1().WorkflowExecutions(wfe.Namespace).Delete(t.Context(), wfe.Name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
}

// cancelBy cancels the run itself, as an administrator would who does not know of executions.
func cancelBy(status tektonv1.PipelineRunSpecStatus) func(*testing.T, *v1alpha1.WorkflowExecution) {
	return func(t *testing.T, wfe *v1alpha1.WorkflowExecution) {
		t.Helper()
		ref := await(t, wfe, "its run", func(wfe *v1alpha1.WorkflowExecution) bool { return wfe.Status.PipelineRunRef != nil }).Status.PipelineRunRef
		patch := []byte(`{"spec":{"status":"` + string(status) + `"}}`)
		_, err := w.Tekton.TektonV1().PipelineRuns(ref.Namespace).Patch(t.Context(), ref.Name, types.MergePatchType, patch, metav1.PatchOptions{})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func eventually(t *testing.T, what string, is wait.ConditionWithContextFunc) {
	t.Helper()
	if err := wait.PollUntilContextTimeout(t.Context(), 100*time.Millisecond, patience, true, is); err != nil {
		t.Fatalf("waiting for %s: %v", what, err)
	}
}
