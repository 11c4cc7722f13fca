// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package workflowexecution

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	tektonclient "github.com/tektoncd/pipeline/pkg/client/injection/client"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	clientgotesting "k8s.io/client-go/testing"
	"k8s.io/utils/clock"
	clocktesting "k8s.io/utils/clock/testing"
	kubeclient "knative.dev/pkg/client/injection/kube/client"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/logging"
	rtesting "knative.dev/pkg/reconciler/testing"

	"kubernaut.ai/workflowexecution/pkg/apis/config"
	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	executionclient "kubernaut.ai/workflowexecution/pkg/client/injection/client"
	reconcilerv1alpha1 "kubernaut.ai/workflowexecution/pkg/client/injection/reconciler/workflowexecution/v1alpha1/workflowexecution"
	"kubernaut.ai/workflowexecution/pkg/reconciler/pipelinerun"
	"kubernaut.ai/workflowexecution/pkg/reconciler/takeover"
	given "kubernaut.ai/workflowexecution/pkg/reconciler/testing"
	"kubernaut.ai/workflowexecution/pkg/targetlock"
)

const (
	key     = "payments/fix"
	runName = "fix-bd45276987"
)

// run tests a table with the real lock on fake clients, a clock that stands, and discovery that
// knows one target.
func run(t *testing.T, table rtesting.TableTest) {
	t.Helper()
	for i := range table {
		// Runs and Leases live in other namespaces than executions.
		table[i].SkipNamespaceValidation = true
		if table[i].Key == "" {
			table[i].Key = key
		}
	}
	table.Test(t, given.MakeFactory(construct))
}

func construct(ctx context.Context, listers *given.Listers, circumstances *given.Circumstances) controller.Reconciler {
	return constructAt(ctx, listers, circumstances, clocktesting.NewFakePassiveClock(given.Now()))
}

func constructAt(
	ctx context.Context, listers *given.Listers, circumstances *given.Circumstances, now clock.PassiveClock,
) controller.Reconciler {
	return constructAfter(ctx, listers, circumstances, now, nil, nil)
}

// constructAfter has a reconciler that remembers pods and runs.
func constructAfter(
	ctx context.Context, listers *given.Listers, circumstances *given.Circumstances, now clock.PassiveClock,
	deletedPods *pipelinerun.DeletedPods, deletedRuns *pipelinerun.DeletedRuns,
) controller.Reconciler {
	index, err := pipelinerun.NewIndex(listers.Indexers())
	utilruntime.Must(err)
	locks := targetlock.NewStore(kubeclient.Get(ctx).CoordinationV1(), given.SystemNamespace, now)
	ours := pipelinerun.New(tektonclient.Get(ctx), kubeclient.Get(ctx), index, now)
	r := &Reconciler{
		executions:   executionclient.Get(ctx),
		tekton:       tektonclient.Get(ctx),
		runLister:    listers.Runs(),
		runNamespace: given.RunNamespace,
		targets:      oneTarget{circumstances.Discovery},
		index:        index,
		deletedPods:  deletedPods,
		deletedRuns:  deletedRuns,
		locks:        locks,
		runs:         ours,
		takeover:     takeover.New(executionclient.Get(ctx), ours, locks, now, given.RunNamespace),
		audit:        newTrail(listers.Executions(), now, circumstances.AuditSink),
		tracker:      &rtesting.NullTracker{},
		clock:        now,
	}
	return reconcilerv1alpha1.NewReconciler(ctx, logging.FromContext(ctx), r.executions, listers.Executions(),
		controller.GetEventRecorder(ctx), r, options(fixedConfig{circumstances.Config}))
}

// oneTarget resolves every target to the same one, or fails.
type oneTarget struct{ err error }

func (o oneTarget) Canonical(v1alpha1.Target) (string, error) {
	return given.Target, o.err
}

type fixedConfig struct{ config *config.WorkflowExecution }

func (f fixedConfig) ToContext(ctx context.Context) context.Context {
	return config.ToContext(ctx, &config.Config{WorkflowExecution: f.config})
}

// execution is the one that most rows are about.
func execution(facts ...given.ExecutionOption) *v1alpha1.WorkflowExecution {
	return given.Execution(key, facts...)
}

// other is one of another workflow that wants the same target.
func other(facts ...given.ExecutionOption) *v1alpha1.WorkflowExecution {
	return given.Execution("billing/other", append([]given.ExecutionOption{given.WithWorkflow("drain")}, facts...)...)
}

// status is the one write of the status that a row expects.
func status(wfe *v1alpha1.WorkflowExecution) []clientgotesting.UpdateActionImpl {
	return []clientgotesting.UpdateActionImpl{{Object: wfe}}
}

func update(object runtime.Object) clientgotesting.UpdateActionImpl {
	return clientgotesting.UpdateActionImpl{Object: object}
}

func deletion(resource, namespace, name string) clientgotesting.DeleteActionImpl {
	return clientgotesting.DeleteActionImpl{
		ActionImpl: clientgotesting.ActionImpl{Namespace: namespace, Resource: schema.GroupVersionResource{Resource: resource}},
		Name:       name,
	}
}

func deletions(actions ...clientgotesting.DeleteActionImpl) []clientgotesting.DeleteActionImpl {
	return actions
}

func updates(objects ...runtime.Object) []clientgotesting.UpdateActionImpl {
	actions := make([]clientgotesting.UpdateActionImpl, 0, len(objects))
	for _, object := range objects {
		actions = append(actions, update(object))
	}
	return actions
}

