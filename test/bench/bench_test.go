// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

// Package bench measures the product on a local cluster.
package bench

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/utils/clock"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/pkg/targetlock"
	"kubernaut.ai/workflowexecution/test/install"
)

var world *install.World

func TestMain(m *testing.M) {
	flag.Parse()
	if flag.Lookup("test.bench").Value.String() == "" {
		// Nothing here is a test: a cluster would be started for nothing.
		os.Exit(m.Run())
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(install.RunTests(m, root, func(w *install.World) { world = w }))
}

// BenchmarkLockCheck reads, decides and takes a free target, as every execution does before its run is
// made: one read and one write.
func BenchmarkLockCheck(b *testing.B) {
	store := targetlock.NewStore(world.Kube.CoordinationV1(), install.SystemNamespace, clock.RealClock{})
	var durations []time.Duration
	for i := 0; b.Loop(); i++ {
		claim := targetlock.Claim{
			Target:       fmt.Sprintf("bench/deployments.apps/target-%d", i),
			Holder:       targetlock.Holder{Namespace: "bench", Name: "execution", UID: "uid"},
			RunNamespace: install.ExecutionNamespace,
		}
		began := time.Now()
		if err := acquire(b, store, claim); err != nil {
			b.Fatal(err)
		}
		durations = append(durations, time.Since(began))
		if _, err := store.Release(b.Context(), claim, nil, targetlock.Policy{}); err != nil {
			b.Fatal(err)
		}
	}
	report(b, durations, "lock-ms")
}

func acquire(b *testing.B, store *targetlock.Store, claim targetlock.Claim) error {
	b.Helper()
	lock, err := store.Look(b.Context(), claim.Target)
	if err != nil {
		return err
	}
	if decision := targetlock.Decide(lock, claim, targetlock.Facts{}, time.Now()); decision.Verdict != targetlock.Free {
		return fmt.Errorf("the target is not free: %+v", decision)
	}
	return store.Take(b.Context(), lock, claim)
}

// BenchmarkStart measures from the creation of an execution until its run is created, and until it is
// started, one execution at a time.
func BenchmarkStart(b *testing.B) {
	var created, started []time.Duration
	for i := 0; b.Loop(); i++ {
		watcher, began := submit(b, fmt.Sprintf("bench-%d", i))
		created = append(created, until(b, watcher, began, func(s v1alpha1.WorkflowExecutionStatus) bool { return s.PipelineRunRef != nil }))
		started = append(started, until(b, watcher, began, func(s v1alpha1.WorkflowExecutionStatus) bool { return s.HasStarted() }))
		watcher.Stop()
	}
	report(b, created, "created-ms")
	report(b, started, "started-ms")
}

// submit watches an execution, and then creates it, at the time that is returned.
func submit(b *testing.B, name string) (watcher watch.Interface, began time.Time) {
	b.Helper()
	client := world.Executions.KubernautV1alpha1().WorkflowExecutions("default")
	watcher, err := client.Watch(b.Context(), metav1.ListOptions{FieldSelector: "metadata.name=" + name})
	if err != nil {
		b.Fatal(err)
	}
	began = time.Now()
	if _, err := client.Create(b.Context(), execution(name), metav1.CreateOptions{}); err != nil {
		b.Fatal(err)
	}
	return watcher, began
}

// execution has no bundle behind it: its run is started and fails at once.
func execution(name string) *v1alpha1.WorkflowExecution {
	return &v1alpha1.WorkflowExecution{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: v1alpha1.WorkflowExecutionSpec{
			RemediationRequestRef: corev1.ObjectReference{Name: "bench"},
			WorkflowRef: v1alpha1.WorkflowRef{
				WorkflowID: "bench", Version: "v1", ContainerImage: world.Cluster.Registry() + "/bench/none:v1",
			},
			TargetResource: "default/deployment/" + name,
		},
	}
}

func until(b *testing.B, watcher watch.Interface, began time.Time, done func(v1alpha1.WorkflowExecutionStatus) bool) time.Duration {
	b.Helper()
	for event := range watcher.ResultChan() {
		if wfe, ok := event.Object.(*v1alpha1.WorkflowExecution); ok && done(wfe.Status) {
			return time.Since(began)
		}
	}
	b.Fatal("the watch ended")
	return 0
}

func report(b *testing.B, durations []time.Duration, unit string) {
	b.Helper()
	slices.Sort(durations)
	at := func(percent int) float64 {
		return float64(durations[(len(durations)-1)*percent/100].Microseconds()) / 1000
	}
	b.ReportMetric(at(50), "p50-"+unit)
	b.ReportMetric(at(95), "p95-"+unit)
}
