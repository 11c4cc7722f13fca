// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/test/cluster"
	"kubernaut.ai/workflowexecution/test/install"
)

// What config-workflowexecution says of pods is true of the pods of runs that start from then on; a run
// that has started keeps what it started with.
func TestPodTemplateReachesThePods(t *testing.T) {
	slow, _ := workflow{simulate: map[string]string{cluster.AnnotationStepDuration: "3s"}}.push(t, bundle(t, "slow"))
	quick, _ := workflow{}.push(t, bundle(t, "quick"))
	namespace := newNamespace(t)
	running := awaitPhase(t, submit(t, newExecution(namespace, "running", slow)), v1alpha1.PhaseRunning)
	configure(t, "pod-template", "tolerations: [{key: repair, operator: Exists}]\nimagePullSecrets: [{name: workflow-images}]")
	later := submit(t, newExecution(namespace, "later", quick))

	toleration := corev1.Toleration{Key: "repair", Operator: corev1.TolerationOpExists}
	secret := corev1.LocalObjectReference{Name: "workflow-images"}
	for wfe, want := range map[*v1alpha1.WorkflowExecution]bool{running: false, later: true} {
		awaitPhase(t, wfe, v1alpha1.PhaseCompleted)
		for _, task := range []string{"prepare", "repair"} {
			pod, err := world.Kube.CoreV1().Pods(install.ExecutionNamespace).Get(t.Context(), taskRunOf(t, wfe, task).Status.PodName, metav1.GetOptions{})
			must(t, err)
			expect(t, "toleration of a pod of "+wfe.Name, want, slices.Contains(pod.Spec.Tolerations, toleration))
			expect(t, "pull secret of a pod of "+wfe.Name, want, slices.Contains(pod.Spec.ImagePullSecrets, secret))
		}
	}
}

// Whether a PriorityClass exists only the cluster can tell, and it does so before anything is run.
func TestPodTemplateThatTheClusterRefuses(t *testing.T) {
	image, _ := workflow{}.push(t, bundle(t))
	configure(t, "pod-template", "priorityClassName: nobody-made-it")
	failed := awaitPhase(t, submit(t, newExecution(newNamespace(t), "api", image)), v1alpha1.PhaseFailed)
	details := failed.Status.FailureDetails
	expect(t, "reason", v1alpha1.FailureConfigurationError, details.Reason)
	expect(t, "executed", false, details.WasExecutionFailure)
	if !strings.Contains(details.Message, "nobody-made-it") {
		t.Errorf("it does not say what is missing: %s", describe(failed))
	}
}
