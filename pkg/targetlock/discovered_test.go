// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package targetlock

import (
	"errors"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	fakediscovery "k8s.io/client-go/discovery/fake"
)

// halfCluster is one of whose groups some do not answer.
type halfCluster struct {
	*fakediscovery.FakeDiscovery
	silent []string
	asked  int
}

func (c *halfCluster) ServerGroupsAndResources() ([]*metav1.APIGroup, []*metav1.APIResourceList, error) {
	c.asked++
	groups, lists, err := c.FakeDiscovery.ServerGroupsAndResources()
	if len(c.silent) == 0 || err != nil {
		return groups, lists, err
	}
	failed := map[schema.GroupVersion]error{}
	var answered []*metav1.APIResourceList
	for _, version := range c.silent {
		failed[must(schema.ParseGroupVersion(version))] = errors.New("stale GroupVersion discovery")
	}
	for _, list := range lists {
		if failed[must(schema.ParseGroupVersion(list.GroupVersion))] == nil {
			answered = append(answered, list)
		}
	}
	return groups, answered, &discovery.ErrGroupDiscoveryFailed{Groups: failed}
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func customs() []served {
	return append(builtIns(),
		served{groupVersion: "example.com/v1", resource: "widgets", kind: "Widget"},
		served{groupVersion: "widgets.io/v1", resource: "widgets", kind: "Widget"},
		served{groupVersion: "a.example.com/v1", resource: "databases", kind: "Database"},
		served{groupVersion: "b.example.com/v1", resource: "databases", kind: "Database"},
		served{groupVersion: "example.com/v1", resource: "gadgets", kind: "Gadget"},
		served{groupVersion: "example.com/v2", resource: "gadgets", kind: "Gadget"},
	)
}

// While some groups do not answer, only what they cannot change is decided.
func TestPartialDiscovery(t *testing.T) {
	const undecided = `spec.targetResource "payment/KIND/x": kind "KIND" is not decided: ` +
		"the API server cannot tell now what these groups serve: "
	const hint = "; a kind that is written with its group does not depend on that"
	for name, tc := range map[string]struct {
		silent string
		kind   string
		want   string
		// err ends with this, and is ErrTarget if it refuses.
		err     string
		refuses bool
	}{
		"built in":                              {silent: "widgets.io/v1", kind: "deployment", want: "deployments.apps"},
		"built in, of the core group":           {silent: "widgets.io/v1", kind: "pod", want: "pods"},
		"of a group that was written out":       {silent: "widgets.io/v1", kind: "widget.example.com", want: "widgets.example.com"},
		"of a group that answers, and has none": {silent: "widgets.io/v1", kind: "wardrobe.example.com", err: `the cluster serves no kind "wardrobe.example.com"`, refuses: true},
		"ambiguous already":                     {silent: "widgets.io/v1", kind: "database", err: "databases.a.example.com, databases.b.example.com", refuses: true},
		"another group may have it":             {silent: "widgets.io/v1", kind: "widget", err: undecided + "widgets.io" + hint},
		"only silent groups may have it":        {silent: "widgets.io/v1", kind: "wardrobe", err: undecided + "widgets.io" + hint},
		"its own group is silent":               {silent: "widgets.io/v1", kind: "widget.widgets.io", err: undecided + "widgets.io"},
		"only a version of its group is silent": {silent: "example.com/v1", kind: "gadget", want: "gadgets.example.com"},
		"its written group is silent in part":   {silent: "example.com/v1", kind: "widget.example.com", err: undecided + "example.com"},
		"the core group is silent":              {silent: "v1", kind: "deployment", err: undecided + "core" + hint},
		"a built-in group is silent":            {silent: "networking.k8s.io/v1", kind: "widget", err: undecided + "networking.k8s.io" + hint},
		"a built-in group is silent, core wins": {silent: "networking.k8s.io/v1", kind: "pod", want: "pods"},
	} {
		t.Run(name, func(t *testing.T) {
			r := NewResolver(&halfCluster{FakeDiscovery: cluster(customs()...), silent: []string{tc.silent}})
			got, err := canonical(t, r, "payment/"+tc.kind+"/x")
			if tc.want != "" {
				if want := "payment/" + tc.want + "/x"; err != nil || got != want {
					t.Errorf("Canonical() = %q, %v, want %q", got, err, want)
				}
				return
			}
			if want := strings.ReplaceAll(tc.err, "KIND", tc.kind); err == nil || !strings.HasSuffix(err.Error(), want) || errors.Is(err, ErrTarget) != tc.refuses {
				t.Errorf("Canonical() = %q, %v (refuses: %t), want %s", got, err, errors.Is(err, ErrTarget), want)
			}
		})
	}
}

// What was not decided is asked again; what was, is remembered.
func TestDiscoveryIsCompleteAgain(t *testing.T) {
	half := &halfCluster{FakeDiscovery: cluster(customs()...), silent: []string{"a.example.com/v1"}}
	r := NewResolver(half)
	for range 3 {
		if got, err := canonical(t, r, "payment/deployment/x"); err != nil {
			t.Fatalf("Canonical() = %q, %v", got, err)
		}
	}
	if half.asked != 1 {
		t.Errorf("the API server was asked %d times for a built-in kind", half.asked)
	}
	if got, err := canonical(t, r, "payment/database/x"); err == nil || errors.Is(err, ErrTarget) {
		t.Errorf("Canonical() = %q, %v, want it undecided", got, err)
	}
	half.silent = nil
	if got, err := canonical(t, r, "payment/database/x"); !errors.Is(err, ErrTarget) {
		t.Errorf("Canonical() = %q, %v, want it ambiguous", got, err)
	}
	if got, err := canonical(t, r, "payment/database.a.example.com/x"); err != nil || got != "payment/databases.a.example.com/x" {
		t.Errorf("Canonical() = %q, %v", got, err)
	}
}

// One object that is served under two groups is one target, whichever of them the cluster serves.
func TestKindsServedUnderTwoGroups(t *testing.T) {
	for same, group := range servedTwice {
		kind := strings.TrimSuffix(same.Resource, "s")
		version := func(group string) string {
			if group == "" {
				return "v1"
			}
			return group + "/v1"
		}
		first := served{groupVersion: version(same.Group), resource: same.Resource, kind: kind}
		second := served{groupVersion: version(group), resource: same.Resource, kind: kind}
		want := "payment/" + schema.GroupResource{Group: group, Resource: same.Resource}.String() + "/x"
		for name, serves := range map[string][]served{
			"both": {first, second}, "both, the other way round": {second, first}, "the one": {first}, "the other": {second},
		} {
			t.Run(same.String()+" "+name, func(t *testing.T) {
				r := NewResolver(cluster(serves...))
				for _, written := range append(serves, served{groupVersion: "v1"}) {
					target := "payment/" + schema.GroupKind{Group: must(schema.ParseGroupVersion(written.groupVersion)).Group, Kind: kind}.String() + "/x"
					if written.resource == "" {
						target = "payment/" + kind + "/x"
					}
					if got, err := canonical(t, r, target); err != nil || got != want {
						t.Errorf("%s: Canonical() = %q, %v, want %q", target, got, err, want)
					}
				}
			})
		}
	}
}
