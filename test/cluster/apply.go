// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"
)

const (
	fieldManager   = "local-cluster"
	kindDefinition = "CustomResourceDefinition"
)

// ApplyOptions changes how manifests are applied.
type ApplyOptions struct {
	// DryRun lets the API server check everything and keep nothing.
	DryRun bool
	// Change may alter an object before it is sent; false leaves the object out.
	Change func(*unstructured.Unstructured) bool
}

// Apply applies, on the server side and in the order of their names, the manifests of files and folders.
func (c *Cluster) Apply(ctx context.Context, paths ...string) error {
	return c.ApplyWith(ctx, ApplyOptions{}, paths...)
}

// DryRun has the API server check the manifests of files and folders as Apply would send them.
func (c *Cluster) DryRun(ctx context.Context, paths ...string) error {
	return c.ApplyWith(ctx, ApplyOptions{DryRun: true}, paths...)
}

// ApplyWith is Apply with options.
func (c *Cluster) ApplyWith(ctx context.Context, o ApplyOptions, paths ...string) error {
	manifests, err := readManifests(paths...)
	if err != nil {
		return err
	}
	return c.applyInOrder(ctx, o, manifests)
}

// ApplyManifests applies manifests that are no files.
func (c *Cluster) ApplyManifests(ctx context.Context, o ApplyOptions, manifests ...[]byte) error {
	for i, content := range manifests {
		parsed, err := parseManifests(fmt.Sprintf("manifest %d", i+1), content)
		if err != nil {
			return err
		}
		if err := c.applyInOrder(ctx, o, parsed); err != nil {
			return err
		}
	}
	return nil
}

func (c *Cluster) applyInOrder(ctx context.Context, o ApplyOptions, manifests []manifest) error {
	for _, m := range manifests {
		if err := c.applyOne(ctx, o, m); err != nil {
			return err
		}
	}
	return nil
}

// applyTogether is for manifests that do not need each other.
func (c *Cluster) applyTogether(ctx context.Context, o ApplyOptions, manifests []manifest) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(8)
	for _, m := range manifests {
		group.Go(func() error { return c.applyOne(ctx, o, m) })
	}
	return group.Wait()
}

func (c *Cluster) applyOne(ctx context.Context, o ApplyOptions, m manifest) error {
	object := m.DeepCopy()
	if o.Change != nil && !o.Change(object) {
		return nil
	}
	resource, err := c.resourceOf(object)
	if err != nil {
		return fmt.Errorf("applying %s: %w", m, err)
	}
	options := metav1.ApplyOptions{FieldManager: fieldManager, Force: true}
	if o.DryRun {
		options.DryRun = []string{metav1.DryRunAll}
	}
	if _, err := resource.Apply(ctx, object.GetName(), object, options); err != nil {
		return fmt.Errorf("applying %s: %w", m, err)
	}
	if object.GetKind() == kindDefinition && !o.DryRun {
		return c.awaitDefinition(ctx, object)
	}
	return nil
}

// resourceOf is the client for the resource of an object.
func (c *Cluster) resourceOf(object *unstructured.Unstructured) (dynamic.ResourceInterface, error) {
	mapping, err := c.mapper.mapping(object.GroupVersionKind())
	if err != nil {
		return nil, err
	}
	resource := c.dynamic.Resource(mapping.Resource)
	if mapping.Scope.Name() == meta.RESTScopeNameRoot {
		return resource, nil
	}
	namespace := object.GetNamespace()
	if namespace == "" {
		namespace = metav1.NamespaceDefault
	}
	return resource.Namespace(namespace), nil
}

// awaitDefinition waits until objects of a new kind can be listed. That the definition is established is said a
// moment before it is true.
func (c *Cluster) awaitDefinition(ctx context.Context, definition *unstructured.Unstructured) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	group, _, _ := unstructured.NestedString(definition.Object, "spec", "group")
	plural, _, _ := unstructured.NestedString(definition.Object, "spec", "names", "plural")
	versions, _, _ := unstructured.NestedSlice(definition.Object, "spec", "versions")
	var paths []string
	for _, version := range versions {
		v, _ := version.(map[string]any)
		if served, _ := v["served"].(bool); served {
			paths = append(paths, fmt.Sprintf("/apis/%s/%s/%s", group, v["name"], plural))
		}
	}
	return poll(ctx, "waiting for "+definition.GetName()+" to be served", func(ctx context.Context) error {
		for _, path := range paths {
			if err := c.client.Discovery().RESTClient().Get().AbsPath(path).Param("limit", "1").Do(ctx).Error(); err != nil {
				return err
			}
		}
		return nil
	})
}
