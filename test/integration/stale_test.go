// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/utils/ptr"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/test/cluster"
	"kubernaut.ai/workflowexecution/test/install"
)

// stalled is an execution in the middle of which a replica is held up, and what becomes of it.
type stalled struct {
	name string
	// at is the call in which the replica is held up.
	at func(lease, run string) func(install.Call) bool
	// used targets have a Lease from an earlier execution, which is taken and not created.
	used bool
	// late replicas go on when the successor is over, others while it works.
	late bool

	wfe, successor *v1alpha1.WorkflowExecution
	hold           *install.Hold
}

func (s *stalled) target(namespace string) string { return namespace + "/deployment/" + s.name }

func atLease(lease, _ string) func(install.Call) bool {
	return func(c install.Call) bool {
		return c.Resource == "leases" && (c.Verb == "create" || c.Verb == "update") && c.Mentions(lease)
	}
}

func atRun(_, run string) func(install.Call) bool {
	return func(c install.Call) bool {
		return c.Resource == "pipelineruns" && c.Verb == "create" && c.Mentions(run)
	}
}

func atReference(_, run string) func(install.Call) bool {
	return func(c install.Call) bool {
		return c.Resource == "workflowexecutions/status" && c.Name == run && c.Mentions(`"pipelineRunRef"`)
	}
}

func atStart(_, run string) func(install.Call) bool {
	return func(c install.Call) bool {
		return c.Resource == "pipelineruns" && c.Verb == "patch" && strings.HasPrefix(c.Name, run) && c.Mentions("/spec/status")
	}
}

// A replica is held up between taking the lock and starting the run. Meanwhile another one finalizes
// the execution, and a successor gets the target. Whatever the first one does when it wakes up, the
// stale run never starts.
func TestStalledReplicaNeverStartsAStaleRun(t *testing.T) {
	var rows []*stalled
	for _, late := range []bool{false, true} {
		suffix := map[bool]string{false: "early", true: "late"}[late]
		rows = append(rows,
			&stalled{name: "create-lease-" + suffix, at: atLease, late: late},
			&stalled{name: "take-lease-" + suffix, at: atLease, late: late, used: true},
			&stalled{name: "create-run-" + suffix, at: atRun, late: late},
			&stalled{name: "store-reference-" + suffix, at: atReference, late: late},
			&stalled{name: "start-run-" + suffix, at: atStart, late: late},
		)
	}
	proxy := newFaultProxy(t)
	first := replace(t, 1, install.Alone, through(t, proxy))[0]
	judge, runs := observe(t), recordRuns(t)
	namespace := newNamespace(t)
	image, _ := workflow{tasks: []string{"repair"}}.push(t, bundle(t, "stale"))

	useTargets(t, namespace, image, rows)
	for _, row := range rows {
		stall(t, proxy, namespace, image, row)
		judge.know(row.wfe)
	}
	must(t, first.Pause())
	for _, row := range rows {
		deleteExecution(t, row.wfe)
	}
	join(t, install.Alone)
	for _, row := range rows {
		awaitNoExecution(t, row.wfe)
	}
	succeed(t, judge, namespace, rows)

	must(t, first.Resume())
	for _, row := range rows {
		row.hold.LetGo()
	}
	t.Run("afterwards", func(t *testing.T) {
		for _, row := range rows {
			t.Run(row.name, func(t *testing.T) {
				t.Parallel()
				awaitPhase(t, row.successor, v1alpha1.PhaseCompleted)
				expectNothingStale(t, judge, runs, row)
			})
		}
	})
}

// useTargets lets another workflow leave its mark in the Leases that are to be there.
func useTargets(t *testing.T, namespace, image string, rows []*stalled) {
	t.Helper()
	var earlier []*v1alpha1.WorkflowExecution
	for _, row := range rows {
		if row.used {
			earlier = append(earlier, submit(t, newExecution(namespace, "before-"+row.name, image,
				withTarget(row.target(namespace)), withWorkflow("before"))))
		}
	}
	for _, wfe := range earlier {
		awaitPhase(t, wfe, v1alpha1.PhaseCompleted)
	}
}

// stall submits the execution of a row and waits until the replica is held up in it.
func stall(t *testing.T, proxy *install.FaultProxy, namespace, image string, row *stalled) {
	t.Helper()
	wfe := newExecution(namespace, row.name, image, withTarget(row.target(namespace)))
	row.hold = proxy.Hold(row.at(leaseName(wfe), row.name))
	t.Cleanup(row.hold.LetGo)
	row.wfe = submit(t, wfe)
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-row.hold.Reached():
	case <-timer.C:
		t.Fatalf("the call of %s never came", row.name)
	}
}

// succeed gives each target to a successor, and waits until it works, or until it is over where the
// replica is to go on late.
func succeed(t *testing.T, judge *court, namespace string, rows []*stalled) {
	t.Helper()
	quick, _ := workflow{tasks: []string{"repair"}}.push(t, bundle(t, "stale-quick"))
	slow, _ := workflow{tasks: []string{"repair"}, simulate: map[string]string{cluster.AnnotationStepDuration: "4s"}}.push(t, bundle(t, "stale-slow"))
	// The quick ones come first, so that none of the slow ones is over before all others are where they
	// are to be.
	for _, late := range []bool{true, false} {
		image := map[bool]string{true: quick, false: slow}[late]
		for _, row := range rows {
			if row.late == late {
				row.successor = judge.submit(t, newExecution(namespace, "after-"+row.name, image,
					withTarget(row.target(namespace)), withWorkflow("after")))
			}
		}
		for _, row := range rows {
			switch {
			case row.late != late:
			case late:
				awaitPhase(t, row.successor, v1alpha1.PhaseCompleted)
			default:
				awaitPhase(t, row.successor, v1alpha1.PhaseRunning)
				awaitStep(t, row.successor)
			}
		}
	}
}

