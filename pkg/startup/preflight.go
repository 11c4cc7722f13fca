// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package startup

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/rest"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
)

const (
	tektonVersion    = "tekton.dev/v1"
	preflightTimeout = 15 * time.Second
)

// preflight fails with one clear line if the cluster lacks what the controller cannot work without.
// Knative's informers would wait for it without a word.
func preflight(ctx context.Context, cfg *rest.Config) error {
	cfg = rest.CopyConfig(cfg)
	cfg.Timeout = preflightTimeout
	client, err := discovery.NewDiscoveryClientForConfig(cfg)
	if err != nil {
		return err
	}
	if _, err := client.ServerVersion(); err != nil {
		return fmt.Errorf("the Kubernetes API server at %s cannot be reached: %w", cfg.Host, err)
	}
	if err := serves(ctx, client, tektonVersion, "pipelineruns"); err != nil {
		return fmt.Errorf("is Tekton Pipelines installed? %w", err)
	}
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
