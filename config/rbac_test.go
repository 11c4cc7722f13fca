// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package config_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
)

// rulesByRole are the rules of all roles, by kind and namespace/name.
func rulesByRole(t *testing.T) map[string][]rbacv1.PolicyRule {
	t.Helper()
	rules := map[string][]rbacv1.PolicyRule{}
	for key, role := range find[*rbacv1.Role](t) {
		rules["Role "+key] = role.Rules
	}
	for key, role := range find[*rbacv1.ClusterRole](t) {
		rules["ClusterRole "+key] = role.Rules
	}
	return rules
}

// grants are the verbs of each group/resource, in order.
func grants(rules []rbacv1.PolicyRule) map[string][]string {
	all := map[string][]string{}
	for _, rule := range rules {
		for _, group := range rule.APIGroups {
			for _, resource := range rule.Resources {
				key := group + "/" + resource
				all[key] = append(all[key], rule.Verbs...)
				slices.Sort(all[key])
			}
		}
	}
	return all
}

// grantsByName are the verbs of each group/resource, with the name where a rule has one.
func grantsByName(rules []rbacv1.PolicyRule) map[string][]string {
	all := map[string][]string{}
	for _, rule := range rules {
		for key, verbs := range grants([]rbacv1.PolicyRule{rule}) {
			names := rule.ResourceNames
			if len(names) == 0 {
				all[key] = append(all[key], verbs...)
			}
			for _, name := range names {
				all[key+" "+name] = append(all[key+" "+name], verbs...)
			}
		}
	}
	return all
}

func TestNoRoleHasWildcards(t *testing.T) {
	for role, rules := range rulesByRole(t) {
		for _, rule := range rules {
			for _, part := range slices.Concat(rule.Verbs, rule.APIGroups, rule.Resources, rule.NonResourceURLs) {
				if part == "*" {
					t.Errorf("%s has a wildcard: %v", role, rule)
				}
			}
		}
	}
}

func TestVerbsAreThoseOfKubernetes(t *testing.T) {
	known := []string{"get", "list", "watch", "create", "update", "patch", "delete"}
	for role, rules := range rulesByRole(t) {
		for _, rule := range rules {
			for _, verb := range rule.Verbs {
				if !slices.Contains(known, verb) {
					t.Errorf("%s: %q on %v is not a verb", role, verb, rule.Resources)
				}
			}
		}
	}
}

func TestRightsOfTheController(t *testing.T) {
	want := map[string]map[string][]string{
		"ClusterRole /" + controllerName: {
			"kubernaut.ai/workflowexecutions":            {"get", "list", "patch", "update", "watch"},
			"kubernaut.ai/workflowexecutions/status":     {"get", "patch", "update"},
			"kubernaut.ai/workflowexecutions/finalizers": {"update"},
			"/events": {"create", "patch"},
		},
		"Role " + executionNamespace + "/" + controllerName: {
			"tekton.dev/pipelineruns": {"create", "delete", "get", "list", "patch", "watch"},
			"tekton.dev/taskruns":     {"delete", "get", "list", "watch"},
			"tekton.dev/customruns":   {"delete", "get", "list", "watch"},
			"/pods":                   {"delete", "get", "list", "watch"},
			"/pods/log":               {"get"},
		},
		"Role " + systemNamespace + "/" + controllerName: {
			"coordination.k8s.io/leases":                {"create", "delete", "get", "list", "patch", "update", "watch"},
			"/configmaps":                               {"get", "list", "watch"},
			"/secrets workflowexecution-audit-postgres": {"get"},
		},
	}
	got := map[string]map[string][]string{}
	for _, role := range rolesOf(t, systemNamespace+"/"+controllerName) {
		got[role] = grantsByName(rulesByRole(t)[role])
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error("(-want, +got):", diff)
	}
}

// rolesOf are the roles bound to a ServiceAccount, given as namespace/name.
func rolesOf(t *testing.T, account string) []string {
	t.Helper()
	var roles []string
	for _, b := range bindings(t) {
		for _, subject := range b.subjects {
			if subject.Namespace+"/"+subject.Name == account {
				roles = append(roles, b.role())
			}
		}
	}
	return roles
}

// binding is a RoleBinding, or a ClusterRoleBinding with no namespace.
type binding struct {
	namespace string
	ref       rbacv1.RoleRef
	subjects  []rbacv1.Subject
}

func (b binding) role() string {
	if b.ref.Kind == "ClusterRole" {
		return "ClusterRole /" + b.ref.Name
	}
	return b.ref.Kind + " " + b.namespace + "/" + b.ref.Name
}

func bindings(t *testing.T) []binding {
	t.Helper()
	var all []binding
	for _, b := range find[*rbacv1.RoleBinding](t) {
		all = append(all, binding{b.Namespace, b.RoleRef, b.Subjects})
	}
	for _, b := range find[*rbacv1.ClusterRoleBinding](t) {
		all = append(all, binding{"", b.RoleRef, b.Subjects})
	}
	return all
}

func TestBindingsNameWhatExists(t *testing.T) {
	rules, accounts := rulesByRole(t), find[*corev1.ServiceAccount](t)
	for _, b := range bindings(t) {
		if _, ok := rules[b.role()]; !ok {
			t.Errorf("%s is bound but does not exist", b.role())
		}
		for _, subject := range b.subjects {
			if _, ok := accounts[subject.Namespace+"/"+subject.Name]; subject.Kind != rbacv1.ServiceAccountKind || !ok {
				t.Errorf("%s is bound to %s %s/%s, which does not exist", b.role(), subject.Kind, subject.Namespace, subject.Name)
			}
		}
	}
}

func TestEveryRoleIsBound(t *testing.T) {
	bound := map[string]bool{}
	for _, b := range bindings(t) {
		bound[b.role()] = true
	}
	for role := range rulesByRole(t) {
		if !bound[role] {
			t.Errorf("%s is not bound", role)
		}
	}
}
