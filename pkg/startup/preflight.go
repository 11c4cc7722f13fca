// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package startup

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilversion "k8s.io/apimachinery/pkg/util/version"
	"k8s.io/apimachinery/pkg/version"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"knative.dev/pkg/system"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
)

const (
	tektonVersion = "tekton.dev/v1"
	// minimumKubernetes is the first release that serves admissionregistration.k8s.io/v1 with
	// ValidatingAdmissionPolicies, which hold what no webhook can.
	minimumKubernetes = "1.30"

	preflightTimeout = 15 * time.Second
)

// preflight fails with one clear line if the cluster lacks what the controller cannot work without.
// Knative's informers would wait for it without a word.
func preflight(ctx context.Context, cfg *rest.Config) error {
	client, err := reach(cfg)
	if err != nil {
		return err
	}
	if err := serves(ctx, client, tektonVersion, "pipelineruns"); err != nil {
		return fmt.Errorf("is Tekton Pipelines installed? %w", err)
	}
	return checkDefinition(ctx, client)
}

// preflightWebhook does the same for the webhook. Knative's controller of certificates would wait for
// the Secret without a word.
func preflightWebhook(ctx context.Context, cfg *rest.Config, secret string) error {
	client, err := reach(cfg)
	if err != nil {
		return err
	}
	if err := checkDefinition(ctx, client); err != nil {
		return err
	}
	kube, err := kubernetes.NewForConfig(withTimeout(cfg))
	if err != nil {
		return err
	}
	if _, err := kube.CoreV1().Secrets(system.Namespace()).Get(ctx, secret, metav1.GetOptions{}); err != nil {
		return fmt.Errorf("is the Secret for the certificates installed, if only empty? failed to read %s/%s: %w",
			system.Namespace(), secret, err)
	}
	return nil
}

// reach is the first word with the API server.
func reach(cfg *rest.Config) (*discovery.DiscoveryClient, error) {
	client, err := discovery.NewDiscoveryClientForConfig(withTimeout(cfg))
	if err != nil {
		return nil, err
	}
	found, err := client.ServerVersion()
	if err != nil {
		return nil, fmt.Errorf("the Kubernetes API server at %s cannot be reached: %w", cfg.Host, err)
	}
	return client, newEnough(found)
}

// newEnough does not look at what a vendor has appended to the version.
func newEnough(found *version.Info) error {
	name := found.GitVersion
	parsed, err := utilversion.ParseGeneric(name)
	if err != nil || parsed.Major() == 0 {
		// A server that was built without the tags of its source has only these, and calls itself v0.0.0-master.
		name = found.Major + "." + found.Minor
		parsed, err = utilversion.ParseGeneric(name)
	}
	if err != nil {
		return fmt.Errorf("the API server calls its version %q: want that of Kubernetes %s or newer", found.GitVersion, minimumKubernetes)
	}
	if !parsed.AtLeast(utilversion.MustParseGeneric(minimumKubernetes)) {
		return fmt.Errorf("the API server runs Kubernetes %s: want %s or newer", name, minimumKubernetes)
	}
	return nil
}

func withTimeout(cfg *rest.Config) *rest.Config {
	cfg = rest.CopyConfig(cfg)
	cfg.Timeout = preflightTimeout
	return cfg
}

func checkDefinition(ctx context.Context, client discovery.ServerResourcesInterface) error {
	if err := serves(ctx, client, v1alpha1.SchemeGroupVersion.String(), "workflowexecutions"); err != nil {
		return fmt.Errorf("is the WorkflowExecution CRD installed? %w", err)
	}
	return nil
}

// TektonServed is ready when the API server serves Tekton's API.
func TektonServed(client discovery.ServerResourcesInterface) func(context.Context) error {
	return func(ctx context.Context) error { return serves(ctx, client, tektonVersion, "pipelineruns") }
}

func serves(_ context.Context, client discovery.ServerResourcesInterface, groupVersion, resource string) error {
	list, err := client.ServerResourcesForGroupVersion(groupVersion)
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("failed to discover %s: %w", groupVersion, err)
	}
	if list != nil && has(list, resource) {
		return nil
	}
	return fmt.Errorf("the API server does not serve %s of %s", resource, groupVersion)
}

func has(list *metav1.APIResourceList, resource string) bool {
	for _, served := range list.APIResources {
		if served.Name == resource {
			return true
		}
	}
	return false
}
