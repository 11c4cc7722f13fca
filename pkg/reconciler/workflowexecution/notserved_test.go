// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package workflowexecution

import (
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clientgotesting "k8s.io/client-go/testing"
	rtesting "knative.dev/pkg/reconciler/testing"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	given "kubernaut.ai/workflowexecution/pkg/reconciler/testing"
)

// notServed refuses a request in the way of an API server that does not know the kind now.
func notServed(verb, group, resource, name string) []clientgotesting.ReactionFunc {
	return []clientgotesting.ReactionFunc{
		given.Refuse(verb, resource, given.NotServed(schema.GroupResource{Group: group, Resource: resource}, name)),
	}
}

// TestAPIThatIsNotServed: Tekton's definitions are being installed anew, say, or ours. Nothing that exists is taken for gone.
func TestAPIThatIsNotServed(t *testing.T) {
	const noRun = "failed to read PipelineRun kubernaut-workflows/fix-bd45276987: " +
		"the server could not find the requested resource (get pipelineruns.tekton.dev fix-bd45276987)"
	const noExecution = "failed to read the execution: the server could not find the requested resource (get workflowexecutions.kubernaut.ai fix)"
	lease := given.LockLease(execution(), time.Minute)
	run(t, rtesting.TableTest{{
		Name:         "of a run that works",
		Objects:      []runtime.Object{running(), lease},
		WithReactors: notServed("get", "tekton.dev", "pipelineruns", runName),
		WantErr:      true,
		WantEvents:   []string{internalError(noRun)},
	}, {
		Name:         "of a run that works, and its execution is deleted",
		Objects:      []runtime.Object{made(running(), given.Deleted(0)), lease},
		WithReactors: notServed("get", "tekton.dev", "pipelineruns", runName),
		WantErr:      true,
		WantEvents:   []string{internalError(noRun)},
	}, {
		// What else might be left of it is not even asked for.
		Name:         "of a run that has ended, and its target is to be freed",
		Objects:      []runtime.Object{endedWell(), succeeded(), lease},
		WithReactors: notServed("get", "tekton.dev", "pipelineruns", runName),
		WantErr:      true,
		WantEvents:   []string{internalError(noRun)},
	}, {
		Name:         "of a run that is to be cancelled",
		Objects:      []runtime.Object{execution(given.Started(time.Hour), given.Mirroring(working(0))), given.Run(execution(), given.Running(time.Hour)), lease},
		WithReactors: notServed("patch", "tekton.dev", "pipelineruns", runName),
		WantErr:      true,
		WantPatches:  patches(cancelPatch(v1alpha1.FailureDeadlineExceeded)),
		WantEvents: []string{internalError("failed to cancel PipelineRun kubernaut-workflows/fix-bd45276987: " +
			"the server could not find the requested resource (get pipelineruns.tekton.dev fix-bd45276987)")},
	}, {
		Name:         "of an execution whose run is to be started",
		Objects:      []runtime.Object{execution(given.RunCreated), given.Run(execution()), lease},
		WithReactors: notServed("get", "kubernaut.ai", "workflowexecutions", "fix"),
		WantErr:      true,
		WantEvents:   []string{internalError(noExecution)},
	}, {
		// The holder of the target is over, as it seems: its Lease is not touched.
		Name:         "of an execution that holds the target",
		Objects:      []runtime.Object{execution(given.Observed), given.LockLease(other(), time.Minute)},
		WithReactors: notServedBut("fix", "get", "kubernaut.ai", "workflowexecutions", "other"),
		WantErr:      true,
		WantEvents: []string{internalError("failed to read the execution billing/other, which holds the target: " +
			"the server could not find the requested resource (get workflowexecutions.kubernaut.ai other)")},
	}})
}

// notServedBut refuses what does not ask for one object.
func notServedBut(served, verb, group, resource, name string) []clientgotesting.ReactionFunc {
	refuse := notServed(verb, group, resource, name)[0]
	return []clientgotesting.ReactionFunc{func(action clientgotesting.Action) (bool, runtime.Object, error) {
		if get, ok := action.(clientgotesting.GetAction); ok && get.GetName() == served {
			return false, nil, nil
		}
		return refuse(action)
	}}
}
