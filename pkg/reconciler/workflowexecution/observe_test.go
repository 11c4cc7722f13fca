// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package workflowexecution

import (
	"testing"
	"time"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	clientgotesting "k8s.io/client-go/testing"
	rtesting "knative.dev/pkg/reconciler/testing"

	"kubernaut.ai/workflowexecution/pkg/apis/config"
	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution"
	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	given "kubernaut.ai/workflowexecution/pkg/reconciler/testing"
)

func TestObserve(t *testing.T) {
	lease := given.LockLease(execution(), time.Minute)
	works := given.Run(execution(), given.Running(time.Minute))
	mirrored := execution(given.Started(time.Minute), given.Mirroring(working(0)))
	run(t, rtesting.TableTest{{
		Name:              "Tekton has begun",
		Objects:           []runtime.Object{execution(given.Started(time.Minute)), works, given.Pod(works, "drain"), lease},
		WantStatusUpdates: status(mirrored),
		OtherTestData:     given.With(given.Requeues(29 * time.Minute)),
	}, {
		// Nothing at all is written; only the deadline is kept in mind.
		Name:          "nothing new",
		Objects:       []runtime.Object{mirrored, works, given.Pod(works, "drain"), lease},
		OtherTestData: given.With(given.Requeues(29 * time.Minute)),
	}, {
		// Progress follows the pod before Tekton reports.
		Name: "a task has ended",
		Objects: []runtime.Object{
			mirrored, works, given.Pod(works, "drain", given.PodEnded), lease,
		},
		WantStatusUpdates: status(execution(given.Started(time.Minute), given.Mirroring(working(1)))),
		OtherTestData:     given.With(given.Requeues(29 * time.Minute)),
	}, {
		// Somebody has cleaned up. What was done is done.
		Name:          "the pod of a task that was done is gone",
		Objects:       []runtime.Object{execution(given.Started(time.Minute), given.Mirroring(working(1))), works, lease},
		OtherTestData: given.With(given.Requeues(29 * time.Minute)),
	}, {
		Name: "a task has failed",
		Objects: []runtime.Object{
			mirrored, works, given.Pod(works, "drain", given.PodEnded, withStep), lease,
		},
		OtherTestData: given.With(given.Requeues(29 * time.Minute)),
	}, {
		// The controller crashed after the patch, and before it noted the start.
		Name:              "started, which was not noted",
		Objects:           []runtime.Object{execution(given.RunCreated), works, lease},
		WantStatusUpdates: status(mirrored),
		WantEvents:        []string{started},
		OtherTestData:     given.With(given.Requeues(29 * time.Minute)),
	}, {
		// Somebody removed the labels: the informer has lost the run, the API server has not. It gets
		// back the one by which the informer finds it.
		Name:          "the run is hidden from the cache",
		WantPatches:   patches(patch(runName, `{"metadata":{"labels":{"kubernaut.ai/workflow-execution":"uid-fix"},"uid":"run-of-uid-fix"}}`)),
		Objects:       []runtime.Object{mirrored, lease},
		OtherTestData: given.With(given.Live(given.Run(execution(), given.Running(time.Minute), given.Unlabelled)), given.Requeues(29*time.Minute)),
	}, {
		Name:         "the run is hidden from the cache and cannot be read",
		Objects:      []runtime.Object{mirrored, lease},
		WithReactors: []clientgotesting.ReactionFunc{rtesting.InduceFailure("get", "pipelineruns")},
		WantErr:      true,
		WantEvents: []string{internalError("failed to read PipelineRun kubernaut-workflows/fix-bd45276987: " +
			"inducing failure for get pipelineruns")},
	}, {
		// The lock is not asked for while the run works: whoever deletes it by hand stops nothing.
		Name:          "the lock is gone",
		Objects:       []runtime.Object{mirrored, works},
		OtherTestData: given.With(given.Requeues(29 * time.Minute)),
	}})
}

