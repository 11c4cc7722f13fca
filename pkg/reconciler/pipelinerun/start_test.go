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
		fails   bool
	}{
		{name: "started", live: given.Run(execution(), given.NotPending), started: true},
		{name: "running", live: given.Run(execution(), given.Running(time.Minute)), started: true},
		{name: "another one's name", live: given.Run(execution(), given.Again, given.Running(time.Minute))},
		{name: "gone"},
		// It is the API server that refuses, not the test of the patch.
		{name: "pending", live: pending, fails: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			var objects []runtime.Object
			if test.live != nil {
				objects = append(objects, test.live)
			}
			ctx, r := server(t, objects, refused)
			started, isOurs, err := r.Start(ctx, pending)
			if (err != nil) != test.fails || isOurs || (started != nil) != test.started {
				t.Errorf("Start() = %v, %t, %v; want it started before: %t, an error: %t", started, isOurs, err, test.started, test.fails)
			}
		})
	}
}
