// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package workflowexecution

import (
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	clientgotesting "k8s.io/client-go/testing"
	rtesting "knative.dev/pkg/reconciler/testing"

	"kubernaut.ai/workflowexecution/pkg/apis/config"
	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	given "kubernaut.ai/workflowexecution/pkg/reconciler/testing"
	"kubernaut.ai/workflowexecution/pkg/targetlock"
)

const denied = "Failed to create the PipelineRun: denied"

// What the ledger says of the execution before counts on in the next one's entry and status.
func TestConsequencesOfRefusal(t *testing.T) {
	failedUnstartedAfter := func(name string, before targetlock.Entry, next targetlock.Entry, want given.ExecutionOption, circumstances ...func(*given.Circumstances)) rtesting.TableRow {
		remembers := given.Remembers("restart", before)
		return rtesting.TableRow{
			Name:         name,
			Objects:      []runtime.Object{execution(given.Locked), given.LockLease(execution(), 0, remembers)},
			WithReactors: []clientgotesting.ReactionFunc{given.Refuse("create", "pipelineruns", apierrors.NewBadRequest("denied"))},
			WantCreates:  []runtime.Object{newRun()}, OtherTestData: given.With(circumstances...),
			WantUpdates:       updates(given.LockLease(execution(), 0, remembers, given.Fenced), free(next)),
			WantStatusUpdates: status(execution(given.Locked, given.FailedUnstarted(v1alpha1.FailureConfigurationError, denied), want)),
			WantEvents:        []string{lockReleased, failed(v1alpha1.FailureConfigurationError, denied)},
		}
	}
	before := func(n int32) targetlock.Entry {
		return given.Entry(earlier(), time.Hour, given.NeverRan(n, v1alpha1.FailureForbidden, "no"), given.Until(-time.Minute))
	}
	next := func(n int32, facts ...given.EntryFact) targetlock.Entry {
		return given.Entry(execution(), 0, append([]given.EntryFact{given.NeverRan(n, v1alpha1.FailureConfigurationError, denied)}, facts...)...)
	}
	blocked := given.Blocks(v1alpha1.SkipExhaustedRetries)
	exhaustion := given.Entry(earlier(), time.Hour, given.NeverRan(5, v1alpha1.FailureForbidden, "no"), blocked, given.Until(-time.Minute))
	run(t, rtesting.TableTest{
		failedUnstartedAfter("a success", given.Entry(earlier(), time.Hour), next(1, given.Until(time.Minute)), given.Failing(1, time.Minute)),
		failedUnstartedAfter("one refusal", before(1), next(2, given.Until(2*time.Minute)), given.Failing(2, 2*time.Minute)),
		failedUnstartedAfter("three refusals", before(3), next(4, given.Until(8*time.Minute)), given.Failing(4, 8*time.Minute)),
		// Five that a person has cleared: what the ledger still counts of them does not count.
		failedUnstartedAfter("five refusals, cleared", exhaustion, next(1, given.Until(time.Minute)), given.Failing(1, time.Minute)),
		failedUnstartedAfter("four refusals", before(4), next(5, given.Until(10*time.Minute), blocked), given.Blocking(5)),
		// The settings of now count.
		failedUnstartedAfter("one refusal, where two block", before(1), next(2, given.Until(4*time.Second), blocked), given.Blocking(2),
			given.Configured(func(c *config.WorkflowExecution) {
				c.MaxConsecutiveFailures, c.BackoffBase, c.BackoffMax = 2, seconds(2), seconds(30)
			})),
	})
}

