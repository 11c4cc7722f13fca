// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package config_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/kubernetes/fake"
	cminformer "knative.dev/pkg/configmap/informer"
	knativewebhook "knative.dev/pkg/webhook"

	"kubernaut.ai/workflowexecution/pkg/apis/config"
	"kubernaut.ai/workflowexecution/pkg/webhook"
)

// hook is what a mutating and a validating webhook have in common.
type hook struct {
	client     admissionregistrationv1.WebhookClientConfig
	rules      []admissionregistrationv1.RuleWithOperations
	conditions []admissionregistrationv1.MatchCondition
	failure    *admissionregistrationv1.FailurePolicyType
	effects    *admissionregistrationv1.SideEffectClass
}

// hooks are all webhooks, by name.
func hooks(t *testing.T) map[string]hook {
	t.Helper()
	all := map[string]hook{}
	for _, configuration := range find[*admissionregistrationv1.MutatingWebhookConfiguration](t) {
		for _, w := range configuration.Webhooks {
			all[w.Name] = hook{w.ClientConfig, w.Rules, w.MatchConditions, w.FailurePolicy, w.SideEffects}
			if w.ReinvocationPolicy == nil || *w.ReinvocationPolicy != admissionregistrationv1.NeverReinvocationPolicy {
				t.Errorf("%s may be asked twice about one request", w.Name)
			}
		}
	}
	for _, configuration := range find[*admissionregistrationv1.ValidatingWebhookConfiguration](t) {
		for _, w := range configuration.Webhooks {
			all[w.Name] = hook{w.ClientConfig, w.Rules, w.MatchConditions, w.FailurePolicy, w.SideEffects}
		}
	}
	return all
}

func TestConfigurationsHaveTheNameTheWebhookFollows(t *testing.T) {
	want := []string{"/" + webhook.ConfigurationName}
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(find[*admissionregistrationv1.MutatingWebhookConfiguration](t)))); diff != "" {
		t.Error("(-want, +got):", diff)
	}
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(find[*admissionregistrationv1.ValidatingWebhookConfiguration](t)))); diff != "" {
		t.Error("(-want, +got):", diff)
	}
}

