// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"knative.dev/pkg/apis"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution"
)

func TestSetDefaults(t *testing.T) {
	tests := []struct {
		name       string
		create     bool
		finalizers []string
		want       []string
	}{
		{name: "a new execution gets the finalizer", create: true, want: []string{workflowexecution.FinalizerName}},
		{name: "others keep theirs", create: true, finalizers: []string{"a.b/c"}, want: []string{"a.b/c", workflowexecution.FinalizerName}},
		{
			name: "one is enough", create: true,
			finalizers: []string{workflowexecution.FinalizerName}, want: []string{workflowexecution.FinalizerName},
		},
		// On an update the controller may just have taken it away; to add it again would keep the object.
		{name: "an update is left alone", create: false, want: nil},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			ctx := apis.WithinUpdate(t.Context(), &WorkflowExecution{})
			if tc.create {
				ctx = apis.WithinCreate(t.Context())
			}
			got := validExecution()
			got.Finalizers = tc.finalizers
			want := got.DeepCopy()
			want.Finalizers = tc.want

			got.SetDefaults(ctx)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error("(-want, +got):", diff)
			}
			got.SetDefaults(ctx)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error("the second time it changes something (-want, +got):", diff)
			}
		})
	}
}
