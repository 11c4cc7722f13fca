// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/test/install"
)

// takeoverReserve is what may be needed beyond the lease: two attempts of another replica, and its work.
const takeoverReserve = 10 * time.Second

// testLeaderKilled kills the replica that leads. The other one takes over when the lease has run out.
func testLeaderKilled(t *testing.T) {
	namespace := newNamespace(t)
	bundle := pushGated(t, "leader", 0)
	ends := submitRunning(t, execution(namespace, "leader-ends", bundle))
	stays := submitRunning(t, execution(namespace, "leader-stays", bundle))
	lease := leaderLease(t)
	deadline := leaseDuration(t) + takeoverReserve

	killed := time.Now()
	killLeader(t, lease)
	var gap []*v1alpha1.WorkflowExecution
	for i, target := range []string{"", "", ends.Spec.TargetResource, stays.Spec.TargetResource} {
		wfe := execution(namespace, fmt.Sprintf("leader-gap-%d", i), bundle)
		if target != "" {
			wfe.Spec.TargetResource = target
		}
		gap = append(gap, submit(t, wfe))
	}
	until(t, "the takeover", deadline, func(ctx context.Context) string {
		current, err := w.Kube.CoordinationV1().Leases(install.SystemNamespace).Get(ctx, lease.Name, metav1.GetOptions{})
		if err != nil {
			return err.Error()
		}
		if *current.Spec.HolderIdentity == *lease.Spec.HolderIdentity {
			return "the leader is still " + *current.Spec.HolderIdentity
		}
		return ""
	})
	t.Logf("another leader %s after the death", time.Since(killed).Round(time.Second/10))
	for _, wfe := range gap {
		awaitPhase(t, wfe, deadline-time.Since(killed))
	}
	t.Logf("all submitted in the gap have a phase %s after the death", time.Since(killed).Round(time.Second/10))

	for _, wfe := range []*v1alpha1.WorkflowExecution{gap[2], gap[3]} {
		expectEnd(t, wfe, v1alpha1.PhaseSkipped)
	}
	for _, wfe := range []*v1alpha1.WorkflowExecution{ends, stays, gap[0], gap[1]} {
		started := await(t, wfe, "its run", func(wfe *v1alpha1.WorkflowExecution) bool { return wfe.Status.PipelineRunRef != nil })
		open(t, started)
		expectEnd(t, started, v1alpha1.PhaseCompleted)
		expectOneRun(t, started)
	}
}

func awaitPhase(t *testing.T, wfe *v1alpha1.WorkflowExecution, patience time.Duration) {
	t.Helper()
	until(t, "a phase of "+wfe.Name, patience, func(ctx context.Context) string {
		current, err := w.Executions.KubernautV1alpha1().WorkflowExecutions(wfe.Namespace).Get(ctx, wfe.Name, metav1.GetOptions{})
		if err != nil {
			return err.Error()
		}
		if current.Status.Phase == "" {
			return "it has none"
		}
		return ""
	})
}

// leaderLease is the Lease of the replica that leads the executions.
func leaderLease(t *testing.T) *coordinationv1.Lease {
	t.Helper()
	leases, err := w.Kube.CoordinationV1().Leases(install.SystemNamespace).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for i := range leases.Items {
		lease := &leases.Items[i]
		if strings.HasPrefix(lease.Name, "workflowexecution.") && strings.Contains(lease.Name, ".reconciler.workflowexecution.") {
			return lease
		}
		names = append(names, lease.Name)
	}
	t.Fatalf("none of these is the leader's: %v", names)
	return nil
}

func leaseDuration(t *testing.T) time.Duration {
	t.Helper()
	config, err := w.Kube.CoreV1().ConfigMaps(install.SystemNamespace).Get(t.Context(), "config-leader-election", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	duration, err := time.ParseDuration(config.Data["lease-duration"])
	if err != nil {
		t.Fatal(err)
	}
	return duration
}

// killLeader kills the process of the pod whose name the holder's identity begins with.
func killLeader(t *testing.T, lease *coordinationv1.Lease) {
	t.Helper()
	controller := programs[0]
	for _, pod := range podsOf(t, controller) {
		if !strings.HasPrefix(*lease.Spec.HolderIdentity, pod.Name) {
			continue
		}
		pid := processOf(t, controller.path, pod.Name)
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Fatalf("no pod is the leader %s", *lease.Spec.HolderIdentity)
}

// processOf is the process of a program in a pod, which has the pod's name in its environment.
func processOf(t *testing.T, path, pod string) int {
	t.Helper()
	commands, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, command := range commands {
		// A process that has ended meanwhile has no files.
		words, _ := os.ReadFile(command)
		environment, _ := os.ReadFile(filepath.Join(filepath.Dir(command), "environ"))
		if !bytes.HasPrefix(words, []byte(path+"\x00")) || !bytes.Contains(environment, []byte("POD_NAME="+pod+"\x00")) {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(command)))
		if err != nil {
			t.Fatal(err)
		}
		return pid
	}
	t.Fatalf("no process runs %s in %s", path, pod)
	return 0
}
