// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
)

// snapshot has the metadata of all objects of a cluster that people decide about, by resource, namespace and name.
type snapshot map[string]string

// takeSnapshot lists every kind that can be listed.
func takeSnapshot(ctx context.Context) (snapshot, error) {
	kinds, err := w.Kube.Discovery().ServerPreferredResources()
	if err != nil {
		return nil, err
	}
	config := rest.CopyConfig(w.Cluster.Config())
	config.QPS = -1
	client, err := metadata.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	taken := snapshot{}
	for _, group := range kinds {
		version, err := schema.ParseGroupVersion(group.GroupVersion)
		if err != nil {
			return nil, err
		}
		for _, kind := range group.APIResources {
			if !slices.Contains(kind.Verbs, "list") {
				continue
			}
			if err := taken.add(ctx, client, version.WithResource(kind.Name)); err != nil {
				return nil, err
			}
		}
	}
	return taken, nil
}

func (s snapshot) add(ctx context.Context, client metadata.Interface, resource schema.GroupVersionResource) error {
	list, err := client.Resource(resource).List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	for _, object := range list.Items {
		if changesByItself(resource.Resource, object.Namespace) {
			continue
		}
		// Maps are written in the order of their keys.
		decided, err := json.Marshal([]any{object.Labels, object.Annotations, object.Finalizers})
		if err != nil {
			return err
		}
		s[resource.GroupResource().String()+" "+object.Namespace+"/"+object.Name] = string(decided)
	}
	return nil
}

// changesByItself says of what is never the same twice, whether or not anything is installed: what the cluster notes
// about itself, its nodes, and what controllers make in namespaces that are not the product's.
func changesByItself(resource, namespace string) bool {
	switch resource {
	case "events", "nodes", "csinodes", "endpoints", "endpointslices", "componentstatuses":
		return true
	case "leases", "pods", "replicasets":
		return namespace == "kube-system" || namespace == "kube-node-lease" || strings.HasPrefix(namespace, "tekton-pipelines")
	}
	return false
}

// differences are what was added, removed and changed since an earlier snapshot.
func (s snapshot) differences(before snapshot) []string {
	var found []string
	for name, now := range s {
		switch then, existed := before[name]; {
		case !existed:
			found = append(found, "added: "+name+" "+now)
		case then != now:
			found = append(found, "changed: "+name+" from "+then+" to "+now)
		}
	}
	for name := range before {
		if _, exists := s[name]; !exists {
			found = append(found, "removed: "+name)
		}
	}
	slices.Sort(found)
	return found
}
