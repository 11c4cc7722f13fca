// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package targetlease

import (
	"testing"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgotesting "k8s.io/client-go/testing"
	rtesting "knative.dev/pkg/reconciler/testing"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	given "kubernaut.ai/workflowexecution/pkg/reconciler/testing"
)

// A creation that was held up for minutes makes a run that nobody will ever start.
func TestLateCreatedRun(t *testing.T) {
	pending := given.Run(execution())
	refused := execution(given.Locked, given.FailedUnstarted(v1alpha1.FailureUnknown, "no"))
	started := given.Run(execution(), given.Running(0))
	started.ResourceVersion = "8"
	run(t, rtesting.TableTest{{
		Name: "of an execution that is over", Objects: []runtime.Object{refused, pending}, WantDeletes: deletions(runDeletion(pending)),
	}, {
		Name: "of an execution that is gone", Objects: []runtime.Object{pending}, WantDeletes: deletions(runDeletion(pending)),
	}, {
		Name: "of an execution whose name another has now", Objects: []runtime.Object{execution(given.WithUID("later")), pending},
		WantDeletes: deletions(runDeletion(pending)),
	}, {
		Name:        "while another holds the target",
		Objects:     []runtime.Object{refused, pending, given.Execution("billing/other", given.Locked), given.LockLease(given.Execution("billing/other"), 0)},
		WantDeletes: deletions(runDeletion(pending)),
	}, {
		Name: "while the target is free", Objects: []runtime.Object{refused, pending, given.FreeLease(cooldown("restart", minutes(1)))},
		WantDeletes: deletions(runDeletion(pending)), OtherTestData: given.With(given.Requeues(minutes(1))),
	}, {
		Name: "of an execution that lives", Objects: []runtime.Object{execution(given.RunCreated), pending},
	}, {
		Name: "of an execution that lives, which the cache does not know", Objects: []runtime.Object{pending},
		OtherTestData: given.With(given.Live(execution(given.RunCreated))),
	}, {
		// It was started after all: the version that is not the cached one keeps it from being deleted.
		Name: "which was started, unknown to the cache", Objects: []runtime.Object{execution(given.RunCreated), pending, given.LockLease(execution(), 0)},
		OtherTestData: given.With(given.Live(started)),
	}, {
		Name: "that is gone, unknown to the cache", Objects: []runtime.Object{refused, pending},
		OtherTestData: given.With(given.Gone(pending)),
	}, {
		Name: "that cannot be deleted", Objects: []runtime.Object{refused, pending},
		WithReactors: []clientgotesting.ReactionFunc{rtesting.InduceFailure("delete", "pipelineruns")},
		WantErr:      true, WantDeletes: deletions(runDeletion(pending)),
	}, {
		Name: "of an execution that cannot be read", Objects: []runtime.Object{refused, pending},
		WithReactors: []clientgotesting.ReactionFunc{rtesting.InduceFailure("get", "workflowexecutions")},
		WantErr:      true, OtherTestData: given.With(given.Fails("failed to read the execution payments/fix")),
	}})
}

// History goes with its execution, and not before.
func TestHistory(t *testing.T) {
	done := given.Run(execution(), given.Running(minutes(60)), given.Succeeded(minutes(1)))
	bare := given.Run(execution(), given.Running(minutes(60)), given.Succeeded(minutes(1)), func(run *tektonv1.PipelineRun) { run.Annotations = nil })
	run(t, rtesting.TableTest{
		quiet("of an execution that exists", over(), done),
		quiet("that is being deleted", given.Run(execution(), given.Running(minutes(60)), given.Succeeded(minutes(1)), given.RunDeleted)),
		quiet("of nobody knows whom", bare),
		{
			Name: "of an execution that is gone", Objects: []runtime.Object{done}, WantDeletes: deletions(runDeletion(done)),
		},
		{
			Name: "of an execution whose name another has now", Objects: []runtime.Object{done, over(given.WithUID("later"))},
			WantDeletes: deletions(runDeletion(done)),
		},
		{
			Name: "of an execution that only the cache has lost", Objects: []runtime.Object{done}, OtherTestData: given.With(given.Live(over())),
		},
		{
			Name: "of an execution that cannot be read", Objects: []runtime.Object{done},
			WithReactors: []clientgotesting.ReactionFunc{rtesting.InduceFailure("get", "workflowexecutions")},
			WantErr:      true, OtherTestData: given.With(given.Fails("failed to read the execution payments/fix")),
		},
	})
}
