// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"fmt"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// newDeployment makes a Deployment with the name "api". Its pods are ready when a command of the shell has succeeded.
func newDeployment(t *testing.T, namespace string, replicas int32, command string, change func(*corev1.PodSpec)) {
	t.Helper()
	labels := map[string]string{"app": "api"}
	pod := podOf(command + "\ntouch /tmp/ready\nexec sleep 86400")
	pod.Containers[0].ReadinessProbe = &corev1.Probe{
		ProbeHandler:  corev1.ProbeHandler{Exec: &corev1.ExecAction{Command: []string{"test", "-e", "/tmp/ready"}}},
		PeriodSeconds: 1, TimeoutSeconds: 30,
	}
	if change != nil {
		change(&pod)
	}
	deployment := &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: "api"},
		Spec: appsv1.DeploymentSpec{
			Replicas: new(replicas), Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: pod},
		},
	}
	if _, err := w.Kube.AppsV1().Deployments(namespace).Create(t.Context(), deployment, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

func podOf(script string) corev1.PodSpec {
	return corev1.PodSpec{
		TerminationGracePeriodSeconds: new(int64(1)),
		Containers: []corev1.Container{{
			Name: "main", Image: shellImage(), Command: []string{"/bin/sh", "-euc", script},
		}},
	}
}

// newPod makes a pod that runs a script once, with these limits, and returns its name.
func newPod(t *testing.T, namespace, name, script string, limits corev1.ResourceList) string {
	t.Helper()
	spec := podOf(script)
	spec.RestartPolicy, spec.Containers[0].Resources.Limits = corev1.RestartPolicyNever, limits
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: spec}
	if _, err := w.Kube.CoreV1().Pods(namespace).Create(t.Context(), pod, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	return name
}

// awaitHealthy waits until all pods of the Deployment "api" are new and ready, and returns it.
func awaitHealthy(t *testing.T, namespace string) (deployment *appsv1.Deployment) {
	t.Helper()
	until(t, "a healthy Deployment", patience, func(ctx context.Context) string {
		var err error
		if deployment, err = w.Kube.AppsV1().Deployments(namespace).Get(ctx, "api", metav1.GetOptions{}); err != nil {
			return err.Error()
		}
		status, replicas := deployment.Status, *deployment.Spec.Replicas
		if status.ObservedGeneration == deployment.Generation &&
			status.UpdatedReplicas == replicas && status.ReadyReplicas == replicas && status.Replicas == replicas {
			return ""
		}
		return fmt.Sprintf("its status is %+v", status)
	})
	return deployment
}

func podsIn(ctx context.Context, t *testing.T, namespace string) []corev1.Pod {
	t.Helper()
	list, err := w.Kube.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return list.Items
}

// expectOthers makes sure that none of the pods was there before, those aside that are about to go.
func expectOthers(t *testing.T, before, after []corev1.Pod) {
	t.Helper()
	old := map[string]bool{}
	for i := range before {
		old[string(before[i].UID)] = true
	}
	for i := range after {
		if after[i].DeletionTimestamp == nil && old[string(after[i].UID)] {
			t.Errorf("pod %s/%s was there before", after[i].Namespace, after[i].Name)
		}
	}
}
