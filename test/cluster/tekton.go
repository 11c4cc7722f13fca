// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

const (
	tektonController = "tekton-controller"
	tektonResolvers  = "tekton-resolvers"
	tektonWebhook    = "tekton-webhook"
)

// startTekton installs Tekton from its own manifests and runs its programs beside the control plane, each as the
// ServiceAccount that its Deployment names. It closes kindsKnown as soon as the kinds exist.
func (c *Cluster) startTekton(ctx context.Context, kindsKnown chan<- struct{}) error {
	install, err := readTekton(c.programs.tektonConfig)
	if err != nil {
		return err
	}
	webhookPort, err := c.ports.take()
	if err != nil {
		return err
	}
	options := ApplyOptions{Change: adaptTekton(webhookPort)}
	if err := c.applyTogether(ctx, options, append(install.namespaces, install.definitions...)); err != nil {
		return err
	}
	close(kindsKnown)
	if err := c.applyTogether(ctx, options, install.others); err != nil {
		return err
	}
	c.progress.step("Tekton is installed")

	group, programs := errgroup.WithContext(ctx)
	for _, deployment := range install.deployments {
		group.Go(func() error { return c.runTekton(programs, deployment, webhookPort) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return c.awaitAdmission(ctx)
}

// runTekton starts one of Tekton's programs and waits until it leads, which is when its reconcilers work.
func (c *Cluster) runTekton(ctx context.Context, deployment tektonDeployment, webhookPort int) error {
	kubeconfig, err := c.ServiceAccountKubeconfig(ctx, deployment.namespace, deployment.serviceAccount)
	if err != nil {
		return err
	}
	env := slices.Concat(deployment.env, []string{"KUBECONFIG=" + kubeconfig, fmt.Sprintf("WEBHOOK_PORT=%d", webhookPort)})
	// They run on one machine, so none can have the ports of its Deployment.
	for _, variable := range []string{"PROBES_PORT", "METRICS_PROMETHEUS_PORT", "PROFILING_PORT"} {
		port, err := c.ports.take()
		if err != nil {
			return err
		}
		env = append(env, fmt.Sprintf("%s=%d", variable, port))
	}
	args := slices.Concat(deployment.args, []string{"-kube-api-qps=100", "-kube-api-burst=200"})
	process, err := c.startProgram(deployment.program, env, args...)
	if err != nil {
		return err
	}
	return c.await(ctx, deployment.program, func(ctx context.Context) error {
		return c.leads(ctx, deployment.namespace, process)
	})
}

// leads asks for a Lease held by the process. Knative's leader election appends the name of the component to that
// of the Lease, and takes a random identity; but only one program of a namespace uses a given prefix.
func (c *Cluster) leads(ctx context.Context, namespace string, process *Process) error {
	leases, err := c.client.CoordinationV1().Leases(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	prefix := leasePrefixes[process.name]
	for _, lease := range leases.Items {
		holder := lease.Spec.HolderIdentity
		if strings.HasPrefix(lease.Name, prefix) && holder != nil && *holder != "" {
			return nil
		}
	}
	return fmt.Errorf("no lease %s* in %s is held", prefix, namespace)
}

// leasePrefixes are the component names that Tekton's mains give to Knative.
var leasePrefixes = map[string]string{
	tektonController: "tekton-pipelines-controller.",
	tektonWebhook:    "tekton-pipelines-webhook.",
	tektonResolvers:  "controller.",
}

// awaitAdmission waits until a PipelineRun is defaulted and validated. Before its webhook has registered itself
// Kubernetes would admit anything; so the probe is one that only the webhook changes.
func (c *Cluster) awaitAdmission(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	probe := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "tekton.dev/v1",
		"kind":       "PipelineRun",
		"metadata":   map[string]any{"name": "readiness-probe"},
		"spec":       map[string]any{"pipelineRef": map[string]any{"name": "none"}},
	}}
	runs := schema.GroupVersionResource{Group: "tekton.dev", Version: "v1", Resource: "pipelineruns"}
	dryRun := metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}}
	err := poll(ctx, "waiting for Tekton's webhook", func(ctx context.Context) error {
		run, err := c.dynamic.Resource(runs).Namespace(metav1.NamespaceDefault).Create(ctx, probe, dryRun)
		if err != nil {
			return err
		}
		if timeout, _, _ := unstructured.NestedString(run.Object, "spec", "timeouts", "pipeline"); timeout == "" {
			return fmt.Errorf("the webhook is not registered yet")
		}
		return nil
	})
	if err != nil {
		return err
	}
	c.progress.step("Tekton admits PipelineRuns")
	return nil
}
