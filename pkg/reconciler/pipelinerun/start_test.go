// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package pipelinerun

import (
	"testing"
	"time"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	given "kubernaut.ai/workflowexecution/pkg/reconciler/testing"
)

// A run that is no longer pending counts as started only if it is the same one, and was started.
func TestStartOfRunThatIsNoLongerPending(t *testing.T) {
	pending := given.Run(execution())
	refused := given.Refuse("patch", "pipelineruns",
		apierrors.NewInvalid(schema.GroupKind{Group: "tekton.dev", Kind: "PipelineRun"}, pending.Name, nil))
	for _, test := range []struct {
		name    string
		live    *tektonv1.PipelineRun
		started bool
	}{
		{"started", given.Run(execution(), given.NotPending), true},
		{"running", given.Run(execution(), given.Running(time.Minute)), true},
		{"pending after all", pending, false},
		{"another one's name", given.Run(execution(), given.Again, given.Running(time.Minute)), false},
		{"gone", nil, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			var objects []runtime.Object
			if test.live != nil {
				objects = append(objects, test.live)
			}
			ctx, r := server(t, objects, refused)
			started, err := r.Start(ctx, pending)
			if err != nil || (started != nil) != test.started {
				t.Errorf("Start() = %v, %v; want it started: %t", started, err, test.started)
			}
		})
	}
}
