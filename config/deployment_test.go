// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package config_test

import (
	"slices"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
)

func controllerDeployment(t *testing.T) *appsv1.Deployment {
	t.Helper()
	deployment, ok := find[*appsv1.Deployment](t)[systemNamespace+"/"+controllerName]
	if !ok {
		t.Fatal("there is no Deployment of the controller")
	}
	return deployment
}

func TestDeploymentsSatisfyRestrictedPodSecurity(t *testing.T) {
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks())
	if err != nil {
		t.Fatal("NewEvaluator() =", err)
	}
	restricted := api.LevelVersion{Level: api.LevelRestricted, Version: api.LatestVersion()}
	for name, d := range find[*appsv1.Deployment](t) {
		pod := d.Spec.Template
		result := policy.AggregateCheckResults(evaluator.EvaluatePod(restricted, &pod.ObjectMeta, &pod.Spec))
		if !result.Allowed {
			t.Errorf("%s: %s", name, result.ForbiddenDetail())
		}
		checkHardening(t, name, pod.Spec)
	}
}

// checkHardening looks at what "restricted" leaves open.
func checkHardening(t *testing.T, name string, pod corev1.PodSpec) {
	t.Helper()
	for _, c := range pod.Containers {
		if readOnly := c.SecurityContext.ReadOnlyRootFilesystem; readOnly == nil || !*readOnly {
			t.Errorf("%s: the root file system of %s is not read-only", name, c.Name)
		}
		if c.Resources.Requests.Cpu().IsZero() || c.Resources.Requests.Memory().IsZero() || c.Resources.Limits.Memory().IsZero() {
			t.Errorf("%s: %s lacks requests, or a limit of memory", name, c.Name)
		}
		if c.LivenessProbe == nil || c.ReadinessProbe == nil {
			t.Errorf("%s: %s lacks a probe", name, c.Name)
		}
	}
}

func TestDeploymentRunsAsTheController(t *testing.T) {
	d := controllerDeployment(t)
	account := d.Namespace + "/" + d.Spec.Template.Spec.ServiceAccountName
	if _, ok := find[*corev1.ServiceAccount](t)[account]; !ok || account != systemNamespace+"/"+controllerName {
		t.Errorf("it runs as %s", account)
	}
	if args := d.Spec.Template.Spec.Containers[0].Args; !slices.Contains(args, "--execution-namespace="+executionNamespace) {
		t.Errorf("args = %v, want the execution namespace", args)
	}
}

func TestNothingServesMetricsUnauthenticated(t *testing.T) {
	container := controllerDeployment(t).Spec.Template.Spec.Containers[0]
	loopback := corev1.EnvVar{Name: "METRICS_PROMETHEUS_HOST", Value: "127.0.0.1"}
	if !slices.Contains(container.Env, loopback) {
		t.Errorf("env = %v, want %v", container.Env, loopback)
	}
	for _, port := range container.Ports {
		if port.Name != "probes" {
			t.Errorf("port %s (%d) is open", port.Name, port.ContainerPort)
		}
	}
}

func TestConfigMapsNamedInTheEnvironmentExist(t *testing.T) {
	configMaps := find[*corev1.ConfigMap](t)
	for _, name := range []string{"CONFIG_LOGGING_NAME", "CONFIG_OBSERVABILITY_NAME", "CONFIG_LEADERELECTION_NAME"} {
		env := controllerDeployment(t).Spec.Template.Spec.Containers[0].Env
		i := slices.IndexFunc(env, func(v corev1.EnvVar) bool { return v.Name == name })
		if i < 0 || configMaps[systemNamespace+"/"+env[i].Value] == nil {
			t.Errorf("%s names no ConfigMap", name)
		}
	}
}

func TestSelectorsMatchThePods(t *testing.T) {
	d := controllerDeployment(t)
	selectors := map[string]*metav1.LabelSelector{"Deployment": d.Spec.Selector}
	for name, budget := range find[*policyv1.PodDisruptionBudget](t) {
		selectors["PodDisruptionBudget "+name] = budget.Spec.Selector
	}
	for _, constraint := range d.Spec.Template.Spec.TopologySpreadConstraints {
		selectors["constraint "+constraint.TopologyKey] = constraint.LabelSelector
	}
	for name, s := range selectors {
		selector, err := metav1.LabelSelectorAsSelector(s)
		if err != nil || selector.Empty() || !selector.Matches(labels.Set(d.Spec.Template.Labels)) {
			t.Errorf("%s: selector %v, %v", name, selector, err)
		}
	}
}
