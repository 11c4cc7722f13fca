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

func TestDeploymentsRunAsTheirOwnServiceAccount(t *testing.T) {
	for name, d := range find[*appsv1.Deployment](t) {
		account := d.Namespace + "/" + d.Spec.Template.Spec.ServiceAccountName
		if _, ok := find[*corev1.ServiceAccount](t)[account]; !ok || account != name {
			t.Errorf("%s runs as %s", name, account)
		}
	}
	args := controllerDeployment(t).Spec.Template.Spec.Containers[0].Args
	if !slices.Contains(args, "--execution-namespace="+executionNamespace) {
		t.Errorf("args = %v, want the execution namespace", args)
	}
}

func TestNothingServesMetricsUnauthenticated(t *testing.T) {
	open := map[string][]string{
		systemNamespace + "/" + controllerName: {"probes"},
		systemNamespace + "/" + webhookName:    {"https-webhook", "probes"},
	}
	for name, d := range find[*appsv1.Deployment](t) {
		container := d.Spec.Template.Spec.Containers[0]
		loopback := corev1.EnvVar{Name: "METRICS_PROMETHEUS_HOST", Value: "127.0.0.1"}
		if !slices.Contains(container.Env, loopback) {
			t.Errorf("%s: env = %v, want %v", name, container.Env, loopback)
		}
		for _, port := range container.Ports {
			if !slices.Contains(open[name], port.Name) {
				t.Errorf("%s: port %s (%d) is open", name, port.Name, port.ContainerPort)
			}
		}
	}
}

func TestConfigMapsNamedInTheEnvironmentExist(t *testing.T) {
	configMaps := find[*corev1.ConfigMap](t)
	for deployment, d := range find[*appsv1.Deployment](t) {
		env := d.Spec.Template.Spec.Containers[0].Env
		for _, name := range []string{"CONFIG_LOGGING_NAME", "CONFIG_OBSERVABILITY_NAME", "CONFIG_LEADERELECTION_NAME"} {
			i := slices.IndexFunc(env, func(v corev1.EnvVar) bool { return v.Name == name })
			if i < 0 || configMaps[systemNamespace+"/"+env[i].Value] == nil {
				t.Errorf("%s: %s names no ConfigMap", deployment, name)
			}
		}
	}
}

func TestSelectorsMatchThePods(t *testing.T) {
	deployments, budgets := find[*appsv1.Deployment](t), find[*policyv1.PodDisruptionBudget](t)
	for name, d := range deployments {
		selectors := map[string]*metav1.LabelSelector{"Deployment": d.Spec.Selector}
		if budget := budgets[name]; budget == nil {
			t.Errorf("%s has no PodDisruptionBudget", name)
		} else {
			selectors["PodDisruptionBudget"] = budget.Spec.Selector
		}
		for _, constraint := range d.Spec.Template.Spec.TopologySpreadConstraints {
			selectors["constraint "+constraint.TopologyKey] = constraint.LabelSelector
		}
		for what, s := range selectors {
			checkSelector(t, what+" "+name, s, name, deployments)
		}
	}
	for name := range budgets {
		if deployments[name] == nil {
			t.Errorf("PodDisruptionBudget %s is for no Deployment", name)
		}
	}
}

// checkSelector wants the pods of one Deployment, and of no other.
func checkSelector(t *testing.T, what string, s *metav1.LabelSelector, name string, deployments map[string]*appsv1.Deployment) {
	t.Helper()
	selector, err := metav1.LabelSelectorAsSelector(s)
	if err != nil {
		t.Errorf("%s: %v", what, err)
		return
	}
	for other, d := range deployments {
		if matches := selector.Matches(labels.Set(d.Spec.Template.Labels)); matches != (other == name) {
			t.Errorf("%s: selector %v matches the pods of %s: %t", what, selector, other, matches)
		}
	}
}