func TestWebhooksAreAskedOnlyWhatTheyAnswer(t *testing.T) {
	want := map[string][]string{
		"defaulting.webhook.kubernaut.ai": {"CREATE kubernaut.ai/v1alpha1/workflowexecutions"},
		"clearance.webhook.kubernaut.ai":  {"UPDATE kubernaut.ai/v1alpha1/workflowexecutions/status"},
		"validation.webhook.kubernaut.ai": {
			"CREATE kubernaut.ai/v1alpha1/workflowexecutions", "UPDATE kubernaut.ai/v1alpha1/workflowexecutions",
		},
		"configmaps.webhook.kubernaut.ai": {"CREATE /v1/configmaps", "UPDATE /v1/configmaps"},
	}
	got := map[string][]string{}
	for name, w := range hooks(t) {
		for _, rule := range w.rules {
			for _, operation := range rule.Operations {
				got[name] = append(got[name], string(operation)+" "+strings.Join(slices.Concat(rule.APIGroups, rule.APIVersions, rule.Resources), "/"))
			}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error("(-want, +got):", diff)
	}
}

func TestNoOutageOrDryRunLeavesAnythingUnchecked(t *testing.T) {
	for name, w := range hooks(t) {
		if w.failure == nil || *w.failure != admissionregistrationv1.Fail {
			t.Errorf("%s: what it cannot be asked about would be admitted", name)
		}
		if w.effects == nil || *w.effects != admissionregistrationv1.SideEffectClassNone {
			t.Errorf("%s: dry runs are refused without being asked about", name)
		}
	}
	policies := find[*admissionregistrationv1.ValidatingAdmissionPolicy](t)
	for name, policy := range policies {
		if policy.Spec.FailurePolicy == nil || *policy.Spec.FailurePolicy != admissionregistrationv1.Fail {
			t.Errorf("policy %s: what it cannot judge would be admitted", name)
		}
	}
	bound := map[string][]admissionregistrationv1.ValidationAction{}
	for _, binding := range find[*admissionregistrationv1.ValidatingAdmissionPolicyBinding](t) {
		bound["/"+binding.Spec.PolicyName] = binding.Spec.ValidationActions
	}
	for name := range policies {
		if !slices.Equal(bound[name], []admissionregistrationv1.ValidationAction{admissionregistrationv1.Deny}) {
			t.Errorf("policy %s is bound to %v", name, bound[name])
		}
	}
}

func TestOnlyTheControllerIsExempted(t *testing.T) {
	conditions := hooks(t)["clearance.webhook.kubernaut.ai"].conditions
	want := "request.userInfo.username != 'system:serviceaccount:" + systemNamespace + ":" + controllerName + "'"
	if !slices.ContainsFunc(conditions, func(c admissionregistrationv1.MatchCondition) bool { return c.Expression == want }) {
		t.Errorf("conditions = %v, want %s among them", conditions, want)
	}
	if _, ok := find[*corev1.ServiceAccount](t)[systemNamespace+"/"+controllerName]; !ok {
		t.Error("the exempted ServiceAccount is not shipped")
	}
}

func TestEveryConfigMapIsChecked(t *testing.T) {
	var quoted []string
	for _, name := range slices.Sorted(maps.Keys(config.AdmissionConstructors())) {
		quoted = append(quoted, "'"+name+"'")
		if _, ok := find[*corev1.ConfigMap](t)[systemNamespace+"/"+name]; !ok {
			t.Errorf("%s is not shipped", name)
		}
	}
	for name := range find[*corev1.ConfigMap](t) {
		if _, ok := config.AdmissionConstructors()[strings.TrimPrefix(name, systemNamespace+"/")]; !ok {
			t.Errorf("%s has no constructor", name)
		}
	}
	want := "object.metadata.name in [" + strings.Join(quoted, ", ") + "]"
	if got := hooks(t)["configmaps.webhook.kubernaut.ai"].conditions; len(got) != 1 || got[0].Expression != want {
		t.Errorf("conditions = %v, want %s", got, want)
	}
}

func TestConfigMapsOfOtherNamespacesAreNotAskedAbout(t *testing.T) {
	for _, configuration := range find[*admissionregistrationv1.ValidatingWebhookConfiguration](t) {
		for _, w := range configuration.Webhooks {
			if w.Name != "configmaps.webhook.kubernaut.ai" {
				continue
			}
			selector := w.NamespaceSelector
			if selector == nil || len(selector.MatchExpressions) != 1 || len(selector.MatchLabels) != 0 {
				t.Fatalf("selector = %v", selector)
			}
			only := selector.MatchExpressions[0]
			if only.Key != corev1.LabelMetadataName || only.Operator != "In" || !slices.Equal(only.Values, []string{systemNamespace}) {
				t.Errorf("selector = %v", only)
			}
		}
	}
}

func TestWebhooksLeadToTheProgram(t *testing.T) {
	t.Setenv("SYSTEM_NAMESPACE", systemNamespace)
	paths := map[string]bool{}
	for _, admission := range webhook.Admissions(t.Context(), cminformer.NewInformedWatcher(fake.NewClientset(), systemNamespace)) {
		paths[admission.(knativewebhook.AdmissionController).Path()] = false
	}
	service, ok := find[*corev1.Service](t)[systemNamespace+"/"+webhook.ServiceName]
	if !ok {
		t.Fatal("there is no Service of the webhook")
	}
	for name, w := range hooks(t) {
		to := w.client.Service
		if to == nil || to.Namespace+"/"+to.Name != service.Namespace+"/"+service.Name || *to.Port != service.Spec.Ports[0].Port {
			t.Errorf("%s leads to %v", name, to)
			continue
		}
		if asked, answered := paths[*to.Path]; !answered || asked {
			t.Errorf("%s leads to %s, which is not answered, or not only for it", name, *to.Path)
		}
		paths[*to.Path] = true
	}
	for path, asked := range paths {
		if !asked {
			t.Errorf("nobody asks %s", path)
		}
	}
	pod := find[*appsv1.Deployment](t)[systemNamespace+"/"+webhookName].Spec.Template
	target := service.Spec.Ports[0].TargetPort.StrVal
	if !slices.ContainsFunc(pod.Spec.Containers[0].Ports, func(p corev1.ContainerPort) bool { return p.Name == target }) ||
		!labels.SelectorFromSet(service.Spec.Selector).Matches(labels.Set(pod.Labels)) {
		t.Errorf("Service %s does not lead to the pods", service.Name)
	}
}

func TestCertificatesAreNotShipped(t *testing.T) {
	secret, ok := find[*corev1.Secret](t)[systemNamespace+"/"+webhook.SecretName]
	if !ok {
		t.Fatal("there is no Secret for the certificates")
	}
	// With data in it, a second apply would take the certificates away.
	if secret.Data != nil || secret.StringData != nil {
		t.Error("the Secret is not empty")
	}
}

func TestRightsOfTheWebhook(t *testing.T) {
	want := map[string]map[string][]string{
		"ClusterRole /" + webhookName: {
			"admissionregistration.k8s.io/mutatingwebhookconfigurations webhook.kubernaut.ai":   {"get", "list", "update", "watch"},
			"admissionregistration.k8s.io/validatingwebhookconfigurations webhook.kubernaut.ai": {"get", "list", "update", "watch"},
		},
		"Role " + systemNamespace + "/" + webhookName: {
			"/secrets workflowexecution-webhook-certificates": {"get", "list", "update", "watch"},
			"/configmaps":                {"get", "list", "watch"},
			"coordination.k8s.io/leases": {"create"},
			"coordination.k8s.io/leases workflowexecution-webhook.webhookcertificates.00-of-01": {"get", "update"},
			"coordination.k8s.io/leases workflowexecution-webhook.webhookregistration.00-of-01": {"get", "update"},
		},
	}
	got := map[string]map[string][]string{}
	for _, role := range rolesOf(t, systemNamespace+"/"+webhookName) {
		got[role] = grantsByName(rulesByRole(t)[role])
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error("(-want, +got):", diff)
	}
}
