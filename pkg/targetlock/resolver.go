// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package targetlock

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/scheme"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
)

// ErrTarget marks an error that lies in the target as it was written: trying again cannot help.
var ErrTarget = errors.New("spec.targetResource cannot be resolved")

// Resolver finds out which resource a target names, through API discovery.
type Resolver struct {
	served servedResources
}

// NewResolver resolves by what the API server says it serves. That is remembered, and asked again when it
// does not decide a target.
func NewResolver(discovery Discovery) *Resolver {
	return &Resolver{served: servedResources{discovery: discovery}}
}

// Canonical is the one form of a target, however its kind was written: namespace/resource.group/name,
// or resource.group/name for a cluster-scoped one. Errors that trying again cannot mend are ErrTarget.
func (r *Resolver) Canonical(target v1alpha1.Target) (string, error) {
	resource, err := r.resource(target)
	if err != nil {
		return "", err
	}
	switch {
	case resource.isNamespaced && target.Namespace == "":
		return "", fmt.Errorf("%w: %q: %s lives in a namespace; want namespace/%s/%s",
			ErrTarget, target, resource, target.Kind, target.Name)
	case !resource.isNamespaced && target.Namespace != "":
		return "", fmt.Errorf("%w: %q: %s is cluster-scoped; want %s/%s",
			ErrTarget, target, resource, target.Kind, target.Name)
	}
	canonical := v1alpha1.Target{
		Namespace: target.Namespace,
		Kind:      schema.GroupKind{Group: resource.Group, Kind: resource.Resource},
		Name:      target.Name,
	}
	return canonical.String(), nil
}

// resource asks the API server again before it says no: what is remembered may be older than a custom
// resource, or from a moment in which an aggregated API did not answer.
func (r *Resolver) resource(target v1alpha1.Target) (resource, error) {
	known, isFresh, err := r.served.remembered()
	if err != nil {
		return resource{}, fmt.Errorf("failed to discover kind %q: %w", target.Kind, err)
	}
	chosen, err := choose(target, known)
	if err == nil || isFresh {
		return chosen, err
	}
	if known, err = r.served.ask(); err != nil {
		return resource{}, fmt.Errorf("failed to discover kind %q: %w", target.Kind, err)
	}
	return choose(target, known)
}

// choose lets the core group win over other built-in groups, and those over all others: a custom
// resource must not change what "deployment" means. A group of which nothing is known now may have the
// kind as well, so nothing is decided that it could change.
func choose(target v1alpha1.Target, known *discovered) (resource, error) {
	for _, mayMean := range tiers(target.Kind.Group) {
		found := known.resources(target.Kind.Kind, mayMean)
		silent := known.silentGroups(mayMean, found)
		switch {
		case len(found) > 1:
			return resource{}, fmt.Errorf("%w: %q: kind %q is ambiguous; write it with its group: %s",
				ErrTarget, target, target.Kind, list(found))
		case len(silent) > 0:
			return resource{}, undecided(target, silent)
		case len(found) == 1:
			return found[0], nil
		}
	}
	return resource{}, fmt.Errorf("%w: %q: the cluster serves no kind %q", ErrTarget, target, target.Kind)
}

// tiers are the groups that a kind may belong to, those that win first. A group that was written out has to be
// that group.
func tiers(group string) []func(group string) bool {
	if group != "" {
		return []func(string) bool{func(g string) bool { return g == group }}
	}
	return []func(string) bool{
		func(g string) bool { return g == "" }, isBuiltIn, func(string) bool { return true },
	}
}

func undecided(target v1alpha1.Target, silent []string) error {
	hint := ""
	if target.Kind.Group == "" {
		hint = "; a kind that is written with its group does not depend on that"
	}
	if silent[0] == "" {
		silent = append([]string{"core"}, silent[1:]...)
	}
	return fmt.Errorf("spec.targetResource %q: kind %q is not decided: the API server cannot tell now what these groups serve: %s%s",
		target, target.Kind, strings.Join(silent, ", "), hint)
}

// isBuiltIn knows Kubernetes' own groups. A name under k8s.io does not make one: the Gateway API is
// custom resources, and must not change what an earlier Gateway means.
func isBuiltIn(group string) bool {
	return scheme.Scheme.IsGroupRegistered(group)
}

func list(resources []resource) string {
	names := make([]string, 0, len(resources))
	for _, resource := range resources {
		names = append(names, resource.String())
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}
