// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/google/go-containerregistry/pkg/v1/layout"
	"golang.org/x/sync/errgroup"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubernaut.ai/workflowexecution/test/images"
)

const tektonNamespaces = "app.kubernetes.io/part-of=tekton-pipelines"

// bringUpNodes is what follows the API server where nodes are real: there Tekton runs in pods.
func (c *Cluster) bringUpNodes(ctx context.Context, o Options) error {
	group, together := errgroup.WithContext(ctx)
	group.Go(func() error { return c.startScheduler(together) })
	group.Go(func() error {
		if err := c.LoadImages(together, filepath.Join(c.programs.nodeImages, layoutFolder)); err != nil {
			return err
		}
		return c.startNodes(together, o.Nodes)
	})
	group.Go(func() error {
		manifests := append([]string{filepath.Join(c.programs.nodeImages, tektonManifest)}, o.Manifests...)
		if err := c.applyDefinitionsFirst(together, manifests); err != nil {
			return err
		}
		return c.startControllerManager(together)
	})
	if err := group.Wait(); err != nil {
		return err
	}
	c.progress.step("%d real nodes are ready", o.Nodes)
	if err := c.AwaitDeployments(ctx, tektonNamespaces); err != nil {
		return err
	}
	return c.awaitAdmission(ctx)
}

// applyDefinitionsFirst applies manifests of whatever order: namespaces, then kinds, then the rest.
func (c *Cluster) applyDefinitionsFirst(ctx context.Context, paths []string) error {
	all, err := readManifests(paths...)
	if err != nil {
		return err
	}
	var stages [3][]manifest
	for _, m := range all {
		switch m.GetKind() {
		case "Namespace":
			stages[0] = append(stages[0], m)
		case kindDefinition:
			stages[1] = append(stages[1], m)
		default:
			stages[2] = append(stages[2], m)
		}
	}
	for _, stage := range stages {
		if err := c.applyTogether(ctx, ApplyOptions{}, stage); err != nil {
			return err
		}
	}
	return nil
}

// LoadImages puts the images of an OCI layout into the cluster's registry, at the places that their annotations name.
func (c *Cluster) LoadImages(ctx context.Context, folder string) error {
	index, err := layout.ImageIndexFromPath(folder)
	if err != nil {
		return err
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		return err
	}
	for _, entry := range manifest.Manifests {
		image, err := index.Image(entry.Digest)
		if err != nil {
			return err
		}
		if _, err := images.Push(ctx, c.Registry()+"/"+entry.Annotations[referenceName], image); err != nil {
			return err
		}
	}
	return nil
}

// AwaitDeployments waits until all replicas of the Deployments with these labels, in any namespace, are available.
func (c *Cluster) AwaitDeployments(ctx context.Context, selector string) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	return poll(ctx, "waiting for the Deployments "+selector, func(ctx context.Context) error {
		list, err := c.client.AppsV1().Deployments(metav1.NamespaceAll).List(ctx, metav1.ListOptions{LabelSelector: selector})
		if err != nil {
			return err
		}
		if len(list.Items) == 0 {
			return fmt.Errorf("there is none yet")
		}
		for i := range list.Items {
			if err := isAvailable(&list.Items[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

func isAvailable(d *appsv1.Deployment) error {
	if d.Status.ObservedGeneration < d.Generation {
		return fmt.Errorf("deployment %s/%s is not observed yet", d.Namespace, d.Name)
	}
	want := int32(1)
	if d.Spec.Replicas != nil {
		want = *d.Spec.Replicas
	}
	if d.Status.UpdatedReplicas == want && d.Status.AvailableReplicas == want && d.Status.Replicas == want {
		return nil
	}
	for _, condition := range d.Status.Conditions {
		if condition.Status == corev1.ConditionFalse {
			return fmt.Errorf("deployment %s/%s: %s", d.Namespace, d.Name, condition.Message)
		}
	}
	return fmt.Errorf("deployment %s/%s has %d of %d replicas available", d.Namespace, d.Name, d.Status.AvailableReplicas, want)
}
