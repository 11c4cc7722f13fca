// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package targetlock

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/scheme"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
)

// ErrTarget marks an error that lies in the target as it was written: trying again cannot help.
var ErrTarget = errors.New("spec.targetResource cannot be resolved")

// Resolver finds out which resource a target names, through API discovery.
type Resolver struct {
	mapper meta.RESTMapper
}

// NewResolver resolves by the given mapper, which should be cached.
func NewResolver(mapper meta.RESTMapper) *Resolver {
	return &Resolver{mapper: mapper}
}

// Canonical is the one form of a target, however its kind was written: namespace/resource.group/name,
// or resource.group/name for a cluster-scoped one. Errors that trying again cannot mend are ErrTarget.
func (r *Resolver) Canonical(target v1alpha1.Target) (string, error) {
	resource, err := r.resource(target)
	if err != nil {
		return "", err
	}
	namespaced, err := r.isNamespaced(resource)
	if err != nil {
		return "", err
	}
	switch {
	case namespaced && target.Namespace == "":
		return "", fmt.Errorf("%w: %q: %s lives in a namespace; want namespace/%s/%s",
			ErrTarget, target, resource.GroupResource(), target.Kind, target.Name)
	case !namespaced && target.Namespace != "":
		return "", fmt.Errorf("%w: %q: %s is cluster-scoped; want %s/%s",
			ErrTarget, target, resource.GroupResource(), target.Kind, target.Name)
	}
	canonical := v1alpha1.Target{
		Namespace: target.Namespace,
		Kind:      schema.GroupKind{Group: resource.Group, Kind: resource.Resource},
		Name:      target.Name,
	}
	return canonical.String(), nil
}

func (r *Resolver) resource(target v1alpha1.Target) (schema.GroupVersionResource, error) {
	candidates, err := r.candidates(target.Kind)
	if err == nil && len(candidates) == 0 {
		// What the mapper has cached may be older than the custom resource.
		meta.MaybeResetRESTMapper(r.mapper)
		candidates, err = r.candidates(target.Kind)
	}
	if err != nil {
		return schema.GroupVersionResource{}, fmt.Errorf("failed to discover kind %q: %w", target.Kind, err)
	}
	return choose(target, candidates)
}

// candidates are the resources that a kind may mean, each in one version. A mapper also finds groups
// that only begin with the given one; a group that was written out has to be that group.
func (r *Resolver) candidates(kind schema.GroupKind) ([]schema.GroupVersionResource, error) {
	versions, err := r.mapper.ResourcesFor(schema.GroupVersionResource{
		Group: kind.Group, Resource: strings.ToLower(kind.Kind),
	})
	if meta.IsNoMatchError(err) {
		return nil, nil
	}
	seen := map[schema.GroupResource]bool{}
	var resources []schema.GroupVersionResource
	for _, resource := range versions {
		if (kind.Group == "" || resource.Group == kind.Group) && !seen[resource.GroupResource()] && !r.isList(resource) {
			seen[resource.GroupResource()] = true
			resources = append(resources, resource)
		}
	}
	return resources, err
}

// isList finds out what a mapper makes up: for every kind a resource of its list, deploymentlists,
// which would be a second lock for the same object.
func (r *Resolver) isList(resource schema.GroupVersionResource) bool {
	kind, err := r.mapper.KindFor(resource)
	item, ok := strings.CutSuffix(kind.Kind, "List")
	if err != nil || !ok {
		return false
	}
	if item != "" {
		_, err = r.mapper.RESTMapping(schema.GroupKind{Group: kind.Group, Kind: item}, kind.Version)
	}
	return err == nil
}

// isNamespaced asks for a version as well: without one, a mapper answers for other groups too.
func (r *Resolver) isNamespaced(resource schema.GroupVersionResource) (bool, error) {
	kind, err := r.mapper.KindFor(resource)
	if err != nil {
		return false, fmt.Errorf("failed to discover the kind of %s: %w", resource.GroupResource(), err)
	}
	mapping, err := r.mapper.RESTMapping(kind.GroupKind(), kind.Version)
	if err != nil {
		return false, fmt.Errorf("failed to discover the scope of %s: %w", resource.GroupResource(), err)
	}
	return mapping.Scope.Name() == meta.RESTScopeNameNamespace, nil
}

// choose lets the core group win over other built-in groups, and those over all others: a custom
// resource must not change what "deployment" means.
func choose(target v1alpha1.Target, candidates []schema.GroupVersionResource) (schema.GroupVersionResource, error) {
	for _, wins := range []func(group string) bool{
		func(group string) bool { return group == "" }, isBuiltIn, func(string) bool { return true },
	} {
		found := slices.DeleteFunc(slices.Clone(candidates), func(r schema.GroupVersionResource) bool { return !wins(r.Group) })
		if len(found) == 1 {
			return found[0], nil
		}
		if len(found) > 1 {
			return schema.GroupVersionResource{}, fmt.Errorf("%w: %q: kind %q is ambiguous; write it with its group: %s",
				ErrTarget, target, target.Kind, list(found))
		}
	}
	return schema.GroupVersionResource{}, fmt.Errorf("%w: %q: the cluster serves no kind %q", ErrTarget, target, target.Kind)
}

// isBuiltIn knows Kubernetes' own groups. A name under k8s.io does not make one: the Gateway API is
// custom resources, and must not change what an earlier Gateway means.
func isBuiltIn(group string) bool {
	return scheme.Scheme.IsGroupRegistered(group)
}

func list(resources []schema.GroupVersionResource) string {
	names := make([]string, 0, len(resources))
	for _, resource := range resources {
		names = append(names, resource.GroupResource().String())
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}
