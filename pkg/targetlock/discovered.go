// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package targetlock

import (
	"slices"
	"strings"
	"sync/atomic"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
)

// Discovery is what a Resolver needs of a discovery client. A RESTMapper would not do: it does not tell which
// groups it knows nothing of.
type Discovery interface {
	// ServerGroupsAndResources returns what it has beside an ErrGroupDiscoveryFailed.
	ServerGroupsAndResources() ([]*metav1.APIGroup, []*metav1.APIResourceList, error)
}

// servedResources remembers what the API server said last.
type servedResources struct {
	discovery Discovery
	last      atomic.Pointer[discovered]
}

// remembered is what the API server said last; it is fresh if it had to be asked for that.
func (s *servedResources) remembered() (known *discovered, isFresh bool, err error) {
	if last := s.last.Load(); last != nil {
		return last, false, nil
	}
	known, err = s.ask()
	return known, true, err
}

// ask has the API server say what it serves. That some groups do not answer is no error.
func (s *servedResources) ask() (*discovered, error) {
	_, lists, err := s.discovery.ServerGroupsAndResources()
	failed, isPartial := discovery.GroupDiscoveryFailedErrorGroups(err)
	if err != nil && !isPartial {
		return nil, err
	}
	known := &discovered{lists: lists}
	for version := range failed {
		known.silent = append(known.silent, version.Group)
	}
	slices.Sort(known.silent)
	known.silent = slices.Compact(known.silent)
	s.last.Store(known)
	return known, nil
}

// discovered is what an API server serves, as far as it can tell.
type discovered struct {
	lists []*metav1.APIResourceList
	// silent are the groups of aggregated APIs that do not answer, in at least one version.
	silent []string
}

// resource is one kind of object.
type resource struct {
	schema.GroupResource
	isNamespaced bool
	// servedBy is the group under which it was found.
	servedBy string
}

// resources are those of the given groups that a kind may mean, in whichever version, written as a kind or as a
// resource, in singular or plural, in any case.
func (d *discovered) resources(kind string, in func(group string) bool) []resource {
	seen := map[schema.GroupResource]bool{}
	var found []resource
	for _, list := range d.lists {
		version, err := schema.ParseGroupVersion(list.GroupVersion)
		if err != nil || !in(version.Group) {
			continue
		}
		for i := range list.APIResources {
			served := &list.APIResources[i]
			same := storedAs(schema.GroupResource{Group: version.Group, Resource: served.Name})
			if !seen[same] && isNamed(served, kind) {
				seen[same] = true
				found = append(found, resource{GroupResource: same, isNamespaced: served.Namespaced, servedBy: version.Group})
			}
		}
	}
	return found
}

// isNamed leaves subresources out.
func isNamed(served *metav1.APIResource, kind string) bool {
	return !strings.Contains(served.Name, "/") &&
		(strings.EqualFold(kind, served.Name) || strings.EqualFold(kind, served.SingularName) || strings.EqualFold(kind, served.Kind))
}

// silentGroups are those of the given groups that may serve something else than what was found.
func (d *discovered) silentGroups(in func(group string) bool, found []resource) []string {
	return slices.DeleteFunc(slices.Clone(d.silent), func(group string) bool {
		return !in(group) || slices.ContainsFunc(found, func(r resource) bool { return r.servedBy == group })
	})
}

// storedAs is the one group for a kind of objects that Kubernetes serves under two, or has served in a version
// from which objects may still be around.
func storedAs(served schema.GroupResource) schema.GroupResource {
	if group, ok := servedTwice[served]; ok {
		served.Group = group
	}
	return served
}

// servedTwice are the groups to which resources of other groups really belong.
var servedTwice = map[schema.GroupResource]string{
	{Group: "events.k8s.io", Resource: "events"}:                "",
	{Group: "extensions", Resource: "replicationcontrollers"}:   "",
	{Group: "extensions", Resource: "daemonsets"}:               "apps",
	{Group: "extensions", Resource: "deployments"}:              "apps",
	{Group: "extensions", Resource: "replicasets"}:              "apps",
	{Group: "extensions", Resource: "jobs"}:                     "batch",
	{Group: "extensions", Resource: "horizontalpodautoscalers"}: "autoscaling",
	{Group: "extensions", Resource: "ingresses"}:                "networking.k8s.io",
	{Group: "extensions", Resource: "networkpolicies"}:          "networking.k8s.io",
	{Group: "extensions", Resource: "podsecuritypolicies"}:      "policy",
}
