// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"fmt"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"kubernaut.ai/workflowexecution/test/cluster"
)

// secondNode is the name of a node beside the first, which the first test that needs it starts.
func secondNode(t *testing.T) string {
	t.Helper()
	return startNode(t, 2)
}

// startNode starts a node, counted from 1, if no test has started it before, and returns its name.
func startNode(t *testing.T, number int) string {
	t.Helper()
	name := cluster.NodeName(number)
	if w.Cluster.Kubelet(name) == nil {
		if err := w.Cluster.StartNode(t.Context(), number); err != nil {
			t.Fatal(err)
		}
	}
	return name
}

// cordonOthers keeps new pods from all other nodes, and returns what lets them in again.
func cordonOthers(t *testing.T, node string) (uncordonOthers func()) {
	t.Helper()
	nodes, err := w.Kube.CoreV1().Nodes().List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var others []string
	for i := range nodes.Items {
		if other := &nodes.Items[i]; other.Name != node && !other.Spec.Unschedulable {
			cordon(t, other.Name)
			others = append(others, other.Name)
		}
	}
	return func() {
		for _, other := range others {
			uncordon(t, other)
		}
	}
}

// cordon keeps new pods from a node, at most until the test ends.
func cordon(t *testing.T, node string) {
	t.Helper()
	t.Cleanup(func() {
		if err := setUnschedulable(context.Background(), node, false); err != nil {
			t.Error(err)
		}
	})
	if err := setUnschedulable(t.Context(), node, true); err != nil {
		t.Fatal(err)
	}
}

func uncordon(t *testing.T, node string) {
	t.Helper()
	if err := setUnschedulable(t.Context(), node, false); err != nil {
		t.Fatal(err)
	}
}

func setUnschedulable(ctx context.Context, node string, unschedulable bool) error {
	patch := fmt.Appendf(nil, `{"spec":{"unschedulable":%t}}`, unschedulable)
	_, err := w.Kube.CoreV1().Nodes().Patch(ctx, node, types.MergePatchType, patch, metav1.PatchOptions{})
	return err
}