func TestConsequencesOfEnd(t *testing.T) {
	before := given.Remembers("restart", given.Entry(earlier(), time.Hour, given.NeverRan(3, v1alpha1.FailureForbidden, "no"), given.Until(-time.Minute)))
	others := given.Remembers("drain", given.Entry(other(), time.Minute, given.Until(time.Minute)))
	deletedAnd := func(facts ...given.ExecutionOption) *v1alpha1.WorkflowExecution {
		return endedBadly(taskFailed(), append([]given.ExecutionOption{given.Deleted(0)}, facts...)...)
	}
	run(t, rtesting.TableTest{{
		Name:              "a success resets the count",
		Objects:           []runtime.Object{endedWell(), succeeded(), given.LockLease(execution(), time.Minute, before)},
		WantUpdates:       updates(free(succeededNow())),
		WantStatusUpdates: status(endedWell(given.NextIn(5*time.Minute), given.Released)),
		WantEvents:        []string{lockReleased, completed},
	}, {
		// The clock was set back since the one before: whoever holds the target came later all the same.
		Name: "a failure blocks, although the one before seems to be later",
		Objects: []runtime.Object{endedBadly(taskFailed()), failedRun(), given.LockLease(execution(), time.Minute,
			given.Remembers("restart", given.Entry(earlier(), -30*time.Minute, given.Until(35*time.Minute))))},
		WantUpdates:       updates(free(failedNow(taskFailed()))),
		WantStatusUpdates: status(endedBadly(taskFailed(), given.Blocking(0), given.Released)),
		WantEvents:        []string{lockReleased, failed(v1alpha1.FailureTaskFailed, taskFailed().Message)},
	}, {
		Name:    "the cooldown of now counts",
		Objects: []runtime.Object{endedWell(), succeeded(), given.LockLease(execution(), time.Minute)},
		OtherTestData: given.With(given.Configured(func(c *config.WorkflowExecution) {
			c.CooldownPeriod = time.Hour
		})),
		WantUpdates:       updates(free(given.Entry(execution(), 0, given.Until(time.Hour)))),
		WantStatusUpdates: status(endedWell(given.NextIn(time.Hour), given.Released)),
		WantEvents:        []string{lockReleased, completed},
	}, {
		Name:              "what other workflows did stays remembered",
		Objects:           []runtime.Object{endedWell(), succeeded(), given.LockLease(execution(), time.Minute, others)},
		WantUpdates:       updates(given.FreeLease(others, given.Remembers("restart", succeededNow()))),
		WantStatusUpdates: status(endedWell(given.NextIn(5*time.Minute), given.Released)),
		WantEvents:        []string{lockReleased, completed},
	}, {
		// A reconcile before a crash freed the target: what it noted is taken over, whatever holds now.
		Name: "noted before",
		Objects: []runtime.Object{
			endedWell(), succeeded(), free(given.Entry(execution(), 0, given.Until(2*time.Minute))),
		},
		WantStatusUpdates: status(endedWell(given.NextIn(2*time.Minute), given.Released)),
		WantEvents:        []string{lockReleased, completed},
	}, {
		// It was deleted while it worked: nobody could clear a block. The cooldown applies, and the count stays.
		Name:        "a failed one that is being deleted leaves no block",
		Objects:     []runtime.Object{deletedAnd(), failedRun(), given.LockLease(execution(), time.Minute, before)},
		WantDeletes: deletions(runDeletion()),
		WantUpdates: updates(free(given.Entry(execution(), 0, given.FailedFor(v1alpha1.FailureTaskFailed, taskFailed().Message),
			given.Until(5*time.Minute), func(entry *targetlock.Entry) { entry.ConsecutiveFailures = 3 }))),
		WantStatusUpdates: status(deletedAnd(given.Failing(3, 5*time.Minute), given.Released)),
		WantEvents:        []string{lockReleased, failed(v1alpha1.FailureTaskFailed, taskFailed().Message)},
	}, {
		Name:        "one that succeeded and is being deleted leaves its cooldown",
		Objects:     []runtime.Object{endedWell(given.Deleted(0)), succeeded(), given.LockLease(execution(), time.Minute, before)},
		WantDeletes: deletions(runDeletion()), WantUpdates: updates(free(succeededNow())),
		WantStatusUpdates: status(endedWell(given.Deleted(0), given.NextIn(5*time.Minute), given.Released)),
		WantEvents:        []string{lockReleased, completed},
	}})
}
