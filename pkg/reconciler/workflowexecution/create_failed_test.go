// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package workflowexecution

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	clientgotesting "k8s.io/client-go/testing"
	rtesting "knative.dev/pkg/reconciler/testing"

	"kubernaut.ai/workflowexecution/pkg/apis/config"
	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	given "kubernaut.ai/workflowexecution/pkg/reconciler/testing"
	"kubernaut.ai/workflowexecution/pkg/targetlock"
)

// Nothing is written but the status: no lock, no run.
func TestRefuse(t *testing.T) {
	refused := func(name, message string, fact given.ExecutionOption, circumstances ...func(*given.Circumstances)) rtesting.TableRow {
		return rtesting.TableRow{
			Name:          name,
			Objects:       []runtime.Object{execution(fact)},
			OtherTestData: given.With(circumstances...),
			WantStatusUpdates: status(execution(fact, given.Observed,
				given.FailedUnstarted(v1alpha1.FailureConfigurationError, message))),
			WantEvents: []string{failed(v1alpha1.FailureConfigurationError, message)},
		}
	}
	account := given.WithSpec(func(spec *v1alpha1.WorkflowExecutionSpec) {
		spec.ExecutionConfig = &v1alpha1.ExecutionConfig{ServiceAccountName: "admin"}
	})
	run(t, rtesting.TableTest{
		refused("a field that the schema lets through",
			`invalid value: sha256:zz: spec.workflowRef.containerDigest`+"\n"+"must be sha256: and 64 lower-case hexadecimal digits",
			given.WithSpec(func(spec *v1alpha1.WorkflowExecutionSpec) { spec.WorkflowRef.ContainerDigest = "sha256:zz" })),
		refused("a field that is missing", "missing field(s): spec.remediationRequestRef.name",
			given.WithSpec(func(spec *v1alpha1.WorkflowExecutionSpec) { spec.RemediationRequestRef.Name = "" })),
		refused("a target that the cluster does not serve", `spec.targetResource cannot be resolved: no kind "Deployment"`, asWritten,
			given.Undiscovered(fmt.Errorf("%w: no kind %q", targetlock.ErrTarget, "Deployment"))),
		refused("a bundle from elsewhere", `spec.workflowRef.containerImage "registry.example/workflows/restart:1.2.0" `+
			`is not among allowed-bundles of config-workflowexecution: [ghcr.io/ours/*]`, asWritten,
			given.Configured(func(c *config.WorkflowExecution) { c.AllowedBundles = []string{"ghcr.io/ours/*"} })),
		refused("another service account", `spec.executionConfig.serviceAccountName "admin" `+
			`is not among allowed-service-accounts of config-workflowexecution: [drainer]`, account,
			given.Configured(func(c *config.WorkflowExecution) { c.AllowedServiceAccounts = []string{"drainer"} })),
		refused("too long a timeout", `spec.executionConfig.timeout: "25h0m0s" is not valid: want more than 0s and at most the "24h0m0s" `+
			`of max-timeout in config-workflowexecution`, timeout(25*time.Hour)),
	})
}

func asWritten(*v1alpha1.WorkflowExecution) {}

func TestRefuseNot(t *testing.T) {
	run(t, rtesting.TableTest{{
		// The default service account is always allowed.
		Name:    "the default service account",
		Objects: []runtime.Object{execution()},
		OtherTestData: given.With(given.Configured(func(c *config.WorkflowExecution) {
			c.AllowedServiceAccounts = []string{"drainer"}
		})),
		WantCreates:       []runtime.Object{newLease(execution()), newRun()},
		WantStatusUpdates: status(execution(given.RunCreated)),
		WantEvents:        []string{lockAcquired, runCreated},
	}, {
		// What has its lock was admitted: a change of the configuration, or of the cluster, comes too late.
		Name: "a running execution that would be refused now",
		Objects: []runtime.Object{
			running(), given.Run(execution(), given.Running(time.Minute)), given.LockLease(execution(), time.Minute),
		},
		OtherTestData: given.With(given.Requeues(29*time.Minute), given.Undiscovered(targetlock.ErrTarget),
			given.Configured(func(c *config.WorkflowExecution) { c.AllowedBundles = []string{"ghcr.io/ours/*"} })),
	}})
}

