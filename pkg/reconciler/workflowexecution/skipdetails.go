// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package workflowexecution

import (
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution"
	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/pkg/targetlock"
)

// skipDetails say why a workflow was not started, by what, and what to do next.
func (r *Reconciler) skipDetails(claim targetlock.Claim, decision targetlock.Decision) v1alpha1.SkipDetails {
	details := v1alpha1.SkipDetails{Reason: decision.Skip, SkippedAt: metav1.NewTime(r.clock.Now())}
	if by := decision.Conflict; by != nil {
		details.Message = busy(claim, *by)
		if by.Run != "" && by.Holder == (targetlock.Holder{}) {
			return details
		}
		details.ConflictingWorkflow = &v1alpha1.ConflictingWorkflow{
			Namespace: by.Holder.Namespace, Name: by.Holder.Name, WorkflowID: by.WorkflowID,
			TargetResource: claim.Target, StartedAt: metav1.NewTime(by.Since),
		}
		return details
	}
	entry := decision.Entry
	details.RecentRemediation = &v1alpha1.RecentRemediation{
		Namespace: entry.Execution.Namespace, Name: entry.Execution.Name, WorkflowID: claim.WorkflowID,
		Outcome: entry.Outcome, CompletedAt: metav1.NewTime(entry.CompletedAt),
	}
	if decision.Remaining > 0 {
		remaining := decision.Remaining.Truncate(time.Second)
		if remaining < decision.Remaining {
			remaining += time.Second
		}
		details.CooldownRemaining = &metav1.Duration{Duration: remaining}
	}
	details.Message = notAgain(claim, decision)
	return details
}

func busy(claim targetlock.Claim, by targetlock.Conflict) string {
	if by.Run != "" {
		return fmt.Sprintf("PipelineRun %s is on target %s since %s without its lock: somebody has made it in the likeness of another; "+
			"it is being ended, create a new execution once it has", by.Run, claim.Target, timestamp(by.Since))
	}
	if by.Holder == (targetlock.Holder{}) {
		return fmt.Sprintf("Target %s is held by %q, which names no execution: its lease was edited by hand; "+
			"create a new execution once the controller has found out whether the target is free", claim.Target, by.Identity)
	}
	return fmt.Sprintf("Target %s is held by %s (workflow %s) since %s; create a new execution once that one has ended",
		claim.Target, nameOf(by.Holder), by.WorkflowID, timestamp(by.Since))
}

func notAgain(claim targetlock.Claim, decision targetlock.Decision) string {
	entry := decision.Entry
	again := fmt.Sprintf("it may run there again at %s", timestamp(entry.NextAllowed))
	switch {
	case decision.Skip == v1alpha1.SkipPreviousExecutionFailed:
		return fmt.Sprintf("Workflow %s failed on target %s in execution %s at %s, after it may have changed something (%s: %s). "+
			"Look at the target, then clear the block: %s", claim.WorkflowID, claim.Target, nameOf(entry.Execution),
			timestamp(entry.CompletedAt), entry.Reason, entry.Message, clearing(entry.Execution))
	case decision.Skip == v1alpha1.SkipExhaustedRetries:
		return fmt.Sprintf("Workflow %s could not be executed on target %s %d times in a row, last in execution %s at %s (%s: %s). "+
			"Mend the cause, then clear the block: %s", claim.WorkflowID, claim.Target, entry.ConsecutiveFailures, nameOf(entry.Execution),
			timestamp(entry.CompletedAt), entry.Reason, entry.Message, clearing(entry.Execution))
	case entry.Outcome == v1alpha1.PhaseFailed && !entry.Ran:
		return fmt.Sprintf("Workflow %s could not be executed on target %s, last in execution %s at %s (%s: %s); %s",
			claim.WorkflowID, claim.Target, nameOf(entry.Execution), timestamp(entry.CompletedAt), entry.Reason, entry.Message, again)
	}
	return fmt.Sprintf("Workflow %s ran on target %s in execution %s, which ended at %s (%s); %s",
		claim.WorkflowID, claim.Target, nameOf(entry.Execution), timestamp(entry.CompletedAt), entry.Outcome, again)
}

// clearing is the command that clears the block of an execution.
func clearing(blocker targetlock.Holder) string {
	return fmt.Sprintf("kubectl patch wfe %s -n %s --subresource=status --type=merge "+
		"-p '{\"status\":{\"blockClearanceRequest\":{\"reason\":\"...\"}}}'", blocker.Name, blocker.Namespace)
}

// unreadable says how a ledger is repaired.
func unreadable(claim targetlock.Claim, err error) string {
	return fmt.Sprintf("Nothing may run on target %s: %s. Repair annotation %s of the lease %s in the controller's namespace, "+
		"or remove it, and with it the cooldowns and blocks of the target", claim.Target, err,
		workflowexecution.LedgerAnnotation, targetlock.LeaseName(claim.Target))
}

// full says how a ledger gets room again.
func full(claim targetlock.Claim) string {
	return fmt.Sprintf("Nothing new may run on target %s: as many workflows as its ledger has room for have failed there and block, "+
		"and none of these blocks may be forgotten. Look at the target, then clear or delete failed executions on it; "+
		"annotation %s of the lease %s in the controller's namespace names them", claim.Target,
		workflowexecution.LedgerAnnotation, targetlock.LeaseName(claim.Target))
}

func nameOf(holder targetlock.Holder) string {
	return holder.Namespace + "/" + holder.Name
}

func timestamp(t time.Time) string {
	return t.UTC().Format(time.RFC3339)
}