// free is the Lease as the one write leaves it that frees the target and notes how its execution ended.
func free(entry targetlock.Entry) runtime.Object {
	return given.FreeLease(given.Remembers(given.WorkflowID, entry))
}

// succeededNow is what is remembered of the execution after a success: the cooldown.
func succeededNow() targetlock.Entry {
	return given.Entry(execution(), 0, given.Until(5*time.Minute))
}

// failedNow is what is remembered after a failure of what ran: the block, and the cooldown.
func failedNow(details *v1alpha1.FailureDetails) targetlock.Entry {
	return given.Entry(execution(), 0, given.FailedFor(details.Reason, details.Message),
		given.Until(5*time.Minute), given.Blocks(v1alpha1.SkipPreviousExecutionFailed))
}

// failedUnstartedNow is what is remembered after the first failure to run anything: the backoff.
func failedUnstartedNow(reason v1alpha1.FailureReason, message string) targetlock.Entry {
	return given.Entry(execution(), 0, given.NeverRan(1, reason, message), given.Until(time.Minute))
}

func leaseDeletion() clientgotesting.DeleteActionImpl {
	return deletion("leases", given.SystemNamespace, given.LeaseName)
}

func runDeletion() clientgotesting.DeleteActionImpl {
	return deletion("pipelineruns", given.RunNamespace, runName)
}

func patches(actions ...clientgotesting.PatchActionImpl) []clientgotesting.PatchActionImpl {
	return actions
}

func patch(name, body string) clientgotesting.PatchActionImpl {
	return clientgotesting.PatchActionImpl{Name: name, Patch: []byte(body)}
}

// startPatch starts the run, once.
func startPatch() clientgotesting.PatchActionImpl {
	return patch(runName, `[{"op":"test","path":"/metadata/uid","value":"run-of-uid-fix"},`+
		`{"op":"test","path":"/spec/status","value":"PipelineRunPending"},{"op":"remove","path":"/spec/status"}]`)
}

// cancelPatch ends the run by way of its finally tasks.
func cancelPatch(reason v1alpha1.FailureReason) clientgotesting.PatchActionImpl {
	return patch(runName, fmt.Sprintf(`{"metadata":{"annotations":{"kubernaut.ai/cancel-reason":%q,"kubernaut.ai/cancelled-at":"2026-03-01T12:00:00Z"},"uid":"run-of-uid-fix"},`+
		`"spec":{"status":"CancelledRunFinally"}}`, reason))
}

// stopPatch cancels a run without its finally tasks.
func stopPatch() clientgotesting.PatchActionImpl {
	return patch(runName, strings.Replace(string(cancelPatch(v1alpha1.FailureCancelled).Patch), "CancelledRunFinally", "Cancelled", 1))
}

// removesFinalizer removes the finalizer.
func removesFinalizer() clientgotesting.PatchActionImpl {
	return patch("fix", `{"metadata":{"finalizers":[],"resourceVersion":""}}`)
}

const (
	lockAcquired = "Normal LockAcquired Locked target payment/Deployment/api"
	lockReleased = "Normal LockReleased Freed target payment/Deployment/api"
	runCreated   = "Normal PipelineRunCreated Created PipelineRun kubernaut-workflows/fix-bd45276987"
	started      = "Normal WorkflowStarted Started workflow restart"
	completed    = "Normal WorkflowCompleted Workflow restart completed on payment/Deployment/api"
	finalizer    = `Normal FinalizerUpdate Updated "fix" finalizers`
)

func failed(reason v1alpha1.FailureReason, message string) string {
	return fmt.Sprintf("Warning WorkflowFailed %s: %s", reason, message)
}

func internalError(message string) string {
	return "Warning InternalError " + message
}

// working is how the run of given.Running is mirrored.
func working(completed int32) v1alpha1.PipelineRunStatusSummary {
	return v1alpha1.PipelineRunStatusSummary{
		Status: corev1.ConditionUnknown, Reason: "Running", Message: "Tasks Completed: 0",
		CompletedTasks: completed, TotalTasks: 3, Progress: fmt.Sprintf("%d/3", completed),
	}
}

// done is how a run that has ended is mirrored. One that has failed did so in its first task.
func done(status corev1.ConditionStatus, reason string) v1alpha1.PipelineRunStatusSummary {
	summary := v1alpha1.PipelineRunStatusSummary{
		Status: status, Reason: reason, Message: "Tasks Completed: 1", TotalTasks: 3, Progress: "0/3",
	}
	if status == corev1.ConditionTrue {
		summary.CompletedTasks, summary.Progress = 3, "3/3"
	}
	return summary
}

// withRunUID is an execution whose stored reference has another UID.
func withRunUID(uid types.UID) given.ExecutionOption {
	return func(wfe *v1alpha1.WorkflowExecution) { wfe.Status.PipelineRunRef.UID = uid }
}

func seconds(n int) time.Duration {
	return time.Duration(n) * time.Second
}

// unnoticed is all that a first reconcile leaves which failed before it got anywhere: Knative's own words.
func unnoticed(wfe *v1alpha1.WorkflowExecution) {
	given.Observed(wfe)
	wfe.GetConditionSet().Manage(&wfe.Status).MarkUnknown(v1alpha1.ConditionSucceeded,
		"NewObservedGenFailure", "unsuccessfully observed a new generation")
}
