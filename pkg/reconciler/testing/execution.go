// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

// Package testing builds what the tests of the reconcilers start from: executions, runs, pods and
// leases by facts about them, listers and fake clients from one list of objects.
package testing

import (
	"time"

	"github.com/google/uuid"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"
	"knative.dev/pkg/apis"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution"
	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/pkg/audit"
	"kubernaut.ai/workflowexecution/pkg/failure"
	"kubernaut.ai/workflowexecution/pkg/reconciler/pipelinerun/resources/names"
)

const (
	// SystemNamespace holds the Leases.
	SystemNamespace = "kubernaut-system"
	// RunNamespace holds the PipelineRuns.
	RunNamespace = "kubernaut-workflows"
	// Target of every execution that does not say otherwise, in canonical form.
	Target = "payment/deployments.apps/api"
	// WorkflowID of every execution that does not say otherwise.
	WorkflowID = "restart"
)

// Now is when every test takes place.
func Now() time.Time {
	return time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)
}

// Ago is a time before Now.
func Ago(d time.Duration) metav1.Time {
	return metav1.NewTime(Now().Add(-d))
}

// ExecutionOption is a fact about an execution.
type ExecutionOption func(*v1alpha1.WorkflowExecution)

// Execution is a new execution of that namespace/name, which no controller has seen, with facts
// added to it in the order in which they came about.
func Execution(key string, facts ...ExecutionOption) *v1alpha1.WorkflowExecution {
	namespace, name, _ := cache.SplitMetaNamespaceKey(key)
	wfe := &v1alpha1.WorkflowExecution{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: namespace, Name: name, UID: types.UID("uid-" + name), Generation: 1,
			Finalizers: []string{workflowexecution.FinalizerName},
		},
		Spec: v1alpha1.WorkflowExecutionSpec{
			WorkflowRef: v1alpha1.WorkflowRef{
				WorkflowID: WorkflowID, Version: "1.2.0", ContainerImage: "registry.example/workflows/restart:1.2.0",
			},
			TargetResource: "payment/Deployment/api",
		},
	}
	wfe.Spec.RemediationRequestRef.Name = "rr-1"
	for _, fact := range facts {
		fact(wfe)
	}
	audit.Note(wfe, audit.Unacknowledged)
	return wfe
}

// RunUID is the UID of the run of an execution.
func RunUID(execution types.UID) types.UID {
	return "run-of-" + execution
}

// WithoutFinalizer is an execution that no webhook has defaulted.
func WithoutFinalizer(wfe *v1alpha1.WorkflowExecution) {
	wfe.Finalizers = nil
}

// Observed is an execution that a reconcile has looked at, and no more.
func Observed(wfe *v1alpha1.WorkflowExecution) {
	wfe.Status.ObservedGeneration = wfe.Generation
	wfe.Status.InitializeConditions()
}

// Locked has its target to itself.
func Locked(wfe *v1alpha1.WorkflowExecution) {
	Observed(wfe)
	wfe.Status.Annotations = map[string]string{"kubernaut.ai/canonical-target": Target}
	wfe.Status.MarkLockAcquired()
	setTransitions(wfe, metav1.Time{})
}

// LockedFor has had its target to itself for a while.
func LockedFor(d time.Duration) ExecutionOption {
	return func(wfe *v1alpha1.WorkflowExecution) {
		Locked(wfe)
		setTransitions(wfe, Ago(d))
	}
}

// setTransitions of its conditions to a time: they have that of the real clock.
func setTransitions(wfe *v1alpha1.WorkflowExecution, at metav1.Time) {
	for i := range wfe.Status.Conditions {
		wfe.Status.Conditions[i].LastTransitionTime = apis.VolatileTime{Inner: at}
	}
}

// TargetUndecided has a target of which the API server could not tell what it is, since then.
func TargetUndecided(message string, ago time.Duration) ExecutionOption {
	return func(wfe *v1alpha1.WorkflowExecution) {
		Observed(wfe)
		wfe.Status.MarkTargetUndecided(message)
		setTransitions(wfe, Ago(ago))
	}
}

// Retrying could not create its run yet.
func Retrying(message string) ExecutionOption {
	return func(wfe *v1alpha1.WorkflowExecution) {
		wfe.Status.MarkPipelineRunRetrying(message)
	}
}

// RunAltered has a run that somebody has changed on its way into the store.
func RunAltered(message string) ExecutionOption {
	return func(wfe *v1alpha1.WorkflowExecution) {
		Locked(wfe)
		wfe.Status.MarkPipelineRunAltered(v1alpha1.PipelineRunRef{
			Namespace: RunNamespace, Name: names.PipelineRun(wfe), UID: RunUID(wfe.UID),
		}, message)
	}
}

// StartRetrying could not start its run so far.
func StartRetrying(message string) ExecutionOption {
	return func(wfe *v1alpha1.WorkflowExecution) {
		wfe.Status.MarkStartRetrying(message)
	}
}

// RunCreated has a stored reference of its run, which has not been started.
func RunCreated(wfe *v1alpha1.WorkflowExecution) {
	Locked(wfe)
	Referring(wfe)
}

// Referring has stored the reference of its run.
func Referring(wfe *v1alpha1.WorkflowExecution) {
	wfe.Status.MarkPipelineRunCreated(v1alpha1.PipelineRunRef{
		Namespace: RunNamespace, Name: names.PipelineRun(wfe), UID: RunUID(wfe.UID),
	})
}

