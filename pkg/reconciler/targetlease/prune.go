// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package targetlease

import (
	"context"
	"fmt"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"knative.dev/pkg/controller"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/pkg/targetlock"
)

// prune lets a free target forget what is over, now and when the next entry of its ledger is due.
func (r *Reconciler) prune(ctx context.Context, lease *coordinationv1.Lease) error {
	lock := targetlock.LockOf(lease)
	if lock.LedgerErr != nil {
		r.events.Eventf(lease, corev1.EventTypeWarning, eventLedgerUnreadable,
			"Nothing may run on target %s: repair annotation %s, or remove it, and with it the cooldowns and blocks of the target: %v",
			lock.Target(), targetlock.LedgerAnnotation, lock.LedgerErr)
		return nil //nolint:nilerr // a person has to repair it, to try again does not help
	}
	gone, err := r.gone(ctx, lock.Ledger)
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

// gone are the executions that matter to the ledger only as long as they exist, and do not. The cache
// may not have heard yet of one that another replica has made an entry for.
func (r *Reconciler) gone(ctx context.Context, ledger targetlock.Ledger) (map[targetlock.Holder]bool, error) {
	gone := map[targetlock.Holder]bool{}
	for _, entry := range ledger {
		if !entry.Outlives() || r.isCached(entry.Execution) {
			continue
		}
		exists, err := r.exists(ctx, entry.Execution)
		if err != nil {
			return nil, err
		}
		gone[entry.Execution] = !exists
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

func (r *Reconciler) isCached(holder targetlock.Holder) bool {
	execution, err := r.executions.WorkflowExecutions(holder.Namespace).Get(holder.Name)
	return err == nil && execution.UID == holder.UID
}

func (r *Reconciler) exists(ctx context.Context, holder targetlock.Holder) (bool, error) {
	live, err := r.live(ctx, holder)
	return live != nil, err
}

// live is the execution at the API server, nil if it is gone.
func (r *Reconciler) live(ctx context.Context, holder targetlock.Holder) (*v1alpha1.WorkflowExecution, error) {
	live, err := r.client.KubernautV1alpha1().WorkflowExecutions(holder.Namespace).Get(ctx, holder.Name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("failed to read the execution %s/%s: %w", holder.Namespace, holder.Name, err)
	case live.UID != holder.UID:
		return nil, nil
	}
	return live, nil
}
