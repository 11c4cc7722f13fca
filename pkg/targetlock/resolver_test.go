// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package targetlock

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	fakediscovery "k8s.io/client-go/discovery/fake"
	clienttesting "k8s.io/client-go/testing"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
)

// served is what an API server tells discovery about a resource.
type served struct {
	groupVersion, resource, kind string
	clusterScoped                bool
}

func builtIns() []served {
	return []served{
		{groupVersion: "v1", resource: "pods", kind: "Pod"},
		{groupVersion: "v1", resource: "nodes", kind: "Node", clusterScoped: true},
		{groupVersion: "v1", resource: "events", kind: "Event"},
		{groupVersion: "v1", resource: "endpoints", kind: "Endpoints"},
		{groupVersion: "events.k8s.io/v1", resource: "events", kind: "Event"},
		{groupVersion: "apps/v1", resource: "deployments", kind: "Deployment"},
		{groupVersion: "autoscaling/v1", resource: "horizontalpodautoscalers", kind: "HorizontalPodAutoscaler"},
		{groupVersion: "autoscaling/v2", resource: "horizontalpodautoscalers", kind: "HorizontalPodAutoscaler"},
		{groupVersion: "networking.k8s.io/v1", resource: "networkpolicies", kind: "NetworkPolicy"},
		{groupVersion: "rbac.authorization.k8s.io/v1", resource: "clusterroles", kind: "ClusterRole", clusterScoped: true},
	}
}

// cluster answers discovery as an API server that serves these resources.
func cluster(resources ...served) *fakediscovery.FakeDiscovery {
	fake := &fakediscovery.FakeDiscovery{Fake: &clienttesting.Fake{}}
	for _, resource := range resources {
		install(fake, resource)
	}
	return fake
}

func install(fake *fakediscovery.FakeDiscovery, resource served) {
	entry := metav1.APIResource{
		Name: resource.resource, SingularName: strings.ToLower(resource.kind), Kind: resource.kind, Namespaced: !resource.clusterScoped,
	}
	for _, list := range fake.Resources {
		if list.GroupVersion == resource.groupVersion {
			list.APIResources = append(list.APIResources, entry)
			return
		}
	}
	fake.Resources = append(fake.Resources, &metav1.APIResourceList{
		GroupVersion: resource.groupVersion, APIResources: []metav1.APIResource{entry},
	})
}

func canonical(t *testing.T, r *Resolver, target string) (string, error) {
	t.Helper()
	parsed, err := v1alpha1.ParseTarget(target)
	if err != nil {
		t.Fatal(err)
	}
	return r.Canonical(parsed)
}

func TestCanonical(t *testing.T) {
	custom := []served{
		{groupVersion: "example.com/v1", resource: "widgets", kind: "Widget"},
		{groupVersion: "example.com/v1", resource: "allowlists", kind: "AllowList"},
		{groupVersion: "a.example.com/v1", resource: "databases", kind: "Database"},
		{groupVersion: "b.example.com/v1", resource: "databases", kind: "Database"},
		// These carry the names of built-in resources.
		{groupVersion: "apps.example.com/v1", resource: "deployments", kind: "Deployment", clusterScoped: true},
		{groupVersion: "example.com/v1", resource: "pods", kind: "Pod", clusterScoped: true},
		{groupVersion: "crd.projectcalico.org/v1", resource: "networkpolicies", kind: "NetworkPolicy"},
		{groupVersion: "metrics.k8s.io/v1beta1", resource: "nodes", kind: "NodeMetrics", clusterScoped: true},
	}
	tests := map[string]string{
		"payment/Deployment/api":              "payment/deployments.apps/api",
		"payment/deployment/api":              "payment/deployments.apps/api",
		"payment/deployments/api":             "payment/deployments.apps/api",
		"payment/DEPLOYMENT/api":              "payment/deployments.apps/api",
		"payment/deployment.apps/api":         "payment/deployments.apps/api",
		"payment/Deployments.apps/api":        "payment/deployments.apps/api",
		"deployment.apps.example.com/api":     "deployments.apps.example.com/api",
		"payment/pod/api-0":                   "payment/pods/api-0",
		"payment/endpoints/api":               "payment/endpoints/api",
		"node/ip-10-0-0-1.internal":           "nodes/ip-10-0-0-1.internal",
		"NodeMetrics/a":                       "nodes.metrics.k8s.io/a",
		"payment/event/e":                     "payment/events/e",
		"payment/event.events.k8s.io/e":       "payment/events/e",
		"payment/events.events.k8s.io/e":      "payment/events/e",
		"payment/HorizontalPodAutoscaler/api": "payment/horizontalpodautoscalers.autoscaling/api",
		"payment/networkpolicy/deny":          "payment/networkpolicies.networking.k8s.io/deny",
		"clusterrole/system:node":             "clusterroles.rbac.authorization.k8s.io/system:node",
		"payment/widget/w":                    "payment/widgets.example.com/w",
		"payment/AllowList/a":                 "payment/allowlists.example.com/a",
		"payment/database.a.example.com/d":    "payment/databases.a.example.com/d",
		"pod.example.com/p":                   "pods.example.com/p",
	}
	// Custom resources must not change what a target means, whatever order discovery lists them in.
	for order, resources := range map[string][]served{
		"built-in first": append(builtIns(), custom...),
		"custom first":   append(custom, builtIns()...),
	} {
		r := NewResolver(cluster(resources...))
		for target, want := range tests {
			t.Run(order+" "+target, func(t *testing.T) {
				if got, err := canonical(t, r, target); err != nil || got != want {
					t.Errorf("Canonical() = %q, %v, want %q", got, err, want)
				}
			})
		}
	}
}

