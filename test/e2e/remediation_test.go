// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"path"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
)

// testRemediation repairs what is really broken, with the examples.
func testRemediation(t *testing.T) {
	for name, test := range map[string]func(*testing.T){
		"IncreaseMemory":    testIncreaseMemory,
		"Restart":           testRestart,
		"DeleteEvictedPods": testDeleteEvictedPods,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t)
		})
	}
}

// followExample pushes, allows and runs a workflow of examples/ with the commands of its README, waits until it is
// completed, and removes it with them when the test ends. The namespace stands for that of the README.
func followExample(t *testing.T, folder, namespace string, replace ...string) {
	t.Helper()
	g := newGuide(t, namespace, append(replace,
		"namespace: default", "namespace: "+namespace,
		"namespace/default", "namespace/"+namespace,
		"default/deployment/", namespace+"/deployment/")...)
	folder = path.Join("examples", folder)
	for _, file := range []string{"pipeline.yaml", "rbac.yaml", "workflowexecution.yaml"} {
		g.bring(t, path.Join(folder, file))
	}
	readme := path.Join(folder, "README.md")
	g.follow(t, readme, "## Run it")
	list, err := w.Executions.KubernautV1alpha1().WorkflowExecutions(namespace).List(t.Context(), metav1.ListOptions{})
	if err != nil || len(list.Items) != 1 {
		t.Fatalf("its executions are %v: %v", list, err)
	}
	if status := list.Items[0].Status; status.Phase != v1alpha1.PhaseCompleted {
		said, _ := yaml.Marshal(status)
		t.Fatalf("%s did not complete:\n%s", folder, said)
	}
	g.follow(t, readme, "## Remove it")
}

// testIncreaseMemory has the kernel kill a container that needs more memory than it may have.
func testIncreaseMemory(t *testing.T) {
	namespace := newNamespace(t)
	// The container runtime hears from the kernel a moment after the process is gone.
	newDeployment(t, namespace, 1, "dd if=/dev/zero of=/dev/null bs=64M count=1 || { sleep 2; exit 137; }", func(pod *corev1.PodSpec) {
		pod.Containers[0].Resources = corev1.ResourceRequirements{
			Requests: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("16Mi")},
			Limits:   corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("32Mi")},
		}
	})
	until(t, "a container that the kernel has killed", patience, func(ctx context.Context) string {
		for _, pod := range podsIn(ctx, t, namespace) {
			for _, container := range pod.Status.ContainerStatuses {
				if last := container.LastTerminationState.Terminated; last != nil && last.Reason == "OOMKilled" {
					return ""
				}
			}
		}
		return "there is none"
	})
	followExample(t, "increase-memory", namespace)

	deployment := awaitHealthy(t, namespace)
	if limit := deployment.Spec.Template.Spec.Containers[0].Resources.Limits.Memory().String(); limit != "512Mi" {
		t.Errorf("the limit is %s", limit)
	}
	for _, pod := range podsIn(t.Context(), t, namespace) {
		if pod.DeletionTimestamp == nil && pod.Status.ContainerStatuses[0].RestartCount != 0 {
			t.Errorf("it is not well: %+v", pod.Status.ContainerStatuses[0])
		}
	}
}

func testRestart(t *testing.T) {
	namespace := newNamespace(t)
	newDeployment(t, namespace, 2, "true", nil)
	awaitHealthy(t, namespace)
	before := podsIn(t.Context(), t, namespace)
	followExample(t, "restart-deployment", namespace)
	awaitHealthy(t, namespace)
	expectOthers(t, before, podsIn(t.Context(), t, namespace))
}

// testDeleteEvictedPods has the kubelet evict a pod that writes more than it may.
func testDeleteEvictedPods(t *testing.T) {
	namespace := newNamespace(t)
	evicted := newPod(t, namespace, "evicted", "dd if=/dev/zero of=/tmp/much bs=1M count=60; exec sleep 86400", corev1.ResourceList{
		corev1.ResourceEphemeralStorage: resource.MustParse("10Mi"),
	})
	failed := newPod(t, namespace, "failed", "exit 3", nil)
	until(t, "an evicted and a failed pod", patience, func(ctx context.Context) string {
		ended := map[string]string{}
		for _, pod := range podsIn(ctx, t, namespace) {
			if pod.Status.Phase == corev1.PodFailed {
				ended[pod.Name] = pod.Status.Reason
			}
		}
		if reason, ok := ended[failed]; !ok || reason != "" || ended[evicted] != "Evicted" {
			return "failed are " + metav1.FormatLabelSelector(&metav1.LabelSelector{MatchLabels: ended})
		}
		return ""
	})
	followExample(t, "delete-evicted-pods", namespace)

	pods := w.Kube.CoreV1().Pods(namespace)
	until(t, "an end of the evicted pod", patience, func(ctx context.Context) string {
		if _, err := pods.Get(ctx, evicted, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
			return "it is still there"
		}
		return ""
	})
	if _, err := pods.Get(t.Context(), failed, metav1.GetOptions{}); err != nil {
		t.Error("a pod is gone that nobody had evicted:", err)
	}
}