// Started has started its run, that long ago.
func Started(ago time.Duration) ExecutionOption {
	return func(wfe *v1alpha1.WorkflowExecution) {
		if wfe.Status.PipelineRunRef == nil {
			RunCreated(wfe)
		}
		wfe.Status.MarkStarted(Ago(ago))
	}
}

// Mirroring shows how its run was seen last.
func Mirroring(summary v1alpha1.PipelineRunStatusSummary) ExecutionOption {
	return func(wfe *v1alpha1.WorkflowExecution) {
		wfe.Status.PropagatePipelineRunStatus(summary)
	}
}

// totalTasks of the pipeline of Running.
const totalTasks = 3

// Ended has its outcome stored, that long ago; nil details mean success.
func Ended(ago time.Duration, details *v1alpha1.FailureDetails) ExecutionOption {
	return func(wfe *v1alpha1.WorkflowExecution) {
		details = details.DeepCopy()
		if details != nil && details.NaturalLanguageSummary == "" {
			details.NaturalLanguageSummary = failure.Summarize(&wfe.Spec, details, totalTasks)
		}
		wfe.Status.MarkReleasing(Ago(ago), details)
	}
}

// EndedUnstarted has a failure before anything ran as its outcome.
func EndedUnstarted(ago time.Duration, details *v1alpha1.FailureDetails) ExecutionOption {
	return func(wfe *v1alpha1.WorkflowExecution) {
		details = details.DeepCopy()
		details.NaturalLanguageSummary = failure.SummarizeUnstarted(&wfe.Spec, details)
		wfe.Status.MarkReleasing(Ago(ago), details)
	}
}

// WaitingFor still keeps its target because of something that runs.
func WaitingFor(what string) ExecutionOption {
	return func(wfe *v1alpha1.WorkflowExecution) {
		wfe.Status.MarkWaitingForRelease("The run has ended; its target stays locked until these have ended too: " + what)
	}
}

// Released has freed its target just now.
func Released(wfe *v1alpha1.WorkflowExecution) {
	TargetFreed(0)(wfe)
	wfe.Status.MarkReleased()
}

// TargetFreed gave its target back that long ago.
func TargetFreed(ago time.Duration) ExecutionOption {
	return func(wfe *v1alpha1.WorkflowExecution) { wfe.Status.MarkTargetFreed(Ago(ago)) }
}

// FreedUnseen is over, and nobody knows when its target was freed.
func FreedUnseen(wfe *v1alpha1.WorkflowExecution) {
	wfe.Status.ReleasedTime = nil
}

// SkippedFor lost its target to that execution, which took it that long ago.
func SkippedFor(winner *v1alpha1.WorkflowExecution, ago time.Duration) ExecutionOption {
	return func(wfe *v1alpha1.WorkflowExecution) {
		Observed(wfe)
		wfe.Status.MarkSkipped(v1alpha1.SkipDetails{
			Reason: v1alpha1.SkipResourceBusy,
			Message: "Target " + Target + " is held by " + winner.Namespace + "/" + winner.Name +
				" (workflow " + winner.Spec.WorkflowRef.WorkflowID + ") since " +
				Ago(ago).UTC().Format(time.RFC3339) + "; create a new execution once that one has ended",
			SkippedAt: Ago(0),
			ConflictingWorkflow: &v1alpha1.ConflictingWorkflow{
				Namespace: winner.Namespace, Name: winner.Name, WorkflowID: winner.Spec.WorkflowRef.WorkflowID,
				TargetResource: Target, StartedAt: Ago(ago),
			},
		})
	}
}

// FailedUnstarted failed before anything ran. If it had its target, it has freed it just now.
func FailedUnstarted(reason v1alpha1.FailureReason, message string) ExecutionOption {
	return func(wfe *v1alpha1.WorkflowExecution) {
		details := v1alpha1.FailureDetails{Reason: reason, Message: message, FailedAt: Ago(0)}
		details.NaturalLanguageSummary = failure.SummarizeUnstarted(&wfe.Spec, &details)
		wfe.Status.MarkFailedUnstarted(details)
		if wfe.Status.GetCondition(v1alpha1.ConditionLockAcquired).IsTrue() {
			TargetFreed(0)(wfe)
		}
	}
}

// Audited has its events recorded, a second ago.
func Audited(wfe *v1alpha1.WorkflowExecution) {
	audit.Note(wfe, func(uuid.UUID) (audit.Acknowledgement, bool) {
		return audit.Acknowledgement{At: Ago(time.Second)}, true
	})
}

// Deleted was asked to go, that long ago.
func Deleted(ago time.Duration) ExecutionOption {
	return func(wfe *v1alpha1.WorkflowExecution) {
		at := Ago(ago)
		wfe.DeletionTimestamp = &at
	}
}

// WithSpec changes the specification.
func WithSpec(change func(*v1alpha1.WorkflowExecutionSpec)) ExecutionOption {
	return func(wfe *v1alpha1.WorkflowExecution) { change(&wfe.Spec) }
}

// WithUID is another execution of that name.
func WithUID(uid types.UID) ExecutionOption {
	return func(wfe *v1alpha1.WorkflowExecution) { wfe.UID = uid }
}
