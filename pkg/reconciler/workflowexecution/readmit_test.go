// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package workflowexecution

import (
	"errors"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgotesting "k8s.io/client-go/testing"
	rtesting "knative.dev/pkg/reconciler/testing"

	"kubernaut.ai/workflowexecution/pkg/apis/config"
	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution"
	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	given "kubernaut.ai/workflowexecution/pkg/reconciler/testing"
	"kubernaut.ai/workflowexecution/pkg/targetlock"
)

const (
	foreignTarget = "kube-system/deployments.apps/coredns"
	otherTarget   = `spec.targetResource "payment/Deployment/api" is payment/deployments.apps/api, and status.annotations say that ` +
		foreignTarget + ` was locked for it; create a new execution`
	narrowedBundle = `spec.workflowRef.containerImage "registry.example/workflows/restart:1.2.0" ` +
		`is not among allowed-bundles of config-workflowexecution: [ghcr.io/ours/*]`
)

// naming has a status that names another target than its own.
func naming(wfe *v1alpha1.WorkflowExecution) {
	if wfe.Status.Annotations == nil {
		wfe.Status.Annotations = map[string]string{}
	}
	wfe.Status.Annotations[workflowexecution.CanonicalTargetAnnotation] = foreignTarget
}

// foreignLease is the Lease of that target, held by the execution.
func foreignLease(facts ...func(*coordinationv1.Lease)) *coordinationv1.Lease {
	lease := given.LockLease(execution(), time.Minute, facts...)
	lease.Name, lease.Annotations[workflowexecution.TargetAnnotation] = targetlock.LeaseName(foreignTarget), foreignTarget
	return lease
}

// Who may write a status must not choose what is locked, nor run what would not be admitted.
func TestStatusWrittenBySomebodyElse(t *testing.T) {
	refused := status(execution(given.Locked, naming, given.FailedUnstarted(v1alpha1.FailureConfigurationError, otherTarget), given.FreedUnseen))
	run(t, rtesting.TableTest{{
		Name:              "which names another target",
		Objects:           []runtime.Object{execution(naming)},
		WantCreates:       []runtime.Object{newLease(execution()), newRun()},
		WantStatusUpdates: status(execution(given.RunCreated)),
		WantEvents:        []string{lockAcquired, runCreated},
	}, {
		// Nothing is locked, freed or remembered.
		Name:              "which says that another target is locked",
		Objects:           []runtime.Object{execution(given.Locked, naming)},
		WantStatusUpdates: refused,
		WantEvents:        []string{lockReleased, failed(v1alpha1.FailureConfigurationError, otherTarget)},
	}, {
		Name:              "which says so of a target that another execution holds",
		Objects:           []runtime.Object{execution(given.Locked, naming), other(given.Started(time.Minute)), heldByOther()},
		WantStatusUpdates: refused,
		WantEvents:        []string{lockReleased, failed(v1alpha1.FailureConfigurationError, otherTarget)},
	}, {
		// What the kind means has changed since. The target that was locked is freed, and nothing remembered of it.
		Name:        "or by an earlier reconcile, before the kind meant another resource",
		Objects:     []runtime.Object{execution(given.Locked, naming), foreignLease()},
		WantUpdates: updates(foreignLease(given.Fenced)),
		WantDeletes: deletions(deletion("leases", given.SystemNamespace, targetlock.LeaseName(foreignTarget))),
		WantStatusUpdates: status(execution(given.Locked, naming,
			given.FailedUnstarted(v1alpha1.FailureConfigurationError, otherTarget))),
		WantEvents: []string{lockReleased, failed(v1alpha1.FailureConfigurationError, otherTarget)},
	}})
}

func heldByOther() runtime.Object {
	lease := given.LockLease(other(), time.Minute)
	lease.Name, lease.Annotations[workflowexecution.TargetAnnotation] = targetlock.LeaseName(foreignTarget), foreignTarget
	return lease
}

// What an execution was admitted for holds until its run is created, and no longer than that.
func TestAdmittedNoMore(t *testing.T) {
	ended := func(name, message string, fact given.ExecutionOption, circumstances ...func(*given.Circumstances)) rtesting.TableRow {
		return rtesting.TableRow{
			Name:          name,
			Objects:       []runtime.Object{execution(fact, given.Locked), given.LockLease(execution(), time.Minute)},
			OtherTestData: given.With(circumstances...),
			WantUpdates: []clientgotesting.UpdateActionImpl{
				update(given.LockLease(execution(), time.Minute, given.Fenced)),
				update(free(failedUnstartedNow(v1alpha1.FailureConfigurationError, message))),
			},
			WantStatusUpdates: status(execution(fact, given.Locked, given.FailedUnstarted(v1alpha1.FailureConfigurationError, message),
				given.Failing(1, time.Minute))),
			WantEvents: []string{lockReleased, failed(v1alpha1.FailureConfigurationError, message)},
		}
	}
	account := given.WithSpec(func(spec *v1alpha1.WorkflowExecutionSpec) {
		spec.ExecutionConfig = &v1alpha1.ExecutionConfig{ServiceAccountName: "admin"}
	})
	run(t, rtesting.TableTest{
		ended("the bundle", narrowedBundle, asWritten,
			given.Configured(func(c *config.WorkflowExecution) { c.AllowedBundles = []string{"ghcr.io/ours/*"} })),
		ended("the service account", `spec.executionConfig.serviceAccountName "admin" `+
			`is not among allowed-service-accounts of config-workflowexecution: [drainer]`, account,
			given.Configured(func(c *config.WorkflowExecution) { c.AllowedServiceAccounts = []string{"drainer"} })),
		ended("the timeout", `spec.executionConfig.timeout: "25h0m0s" is not valid: want more than 0s and at most the "24h0m0s" `+
			`of max-timeout in config-workflowexecution`, timeout(25*time.Hour)),
		ended("the target", "spec.targetResource cannot be resolved", asWritten, given.Undiscovered(targetlock.ErrTarget)),
	})
}

// It may come to be known again.
func TestUndecidedBeforeCreation(t *testing.T) {
	const message = "Failed to create the PipelineRun: metrics.k8s.io is down"
	run(t, rtesting.TableTest{{
		Name:              "the target is undecided",
		Objects:           []runtime.Object{execution(given.Locked), given.LockLease(execution(), time.Minute)},
		OtherTestData:     given.With(given.Undiscovered(errors.New("metrics.k8s.io is down"))),
		WantErr:           true,
		WantStatusUpdates: status(execution(given.Locked, given.Retrying(message))),
		WantEvents:        []string{internalError("failed to create PipelineRun: metrics.k8s.io is down")},
	}})
}
