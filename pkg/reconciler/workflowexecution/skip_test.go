// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package workflowexecution

import (
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	rtesting "knative.dev/pkg/reconciler/testing"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	given "kubernaut.ai/workflowexecution/pkg/reconciler/testing"
	"kubernaut.ai/workflowexecution/pkg/targetlock"
)

// skips is the event of a skip.
func skips(details v1alpha1.SkipDetails) string {
	return "Normal WorkflowSkipped " + string(details.Reason) + ": " + details.Message
}

// after are the details of a skip that follows from what the ledger says of an execution.
func after(reason v1alpha1.SkipReason, entry targetlock.Entry, message string) v1alpha1.SkipDetails {
	return v1alpha1.SkipDetails{
		Reason: reason, Message: message, SkippedAt: given.Ago(0),
		RecentRemediation: &v1alpha1.RecentRemediation{
			Namespace: entry.Execution.Namespace, Name: entry.Execution.Name, WorkflowID: "restart",
			Outcome: entry.Outcome, CompletedAt: metav1.NewTime(entry.CompletedAt),
		},
	}
}

// recently are those of one that time alone will end.
func recently(entry targetlock.Entry, message string, remaining time.Duration) v1alpha1.SkipDetails {
	details := after(v1alpha1.SkipRecentlyRemediated, entry, message)
	details.CooldownRemaining = &metav1.Duration{Duration: remaining}
	return details
}

// earlier is one of the same workflow on the same target.
func earlier(facts ...given.ExecutionOption) *v1alpha1.WorkflowExecution {
	return given.Execution("billing/earlier", facts...)
}

const (
	ranAndFailed = "Workflow restart failed on target payment/deployments.apps/api in execution billing/earlier at 2026-03-01T11:00:00Z, " +
		"after it may have changed something (TaskFailed: Step evict ended with exit code 3). Look at the target, then clear the block: " +
		`kubectl patch wfe earlier -n billing --subresource=status --type=merge -p '{"status":{"blockClearanceRequest":{"reason":"..."}}}'`
	exhausted = "Workflow restart could not be executed on target payment/deployments.apps/api 5 times in a row, " +
		"last in execution billing/earlier at 2026-03-01T11:00:00Z (Forbidden: exceeded quota). Mend the cause, then clear the block: " +
		`kubectl patch wfe earlier -n billing --subresource=status --type=merge -p '{"status":{"blockClearanceRequest":{"reason":"..."}}}'`
	backsOff = "Workflow restart could not be executed on target payment/deployments.apps/api, last in execution billing/earlier " +
		"at 2026-03-01T11:59:00Z (Forbidden: exceeded quota); it may run there again at 2026-03-01T12:01:00Z"
	coolsDown = "Workflow restart ran on target payment/deployments.apps/api in execution billing/earlier, " +
		"which ended at 2026-03-01T11:59:00Z (Completed); it may run there again at 2026-03-01T12:04:00Z"
)

// blocks is an execution that ran and failed, and what the ledger says of it.
func blocks() targetlock.Entry {
	return given.Entry(earlier(), time.Hour, given.FailedFor(v1alpha1.FailureTaskFailed, "Step evict ended with exit code 3"),
		given.Until(-55*time.Minute), given.Blocks(v1alpha1.SkipPreviousExecutionFailed))
}

func failedEarlier(facts ...given.ExecutionOption) *v1alpha1.WorkflowExecution {
	return earlier(append([]given.ExecutionOption{
		given.Started(2 * time.Hour), given.Ended(time.Hour, &v1alpha1.FailureDetails{
			Reason: v1alpha1.FailureTaskFailed, Message: "Step evict ended with exit code 3",
			FailedAt: given.Ago(time.Hour), WasExecutionFailure: true,
		}), given.Blocking(0), given.Released,
	}, facts...)...)
}

// The rows of the table in docs/design.md, "Decisions", in its order. A skip writes nothing but the status.
func TestSkip(t *testing.T) {
	skipped := func(name string, details v1alpha1.SkipDetails, objects ...runtime.Object) rtesting.TableRow {
		return rtesting.TableRow{
			Name: name, Objects: append(objects, execution()),
			WantStatusUpdates: status(execution(given.SkippedWith(details))), WantEvents: []string{skips(details)},
		}
	}
	exhaustion := given.Entry(earlier(), time.Hour, given.NeverRan(5, v1alpha1.FailureForbidden, "exceeded quota"),
		given.Until(-50*time.Minute), given.Blocks(v1alpha1.SkipExhaustedRetries))
	backoff := given.Entry(earlier(), time.Minute, given.NeverRan(2, v1alpha1.FailureForbidden, "exceeded quota"), given.Until(time.Minute))
	cooldown := given.Entry(earlier(), time.Minute, given.Until(4*time.Minute))
	busy := v1alpha1.SkipDetails{
		Reason: v1alpha1.SkipResourceBusy, SkippedAt: given.Ago(0),
		Message: "Target payment/deployments.apps/api is held by billing/other (workflow drain) since 2026-03-01T11:59:00Z; " +
			"create a new execution once that one has ended",
		ConflictingWorkflow: &v1alpha1.ConflictingWorkflow{
			Namespace: "billing", Name: "other", WorkflowID: "drain", TargetResource: "payment/deployments.apps/api", StartedAt: given.Ago(time.Minute),
		},
	}
	held := []func(*coordinationv1.Lease){given.Remembers("restart", blocks())}
	run(t, rtesting.TableTest{
		skipped("held by another workflow, whatever the ledger says", busy,
			other(given.Started(time.Minute)), failedEarlier(), given.LockLease(other(), time.Minute, held...)),
		skipped("this workflow ran and failed", after(v1alpha1.SkipPreviousExecutionFailed, blocks(), ranAndFailed),
			failedEarlier(), given.FreeLease(given.Remembers("restart", blocks()))),
		skipped("this workflow could not be executed too often", after(v1alpha1.SkipExhaustedRetries, exhaustion, exhausted),
			earlier(given.Locked, given.FailedUnstarted(v1alpha1.FailureForbidden, "exceeded quota"), given.Blocking(5)),
			given.FreeLease(given.Remembers("restart", exhaustion))),
		skipped("this workflow could not be executed a moment ago", recently(backoff, backsOff, time.Minute),
			given.FreeLease(given.Remembers("restart", backoff))),
		skipped("this workflow completed a moment ago", recently(cooldown, coolsDown, 4*time.Minute),
			given.FreeLease(given.Remembers("restart", cooldown))),
	})
}