// Discovery that does not answer says nothing about the target. It is asked again, and not for ever.
func TestUndecidedTarget(t *testing.T) {
	down := given.Undiscovered(errors.New("metrics.k8s.io is down"))
	const late = "metrics.k8s.io is down; that was so for 5m0s"
	undecided := func(ago time.Duration, facts ...given.ExecutionOption) *v1alpha1.WorkflowExecution {
		return execution(append([]given.ExecutionOption{given.TargetUndecided("metrics.k8s.io is down", ago)}, facts...)...)
	}
	run(t, rtesting.TableTest{{
		Name:              "at first",
		Objects:           []runtime.Object{execution()},
		OtherTestData:     given.With(down, given.Requeues(5*time.Second)),
		WantStatusUpdates: status(undecided(0)),
	}, {
		// The first wording stays: another one would be a write of the status for each look.
		Name:          "still",
		Objects:       []runtime.Object{undecided(time.Minute)},
		OtherTestData: given.With(given.Undiscovered(errors.New("metrics.k8s.io and others are down")), given.Requeues(5*time.Second)),
	}, {
		Name:          "just before the pending deadline",
		Objects:       []runtime.Object{undecided(5*time.Minute - time.Second)},
		OtherTestData: given.With(down, given.Requeues(time.Second)),
	}, {
		Name:              "at the pending deadline",
		Objects:           []runtime.Object{undecided(5 * time.Minute)},
		OtherTestData:     given.With(down),
		WantStatusUpdates: status(undecided(5*time.Minute, given.FailedUnstarted(v1alpha1.FailureConfigurationError, late))),
		WantEvents:        []string{failed(v1alpha1.FailureConfigurationError, late)},
	}, {
		Name:              "decided after all",
		Objects:           []runtime.Object{undecided(time.Minute)},
		WantCreates:       []runtime.Object{newLease(execution()), newRun()},
		WantStatusUpdates: status(undecided(time.Minute, given.RunCreated)),
		WantEvents:        []string{lockAcquired, runCreated},
	}, {
		// Whatever it left is freed like what every dead holder leaves.
		Name:          "deleted meanwhile",
		Objects:       []runtime.Object{undecided(time.Minute, given.Deleted(0))},
		OtherTestData: given.With(down),
		WantStatusUpdates: status(undecided(time.Minute, given.Deleted(0),
			given.FailedUnstarted(v1alpha1.FailureCancelled, cancelledMessage))),
		WantEvents: []string{failed(v1alpha1.FailureCancelled, cancelledMessage)},
	}})
}

// A reconcile took the lock, perhaps made the run, and could not store either; then the configuration
// changed. What it left must not stay.
func TestRefuseAfterLock(t *testing.T) {
	narrow := given.Configured(func(c *config.WorkflowExecution) { c.MaxTimeout = time.Second })
	long := timeout(time.Hour)
	const message = `spec.executionConfig.timeout: "1h0m0s" is not valid: want more than 0s and at most the "1s" ` +
		`of max-timeout in config-workflowexecution`
	lease := given.LockLease(execution(), time.Minute)
	fenced := []clientgotesting.UpdateActionImpl{update(given.LockLease(execution(), time.Minute, given.Fenced))}
	event := []string{failed(v1alpha1.FailureConfigurationError, message)}
	run(t, rtesting.TableTest{{
		Name:          "with the lock",
		Objects:       []runtime.Object{execution(long), lease},
		OtherTestData: given.With(narrow),
		WantUpdates:   fenced,
		WantDeletes:   deletions(leaseDeletion()),
		WantStatusUpdates: status(execution(long, given.Observed,
			given.FailedUnstarted(v1alpha1.FailureConfigurationError, message), given.TargetFreed(0))),
		WantEvents: event,
	}, {
		Name:          "with lock and run",
		Objects:       []runtime.Object{execution(long), given.Run(execution(long)), lease},
		OtherTestData: given.With(narrow),
		WantUpdates:   fenced,
		WantDeletes:   deletions(runDeletion(), leaseDeletion()),
		WantStatusUpdates: status(execution(long, given.Observed,
			given.FailedUnstarted(v1alpha1.FailureConfigurationError, message), given.TargetFreed(0))),
		WantEvents:     event,
		PostConditions: []func(*testing.T, *rtesting.TableRow){given.InOrder("update leases", "delete pipelineruns", "delete leases")},
	}, {
		// The copy is old, the run works: nothing is refused.
		Name:          "on an old copy",
		Objects:       []runtime.Object{execution(long), given.Run(execution(long), given.Running(time.Minute)), lease},
		OtherTestData: given.With(narrow, given.Live(execution(long, given.Started(time.Minute)))),
	}, {
		// The finalizer would be removed, and nobody would ever free the target.
		Name:          "with the lock, and deleted",
		Objects:       []runtime.Object{execution(long, given.Deleted(0)), lease},
		OtherTestData: given.With(narrow),
		WantUpdates:   fenced,
		WantDeletes:   deletions(leaseDeletion()),
		WantStatusUpdates: status(execution(long, given.Deleted(0), func(wfe *v1alpha1.WorkflowExecution) {
			wfe.Status.InitializeConditions()
		}, given.FailedUnstarted(v1alpha1.FailureConfigurationError, message), given.TargetFreed(0))),
		WantEvents: event,
	}})
}
