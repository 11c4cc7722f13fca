// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package pipelinerun

import (
	"errors"
	"testing"

	tektonclient "github.com/tektoncd/pipeline/pkg/client/injection/client"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	fakediscovery "k8s.io/client-go/discovery/fake"
	clientgotesting "k8s.io/client-go/testing"

	given "kubernaut.ai/workflowexecution/pkg/reconciler/testing"
)

// A Tekton without CustomRuns must not keep a target locked for ever, and one that is away for a moment must not free it.
func TestCustomRunsNotServed(t *testing.T) {
	serves := func(version string, resources ...string) *metav1.APIResourceList {
		list := &metav1.APIResourceList{GroupVersion: version}
		for _, resource := range resources {
			list.APIResources = append(list.APIResources, metav1.APIResource{Name: resource})
		}
		return list
	}
	notServed := apierrors.NewNotFound(schema.GroupResource{}, "")
	down := given.Refuse("get", "resource", errors.New("connection refused"))
	for _, test := range []struct {
		name   string
		err    error
		served []*metav1.APIResourceList
		more   []clientgotesting.ReactionFunc
		ended  bool
	}{
		{
			"a Tekton without them", notServed,
			[]*metav1.APIResourceList{serves("tekton.dev/v1", "pipelineruns", "taskruns"), serves("tekton.dev/v1beta1", "pipelineruns", "taskruns")},
			nil, true,
		},
		{"a Tekton without the version", notServed, []*metav1.APIResourceList{serves("tekton.dev/v1", "pipelineruns")}, nil, true},
		{"a Tekton that serves another version", notServed, []*metav1.APIResourceList{serves("tekton.dev/v1", "pipelineruns", "customruns")}, nil, false},
		{
			"a Tekton that has just come back", notServed,
			[]*metav1.APIResourceList{serves("tekton.dev/v1", "pipelineruns"), serves("tekton.dev/v1beta1", "customruns")},
			nil, false,
		},
		{"a Tekton that is being installed anew", notServed, []*metav1.APIResourceList{serves("tekton.dev/v1", "tasks")}, nil, false},
		{"no Tekton", notServed, nil, nil, false},
		{"no discovery", notServed, []*metav1.APIResourceList{serves("tekton.dev/v1", "pipelineruns")}, []clientgotesting.ReactionFunc{down}, false},
		{
			"no right to list them", apierrors.NewForbidden(schema.GroupResource{}, "", errors.New("no")),
			[]*metav1.APIResourceList{serves("tekton.dev/v1", "pipelineruns")},
			nil, false,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			ended := given.Run(execution(), given.Running(0), given.Succeeded(0))
			ctx, r := server(t, []runtime.Object{ended}, append(test.more, given.Refuse("list", "customruns", test.err))...)
			tektonclient.Get(ctx).Discovery().(*fakediscovery.FakeDiscovery).Resources = test.served
			left, err := r.FindLeftovers(ctx, refTo(ended, ended.UID), ended)
			if (err == nil) != test.ended || left.Any() {
				t.Errorf("FindLeftovers() = %q, %v; want it ended: %t", left, err, test.ended)
			}
		})
	}
}