func TestCanonicalRefuses(t *testing.T) {
	r := NewResolver(cluster(append(
		builtIns(),
		served{groupVersion: "a.example.com/v1", resource: "databases", kind: "Database"},
		served{groupVersion: "b.example.com/v1", resource: "databases", kind: "Database"},
		served{groupVersion: "gateway.networking.k8s.io/v1", resource: "gateways", kind: "Gateway"},
		served{groupVersion: "networking.istio.io/v1", resource: "gateways", kind: "Gateway"},
		served{groupVersion: "apps.example.com/v1", resource: "widgets", kind: "Widget"},
	)...))
	const ambiguous = "spec.targetResource cannot be resolved: %q: kind %q is ambiguous; write it with its group: "
	const unserved = "spec.targetResource cannot be resolved: %q: the cluster serves no kind %q"
	tests := map[string]string{
		"payment/database/d": fmt.Sprintf(ambiguous, "payment/database/d", "database") + "databases.a.example.com, databases.b.example.com",
		// The Gateway API lies under k8s.io and is custom resources all the same.
		"payment/gateway/g":          fmt.Sprintf(ambiguous, "payment/gateway/g", "gateway") + "gateways.gateway.networking.k8s.io, gateways.networking.istio.io",
		"payment/wardrobe/w":         fmt.Sprintf(unserved, "payment/wardrobe/w", "wardrobe"),
		"payment/deployment.batch/a": fmt.Sprintf(unserved, "payment/deployment.batch/a", "deployment.batch"),
		// A group has to be the group, not the beginning of one.
		"payment/widget.apps/w":  fmt.Sprintf(unserved, "payment/widget.apps/w", "widget.apps"),
		"payment/deployment.a/a": fmt.Sprintf(unserved, "payment/deployment.a/a", "deployment.a"),
		// kubectl knows short names, discovery's mapper does not.
		"payment/deploy/api": fmt.Sprintf(unserved, "payment/deploy/api", "deploy"),
		// The mapper makes up resources for lists; they would be second locks of the same objects.
		"payment/DeploymentList/api":       fmt.Sprintf(unserved, "payment/DeploymentList/api", "DeploymentList"),
		"payment/deploymentlists.apps/api": fmt.Sprintf(unserved, "payment/deploymentlists.apps/api", "deploymentlists.apps"),
		"list/api":                         fmt.Sprintf(unserved, "list/api", "list"),
		"deployment/api": "spec.targetResource cannot be resolved: \"deployment/api\": deployments.apps lives in a namespace; " +
			"want namespace/deployment/api",
		"payment/Node/a": "spec.targetResource cannot be resolved: \"payment/Node/a\": nodes is cluster-scoped; want Node/a",
	}
	for target, want := range tests {
		t.Run(target, func(t *testing.T) {
			got, err := canonical(t, r, target)
			if err == nil || err.Error() != want {
				t.Errorf("Canonical() = %q, %v, want %s", got, err, want)
			}
			if !errors.Is(err, ErrTarget) {
				t.Error("trying again cannot help, and the error does not say so")
			}
		})
	}
}

func TestDiscoveryFails(t *testing.T) {
	fake := cluster(builtIns()...)
	fake.PrependReactor("get", "group", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, errors.New("connection refused")
	})
	_, err := canonical(t, NewResolver(fake), "payment/deployment/api")
	if err == nil || errors.Is(err, ErrTarget) || !strings.Contains(err.Error(), "connection refused") {
		t.Error("Canonical() =", err, "- want an error that trying again can mend")
	}
}

// What was seen first must not be the answer for as long as the program runs.
func TestCustomResourceThatWasInstalledLater(t *testing.T) {
	fake := cluster(append(builtIns(), served{groupVersion: "apps.example.com/v1", resource: "widgets", kind: "Widget"})...)
	r := NewResolver(fake)
	for _, target := range []string{"payment/gadget/g", "payment/widget.apps/w"} {
		if got, err := canonical(t, r, target); !errors.Is(err, ErrTarget) {
			t.Fatalf("Canonical() = %q, %v", got, err)
		}
	}
	install(fake, served{groupVersion: "example.com/v1", resource: "gadgets", kind: "Gadget"})
	install(fake, served{groupVersion: "apps/v1", resource: "widgets", kind: "Widget"})
	for target, want := range map[string]string{
		"payment/gadget/g": "payment/gadgets.example.com/g", "payment/widget.apps/w": "payment/widgets.apps/w",
	} {
		if got, err := canonical(t, r, target); err != nil || got != want {
			t.Errorf("Canonical() = %q, %v, want %q", got, err, want)
		}
	}
}