func expectNothingStale(t *testing.T, judge *court, runs *runHistory, row *stalled) {
	t.Helper()
	awaitFree(t, row.wfe)
	awaitNoRun(t, row.wfe)
	judge.catchUp(t)
	if spans := judge.Spans(row.wfe.UID); len(spans) > 0 {
		t.Errorf("the stale run had pods: %v", spans)
	}
	if runs.started(t, row.wfe.UID) {
		t.Error("the stale run was started")
	}
	expect(t, "number of runs of the successor", 1, len(runsOf(t, row.successor)))
}

// runHistory remembers which runs were ever let go.
type runHistory struct {
	mu      sync.Mutex
	letGo   map[types.UID]bool
	stopped bool
}

func recordRuns(t *testing.T) *runHistory {
	t.Helper()
	h := &runHistory{letGo: map[types.UID]bool{}}
	watcher, err := world.Tekton.TektonV1().PipelineRuns(install.ExecutionNamespace).Watch(context.WithoutCancel(t.Context()),
		metav1.ListOptions{LabelSelector: "kubernaut.ai/workflow-execution"})
	must(t, err)
	ended := make(chan struct{})
	t.Cleanup(func() {
		watcher.Stop()
		<-ended
	})
	go func() {
		defer close(ended)
		for event := range watcher.ResultChan() {
			h.note(event.Object)
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		h.stopped = true
	}()
	return h
}

func (h *runHistory) note(object any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	run, ok := object.(*tektonv1.PipelineRun)
	if !ok {
		h.stopped = true
		return
	}
	if run.Spec.Status != tektonv1.PipelineRunSpecStatusPending {
		h.letGo[types.UID(run.Labels["kubernaut.ai/workflow-execution"])] = true
	}
}

func (h *runHistory) started(t *testing.T, execution types.UID) bool {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.stopped {
		t.Fatal("the watch of the runs has ended early")
	}
	return h.letGo[execution]
}

func newFaultProxy(t *testing.T) *install.FaultProxy {
	t.Helper()
	proxy, err := install.NewFaultProxy(world.Cluster)
	must(t, err)
	t.Cleanup(proxy.Close)
	return proxy
}

func through(t *testing.T, proxy *install.FaultProxy) (flag string) {
	t.Helper()
	flag, err := proxy.Through(world.Controller)
	must(t, err)
	return flag
}

// replace starts other replicas in place of the one that all tests share, until the test is over. The
// test must not be parallel.
func replace(t *testing.T, count int, flags ...string) []*cluster.Process {
	t.Helper()
	kill(t)
	t.Cleanup(func() { restart(t) })
	replicas := make([]*cluster.Process, 0, count)
	for range count {
		replicas = append(replicas, join(t, flags...))
	}
	return replicas
}

// join starts one more replica, until the test is over.
func join(t *testing.T, flags ...string) *cluster.Process {
	t.Helper()
	replica, err := world.Controller.Start(t.Context(), flags...)
	must(t, err)
	t.Cleanup(func() {
		// One that is paused hears nothing else, and one that leads hands over.
		must(t, replica.Resume())
		must(t, replica.Interrupt())
		select {
		case <-replica.Done():
		case <-time.After(handOver):
			must(t, replica.Kill())
		}
	})
	return replica
}

// handOver is how long a replica may take to end what it is doing.
const handOver = 5 * time.Second

func awaitNoExecution(t *testing.T, wfe *v1alpha1.WorkflowExecution) {
	t.Helper()
	awaitGone(t, "the execution "+wfe.Name, func(ctx context.Context) (bool, error) {
		_, err := world.Executions.KubernautV1alpha1().WorkflowExecutions(wfe.Namespace).Get(ctx, wfe.Name, metav1.GetOptions{})
		return found(err)
	})
}

func awaitNoRun(t *testing.T, wfe *v1alpha1.WorkflowExecution) {
	t.Helper()
	err := poll(t, func(context.Context) (bool, error) { return len(runsOf(t, wfe)) == 0, nil })
	if err != nil {
		t.Errorf("the run of %s is still there", wfe.Name)
	}
}

func awaitFree(t *testing.T, wfe *v1alpha1.WorkflowExecution) {
	t.Helper()
	holder := ""
	err := poll(t, func(context.Context) (bool, error) {
		holder = holderOf(t, wfe)
		return holder == "", nil
	})
	if err != nil {
		t.Errorf("the target of %s is still held by %s", wfe.Name, holder)
	}
}

// holderOf is who holds the target of an execution, empty if it is free.
func holderOf(t *testing.T, wfe *v1alpha1.WorkflowExecution) string {
	t.Helper()
	lease, err := world.Kube.CoordinationV1().Leases(install.SystemNamespace).Get(t.Context(), leaseName(wfe), metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return ""
	}
	must(t, err)
	return ptr.Deref(lease.Spec.HolderIdentity, "")
}

func poll(t *testing.T, done func(context.Context) (bool, error)) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	return pollUntil(ctx, done)
}

func pollUntil(ctx context.Context, done func(context.Context) (bool, error)) error {
	const interval = 100 * time.Millisecond
	if err := wait.PollUntilContextCancel(ctx, interval, true, done); err != nil {
		return fmt.Errorf("gave up: %w", err)
	}
	return nil
}
