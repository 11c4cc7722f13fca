// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package targetlease

import (
	"context"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	"knative.dev/pkg/controller"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution"
	"kubernaut.ai/workflowexecution/pkg/targetlock"
)

// prune lets a free target forget what is over, now and when the next entry of its ledger is due.
func (r *Reconciler) prune(ctx context.Context, lease *coordinationv1.Lease, lock *targetlock.Lock) error {
	if lock.LedgerErr != nil {
		r.events.Eventf(lease, corev1.EventTypeWarning, eventLedgerUnreadable,
			"Nothing may run on target %s: repair annotation %s, or remove it, and with it the cooldowns and blocks of the target: %v",
			lock.Target(), workflowexecution.LedgerAnnotation, lock.LedgerErr)
		return nil //nolint:nilerr // a person has to repair it, to try again does not help
	}
	gone, err := r.findGone(ctx, lock.Ledger)
	if err != nil {
		return err
	}
	next, err := r.locks.Prune(ctx, lease, func(h targetlock.Holder) bool { return gone[h] })
	if err != nil {
		return err
	}
	r.announceLifted(lease, lock.Ledger, gone)
	if next.IsZero() {
		return nil
	}
	return controller.NewRequeueAfter(next.Sub(r.clock.Now()))
}

// findGone are the executions that matter to the ledger only as long as they exist, and do not. The cache
// may not have heard yet of one that another replica has made an entry for.
func (r *Reconciler) findGone(ctx context.Context, ledger targetlock.Ledger) (map[targetlock.Holder]bool, error) {
	gone := map[targetlock.Holder]bool{}
	for _, entry := range ledger {
		if !entry.Outlives() || r.cached(entry.Execution) != nil {
			continue
		}
		live, err := r.live(ctx, entry.Execution)
		if err != nil {
			return nil, err
		}
		gone[entry.Execution] = live == nil
	}
	return gone, nil
}

func (r *Reconciler) announceLifted(lease *coordinationv1.Lease, ledger targetlock.Ledger, gone map[targetlock.Holder]bool) {
	for workflowID, entry := range ledger {
		if entry.Blocks != "" && gone[entry.Execution] {
			r.events.Eventf(lease, corev1.EventTypeNormal, eventBlockCleared,
				"The block of workflow %s ends with the execution %s, which is gone", workflowID, entry.Execution)
		}
	}
}