// Whoever waits as long as the details say must not come too early.
func TestSkipRoundsUp(t *testing.T) {
	entry := given.Entry(earlier(), time.Minute, given.Until(4*time.Minute+time.Millisecond))
	details := recently(entry, coolsDown, 4*time.Minute+time.Second)
	run(t, rtesting.TableTest{{
		Name:              "a part of a second",
		Objects:           []runtime.Object{execution(), given.FreeLease(given.Remembers("restart", entry))},
		WantStatusUpdates: status(execution(given.SkippedWith(details))),
		WantEvents:        []string{skips(details)},
	}})
}

// What is as it was before the row above, but for the one fact that lets the workflow run. What the
// Lease remembers stays on it.
func TestSkipNot(t *testing.T) {
	cooldown := given.Entry(earlier(), time.Minute, given.Until(4*time.Minute))
	runs := func(name, workflowID string, entry targetlock.Entry, objects ...runtime.Object) rtesting.TableRow {
		remembers := given.Remembers(workflowID, entry)
		return rtesting.TableRow{
			Name: name, Objects: append(objects, execution(), given.FreeLease(remembers)),
			WantUpdates:       updates(given.LockLease(execution(), 0, remembers)),
			WantCreates:       []runtime.Object{newRun()},
			WantStatusUpdates: status(execution(given.RunCreated)),
			WantEvents:        []string{lockAcquired, runCreated},
		}
	}
	run(t, rtesting.TableTest{
		runs("the cooldown is another workflow's", "drain", cooldown),
		runs("the block is another workflow's", "drain", blocks(), failedEarlier()),
		runs("the cooldown is over", "restart", given.Entry(earlier(), 5*time.Minute, given.Until(0))),
		runs("the backoff is over", "restart", given.Entry(earlier(), time.Minute,
			given.NeverRan(4, v1alpha1.FailureForbidden, "exceeded quota"), given.Until(0))),
		runs("the blocking execution is gone", "restart", blocks()),
		runs("the blocking execution is gone, and another has its name", "restart", blocks(), failedEarlier(given.WithUID("later"))),
		runs("the blocking execution is being deleted", "restart", blocks(), failedEarlier(given.Deleted(0))),
		runs("the blocking execution was cleared, which the ledger does not know", "restart", blocks(), failedEarlier(given.Cleared(0))),
	})
}

// Who deletes a failed execution does not shorten its cooldown; who clears it does.
func TestBlockEndsWithinCooldown(t *testing.T) {
	entry := blocks()
	given.Until(time.Minute)(&entry)
	remembers := given.Remembers("restart", entry)
	details := recently(entry, "Workflow restart ran on target payment/deployments.apps/api in execution billing/earlier, "+
		"which ended at 2026-03-01T11:00:00Z (Failed); it may run there again at 2026-03-01T12:01:00Z", time.Minute)
	run(t, rtesting.TableTest{{
		Name:              "by deletion",
		Objects:           []runtime.Object{execution(), failedEarlier(given.Deleted(0)), given.FreeLease(remembers)},
		WantStatusUpdates: status(execution(given.SkippedWith(details))),
		WantEvents:        []string{skips(details)},
	}, {
		Name:              "by clearance",
		Objects:           []runtime.Object{execution(), failedEarlier(given.Cleared(0)), given.FreeLease(remembers)},
		WantUpdates:       updates(given.LockLease(execution(), 0, remembers)),
		WantCreates:       []runtime.Object{newRun()},
		WantStatusUpdates: status(execution(given.RunCreated)),
		WantEvents:        []string{lockAcquired, runCreated},
	}, {
		Name:              "by clearance, and deletion after it",
		Objects:           []runtime.Object{execution(), failedEarlier(given.Cleared(0), given.Deleted(0)), given.FreeLease(remembers)},
		WantUpdates:       updates(given.LockLease(execution(), 0, remembers)),
		WantCreates:       []runtime.Object{newRun()},
		WantStatusUpdates: status(execution(given.RunCreated)),
		WantEvents:        []string{lockAcquired, runCreated},
	}, {
		// The cache has it cleared or gone, the API server decides.
		Name:          "not at the API server",
		Objects:       []runtime.Object{execution(), failedEarlier(given.Cleared(0)), given.FreeLease(given.Remembers("restart", blocks()))},
		OtherTestData: given.With(given.Live(failedEarlier())),
		WantStatusUpdates: status(execution(given.SkippedWith(
			after(v1alpha1.SkipPreviousExecutionFailed, blocks(), ranAndFailed)))),
		WantEvents: []string{skips(after(v1alpha1.SkipPreviousExecutionFailed, blocks(), ranAndFailed))},
	}})
}
