// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"fmt"
	"testing"
	"time"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/pkg/reconciler/pipelinerun/resources/names"
	"kubernaut.ai/workflowexecution/test/install"
)

const (
	outageExecutions = 200
	outage           = 60 * time.Second
	// afterOutage is how soon all executions are followed again.
	afterOutage = 15 * time.Second
	// duringOutage is the timeout of each fourth execution, which ends while the API server is away.
	duringOutage   = 90 * time.Second
	beforeDeadline = 20 * time.Second
)

// The API server is away for a minute in the middle of 200 running executions. Deadlines that pass meanwhile are kept
// as soon as it is back, and what the runs report then is noticed. Tekton's controller is away all the time, so that the
// runs do what the test says, and no pods take the machine's time.
func TestOutageOfTheAPIServer(t *testing.T) {
	replace(t, 1) // with the election of a leader, as it is shipped
	stopTekton(t)
	image, _ := workflow{tasks: []string{"repair"}}.push(t, bundle(t))
	namespace := newNamespace(t)
	late := submitForOutage(t, namespace, image)
	first, last := awaitAllStarted(t, namespace)

	awaitTime(t, first.Add(duringOutage-beforeDeadline))
	must(t, world.Cluster.StopAPIServer())
	awaitTime(t, time.Now().Add(outage))
	must(t, world.Cluster.StartAPIServer(t.Context()))
	returned := time.Now()

	group, ctx := errgroup.WithContext(t.Context())
	group.Go(func() error {
		due := last.Add(duringOutage)
		if due.Before(returned) {
			due = returned
		}
		return awaitCancelled(ctx, late, due.Add(afterOutage))
	})
	group.Go(func() error {
		if err := reportSuccess(ctx, namespace, late); err != nil {
			return err
		}
		return awaitCompleted(ctx, namespace, outageExecutions-len(late))
	})
	must(t, group.Wait())
	t.Logf("all were followed again %s after the API server was back", time.Since(returned).Round(time.Second))
	reportCancelled(t, late)
}

// stopTekton stops Tekton's controller until the test is over.
func stopTekton(t *testing.T) {
	t.Helper()
	const controller = "tekton-controller"
	process := world.Cluster.Process(controller)
	must(t, process.Kill())
	<-process.Done()
	t.Cleanup(func() {
		_, err := world.Cluster.Restart(controller)
		must(t, err)
	})
}

// submitForOutage tells the names of the runs whose time will be up.
func submitForOutage(t *testing.T, namespace, image string) (late map[string]bool) {
	t.Helper()
	late = map[string]bool{}
	for i := range outageExecutions {
		timeout := time.Hour
		if i%4 == 0 {
			timeout = duringOutage
		}
		wfe := submit(t, newExecution(namespace, fmt.Sprintf("outage-%03d", i), image, withTimeout(timeout)))
		if i%4 == 0 {
			late[names.PipelineRun(wfe)] = true
		}
	}
	return late
}

// awaitAllStarted tells when the first and the last of them were.
func awaitAllStarted(t *testing.T, namespace string) (first, last time.Time) {
	t.Helper()
	var started int
	err := poll(t, func(ctx context.Context) (bool, error) {
		list, err := world.Executions.KubernautV1alpha1().WorkflowExecutions(namespace).List(ctx, metav1.ListOptions{})
		if err != nil {
			return false, err
		}
		started = 0
		for i := range list.Items {
			if at := list.Items[i].Status.StartTime; at != nil {
				started++
				if first.IsZero() || at.Time.Before(first) {
					first = at.Time
				}
				if at.After(last) {
					last = at.Time
				}
			}
		}
		return started == outageExecutions, nil
	})
	if err != nil {
		t.Fatalf("%d of %d executions have started: %v", started, outageExecutions, err)
	}
	return first, last
}

func awaitTime(t *testing.T, at time.Time) {
	t.Helper()
	timer := time.NewTimer(time.Until(at))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-t.Context().Done():
		t.Fatal(t.Context().Err())
	}
}

// awaitCancelled fails if a run whose time is up is not cancelled by then.
func awaitCancelled(ctx context.Context, late map[string]bool, limit time.Time) error {
	ctx, cancel := context.WithDeadline(ctx, limit)
	defer cancel()
	var open []string
	err := pollUntil(ctx, func(ctx context.Context) (bool, error) {
		runs, err := world.Tekton.TektonV1().PipelineRuns(install.ExecutionNamespace).List(ctx, metav1.ListOptions{})
		if err != nil {
			return false, err
		}
		open = nil
		for i := range runs.Items {
			if run := &runs.Items[i]; late[run.Name] && run.Spec.Status != tektonv1.PipelineRunSpecStatusCancelledRunFinally {
				open = append(open, run.Name)
			}
		}
		return len(open) == 0, nil
	})
	if err != nil {
		return fmt.Errorf("%d runs are not cancelled: %v: %w", len(open), open, err)
	}
	return nil
}

// reportSuccess is what Tekton would say of the other runs.
func reportSuccess(ctx context.Context, namespace string, late map[string]bool) error {
	list, err := world.Executions.KubernautV1alpha1().WorkflowExecutions(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(submitters)
	for i := range list.Items {
		if run := list.Items[i].Status.PipelineRunRef.Name; !late[run] {
			group.Go(func() error { return report(ctx, run, "True", "Succeeded") })
		}
	}
	return group.Wait()
}

func reportCancelled(t *testing.T, late map[string]bool) {
	t.Helper()
	for run := range late {
		must(t, report(t.Context(), run, "False", "Cancelled"))
	}
}

func report(ctx context.Context, run, status, reason string) error {
	now := time.Now().UTC().Format(time.RFC3339)
	patch := fmt.Sprintf(`{"status":{"startTime":%q,"completionTime":%q,"conditions":[`+
		`{"type":"Succeeded","status":%q,"reason":%q,"lastTransitionTime":%q}]}}`, now, now, status, reason, now)
	_, err := world.Tekton.TektonV1().PipelineRuns(install.ExecutionNamespace).Patch(ctx, run, types.MergePatchType,
		[]byte(patch), metav1.PatchOptions{}, "status")
	return err
}

// awaitCompleted fails if the news of the runs is not noticed in time.
func awaitCompleted(ctx context.Context, namespace string, want int) error {
	ctx, cancel := context.WithTimeout(ctx, afterOutage)
	defer cancel()
	completed := 0
	err := pollUntil(ctx, func(ctx context.Context) (bool, error) {
		list, err := world.Executions.KubernautV1alpha1().WorkflowExecutions(namespace).List(ctx, metav1.ListOptions{})
		if err != nil {
			return false, err
		}
		completed = 0
		for i := range list.Items {
			if list.Items[i].Status.Phase == v1alpha1.PhaseCompleted {
				completed++
			}
		}
		return completed == want, nil
	})
	if err != nil {
		return fmt.Errorf("%d of %d executions have completed %s after their runs: %w", completed, want, afterOutage, err)
	}
	return nil
}