func TestDeadline(t *testing.T) {
	lease := given.LockLease(execution(), time.Hour)
	late := execution(given.Started(30*time.Minute), given.Mirroring(working(0)))
	works := given.Run(execution(), given.Running(30*time.Minute))
	run(t, rtesting.TableTest{{
		// The run is cancelled so that its finally tasks run, and says why.
		Name:          "reached",
		Objects:       []runtime.Object{late, works, lease},
		WantPatches:   patches(cancelPatch(v1alpha1.FailureDeadlineExceeded)),
		OtherTestData: given.With(given.Requeues(5 * time.Minute)),
	}, {
		Name: "reached, and cancelled already",
		Objects: []runtime.Object{
			late, given.Run(execution(), given.Running(30*time.Minute), given.Cancelled(v1alpha1.FailureDeadlineExceeded), given.CancelledAt(0)), lease,
		},
		OtherTestData: given.With(given.Requeues(5 * time.Minute)),
	}, {
		Name: "reached, cancelled, and the finally tasks have a minute left",
		Objects: []runtime.Object{
			execution(given.Started(34*time.Minute), given.Mirroring(working(0))), given.Run(execution(), given.Running(34*time.Minute),
				given.Cancelled(v1alpha1.FailureDeadlineExceeded), given.CancelledAt(4*time.Minute)), lease,
		},
		OtherTestData: given.With(given.Requeues(time.Minute)),
	}, {
		// A person may have stopped it, which lets what runs end in its own time.
		Name: "reached, and only stopped",
		Objects: []runtime.Object{late, given.Run(execution(), given.Running(30*time.Minute), func(run *tektonv1.PipelineRun) {
			run.Spec.Status = tektonv1.PipelineRunSpecStatusStoppedRunFinally
		}), lease},
		WantPatches:   patches(cancelPatch(v1alpha1.FailureDeadlineExceeded)),
		OtherTestData: given.With(given.Requeues(5 * time.Minute)),
	}, {
		Name: "one second before",
		Objects: []runtime.Object{
			execution(given.Started(30*time.Minute-time.Second), given.Mirroring(working(0))), works, lease,
		},
		OtherTestData: given.With(given.Requeues(time.Second)),
	}, {
		// The timeout that counts is the one the run was made with.
		Name: "reached, by the execution's own timeout",
		Objects: []runtime.Object{
			execution(given.Started(3*time.Minute), given.Mirroring(working(0))),
			given.Run(execution(timeout(3*time.Minute)), given.Running(3*time.Minute)), lease,
		},
		WantPatches:   patches(cancelPatch(v1alpha1.FailureDeadlineExceeded)),
		OtherTestData: given.With(given.Requeues(5 * time.Minute)),
	}, {
		// Tekton refuses changes of a run that has ended: its event is on its way.
		Name:          "reached, and the run has just ended",
		Objects:       []runtime.Object{late, works, lease},
		WithReactors:  []clientgotesting.ReactionFunc{given.Refuse("patch", "pipelineruns", apierrors.NewBadRequest("done"))},
		OtherTestData: given.With(given.Requeues(5*time.Minute), given.Live(given.Run(execution(), given.Running(30*time.Minute), given.Succeeded(0)))),
		WantPatches:   patches(cancelPatch(v1alpha1.FailureDeadlineExceeded)),
	}, {
		// The same answer may come from a policy: then the deadline must not pass in silence.
		Name:         "reached, and the patch is refused",
		Objects:      []runtime.Object{late, works, lease},
		WithReactors: []clientgotesting.ReactionFunc{given.Refuse("patch", "pipelineruns", apierrors.NewBadRequest("policy"))},
		WantErr:      true,
		WantPatches:  patches(cancelPatch(v1alpha1.FailureDeadlineExceeded)),
		WantEvents:   []string{internalError("failed to cancel PipelineRun kubernaut-workflows/fix-bd45276987: policy")},
	}, {
		Name:          "reached, and the run is gone",
		Objects:       []runtime.Object{late, works, lease},
		WithReactors:  []clientgotesting.ReactionFunc{given.Refuse("patch", "pipelineruns", apierrors.NewNotFound(pipelineRuns, runName))},
		WantPatches:   patches(cancelPatch(v1alpha1.FailureDeadlineExceeded)),
		OtherTestData: given.With(given.Requeues(5 * time.Minute)),
	}, {
		Name:         "reached, and the patch fails",
		Objects:      []runtime.Object{late, works, lease},
		WithReactors: []clientgotesting.ReactionFunc{rtesting.InduceFailure("patch", "pipelineruns")},
		WantErr:      true,
		WantPatches:  patches(cancelPatch(v1alpha1.FailureDeadlineExceeded)),
		WantEvents: []string{internalError("failed to cancel PipelineRun kubernaut-workflows/fix-bd45276987: " +
			"inducing failure for patch pipelineruns")},
	}, {
		// Those of now hold then.
		Name:          "reached, by the settings of now, because somebody removed those of the run",
		Objects:       []runtime.Object{late, given.Run(execution(), given.Running(30*time.Minute), given.Without(workflowexecution.SettingsAnnotation)), lease},
		WantPatches:   patches(cancelPatch(v1alpha1.FailureDeadlineExceeded)),
		OtherTestData: given.With(given.Requeues(5 * time.Minute)),
	}, {
		Name:          "far off, by the settings of now, because somebody removed those of the run",
		Objects:       []runtime.Object{late, given.Run(execution(), given.Running(30*time.Minute), given.Without(workflowexecution.SettingsAnnotation)), lease},
		OtherTestData: given.With(given.Requeues(time.Hour), given.Configured(func(c *config.WorkflowExecution) { c.DefaultTimeout = 90 * time.Minute })),
	}, {
		// What the execution asks for was allowed when its run was made.
		Name: "as the execution asks for, because somebody removed the settings and the configuration allows less by now",
		Objects: []runtime.Object{
			execution(timeout(time.Hour), given.Started(30*time.Minute), given.Mirroring(working(0))),
			given.Run(execution(), given.Running(30*time.Minute), given.Without(workflowexecution.SettingsAnnotation)), lease,
		},
		OtherTestData: given.With(given.Requeues(30*time.Minute),
			given.Configured(func(c *config.WorkflowExecution) { c.MaxTimeout = time.Minute })),
	}})
}
