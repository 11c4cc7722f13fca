// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"testing"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"kubernaut.ai/workflowexecution/test/cluster"
	"kubernaut.ai/workflowexecution/test/install"
)

// testDrainNode drains nodes on which the workflow itself, Tekton and the product run too.
func testDrainNode(t *testing.T) {
	awaitNamespacesGone(t)
	t.Run("OneNode", testDrainTheOnlyNode)
	t.Run("TwoNodes", testDrainOneOfTwoNodes)
}

// testDrainTheOnlyNode drains pods that have nowhere to go: they start again when the node is uncordoned.
func testDrainTheOnlyNode(t *testing.T) {
	node, namespace := cluster.NodeName(1), newNamespace(t)
	if w.Cluster.Kubelet(cluster.NodeName(2)) != nil {
		t.Fatal("there are two nodes already")
	}
	newDeployment(t, namespace, 2, "true", nil)
	drain(t, namespace, node)
}

// testDrainOneOfTwoNodes drains pods that may be down one at a time, and can move to the other node.
func testDrainOneOfTwoNodes(t *testing.T) {
	node, namespace := secondNode(t), newNamespace(t)
	budget := &policyv1.PodDisruptionBudget{
		ObjectMeta: metav1.ObjectMeta{Name: "api"},
		Spec: policyv1.PodDisruptionBudgetSpec{
			MaxUnavailable: new(intstr.FromInt32(1)), Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "api"}},
		},
	}
	if _, err := w.Kube.PolicyV1().PodDisruptionBudgets(namespace).Create(t.Context(), budget, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	newDeployment(t, namespace, 2, "true", prefer(node))
	for _, pod := range drain(t, namespace, node) {
		if pod.DeletionTimestamp == nil && pod.Spec.NodeName != cluster.NodeName(1) {
			t.Errorf("pod %s is on %s", pod.Name, pod.Spec.NodeName)
		}
	}
}

// drain drains the node on which the pods of a Deployment are, and returns those that it has afterwards.
func drain(t *testing.T, namespace, node string) []corev1.Pod {
	t.Helper()
	awaitHealthy(t, namespace)
	before, product := podsIn(t.Context(), t, namespace), podsIn(t.Context(), t, install.SystemNamespace)
	for _, pod := range before {
		if pod.Spec.NodeName != node {
			t.Fatalf("pod %s is on %s, want %s", pod.Name, pod.Spec.NodeName, node)
		}
	}
	followExample(t, "drain-node", namespace, "node/worker-1", "node/"+node)

	awaitHealthy(t, namespace)
	after := podsIn(t.Context(), t, namespace)
	expectOthers(t, before, after)
	expectAll(t, product, podsIn(t.Context(), t, install.SystemNamespace))
	current, err := w.Kube.CoreV1().Nodes().Get(t.Context(), node, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if mark := current.Annotations["kubernaut.ai/cordoned-by"]; current.Spec.Unschedulable || len(current.Spec.Taints) > 0 || mark != "" {
		t.Errorf("%s is cordoned: %+v, by %q", node, current.Spec, mark)
	}
	return after
}

// expectAll makes sure that all pods that were there before still are.
func expectAll(t *testing.T, before, after []corev1.Pod) {
	t.Helper()
	current := map[string]bool{}
	for i := range after {
		current[string(after[i].UID)] = after[i].DeletionTimestamp == nil
	}
	for i := range before {
		if !current[string(before[i].UID)] {
			t.Errorf("pod %s/%s was evicted", before[i].Namespace, before[i].Name)
		}
	}
}

func prefer(node string) func(*corev1.PodSpec) {
	return func(pod *corev1.PodSpec) {
		pod.Affinity = &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{
			PreferredDuringSchedulingIgnoredDuringExecution: []corev1.PreferredSchedulingTerm{{
				Weight: 100, Preference: corev1.NodeSelectorTerm{MatchExpressions: []corev1.NodeSelectorRequirement{{
					Key: corev1.LabelHostname, Operator: corev1.NodeSelectorOpIn, Values: []string{node},
				}}},
			}},
		}}
	}
}

// awaitNamespacesGone waits until other tests have left nothing: a drain refuses pods that have no controller.
func awaitNamespacesGone(t *testing.T) {
	t.Helper()
	until(t, "an end of the namespaces of other tests", patience, func(ctx context.Context) string {
		list, err := w.Kube.CoreV1().Namespaces().List(ctx, metav1.ListOptions{})
		if err != nil {
			return err.Error()
		}
		for i := range list.Items {
			if list.Items[i].DeletionTimestamp != nil {
				return list.Items[i].Name + " is still going"
			}
		}
		return ""
	})
}
