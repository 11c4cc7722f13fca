// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package targetlease

import (
	"context"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/logging"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/pkg/reconciler/pipelinerun"
	"kubernaut.ai/workflowexecution/pkg/targetlock"
)

const (
	eventLockDiscarded    = "LockDiscarded"
	eventLedgerUnreadable = "LedgerUnreadable"
	eventBlockCleared     = "BlockCleared"
)

// restore gives a target back to an execution whose run is on it, and tells whether it did. Somebody has
// deleted or edited the Lease: only then does anything work on a target that nobody holds.
func (r *Reconciler) restore(ctx context.Context, cached *targetlock.Lock, hash string) (bool, error) {
	if isHeld(cached) {
		return false, nil
	}
	running, err := r.findRestorable(ctx, cached, hash)
	if running == nil || err != nil || v1alpha1.TargetHash(running.Target) != hash {
		return false, err
	}
	lock, err := r.locks.Look(ctx, running.Target)
	// Where the cache lags, what it does not know of may be more than that nobody holds the target.
	if err != nil || isHeld(lock) || lock.Exists() && !cached.Exists() {
		return false, err
	}
	if err := r.locks.Take(ctx, lock, running.Claim()); err != nil {
		return false, err
	}
	logging.FromContext(ctx).Warnw("Locked a target again for the execution that runs on it: its lease was deleted or edited",
		"target", running.Target, "execution", running.Holder.Namespace+"/"+running.Holder.Name)
	return true, nil
}

// findRestorable is what may have its target back, nil if there is nothing.
func (r *Reconciler) findRestorable(ctx context.Context, lock *targetlock.Lock, hash string) (*targetlock.Conflict, error) {
	elsewhere, err := r.index.Elsewhere(hash)
	if err != nil || len(elsewhere) == 0 && !r.cachedWork(hash).Any() {
		return nil, err
	}
	work, err := r.runs.Work(ctx, hash, pipelinerun.Ref{})
	if err != nil {
		return nil, err
	}
	running := work.Started().Where(func(object metav1.Object) bool {
		claim, failed := r.claimOf(object, hash, r.findLive(ctx))
		if failed != nil {
			err = failed
		}
		return claim == wanted || claim == orphaned && mayRestore(lock, object)
	})
	return running.Conflict(), err
}

func isHeld(lock *targetlock.Lock) bool {
	return lock.Holder != nil && lock.Holder.Holder != targetlock.Holder{}
}

// discardOf frees a target of which nothing but the hash is known, and on which there is no run, if its
// holder is dead.
func (r *Reconciler) discardOf(ctx context.Context, lease *coordinationv1.Lease, conflict targetlock.Conflict) error {
	live, err := r.live(ctx, conflict.Holder)
	if err != nil {
		return err
	}
	if live != nil && !live.Status.IsTerminal() {
		return controller.NewRequeueAfter(endInterval)
	}
	return r.discard(ctx, lease, conflict.Identity)
}

// discard frees a target whose Lease was edited so that nobody knows its holder, or itself, any more, and
// on which nothing works.
func (r *Reconciler) discard(ctx context.Context, lease *coordinationv1.Lease, identity string) error {
	if err := r.locks.Discard(ctx, lease); err != nil {
		return err
	}
	logging.FromContext(ctx).Warnw("Freed a target whose lease was edited by hand", "lease", lease.Name, "holder", identity)
	r.events.Eventf(lease, corev1.EventTypeWarning, eventLockDiscarded,
		"Freed the target: the lease was edited by hand, its holder %q cannot free it, and nothing works on it", identity)
	return nil
}
