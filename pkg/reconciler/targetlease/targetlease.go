// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

// Package targetlease looks after the Leases of targets: it lets them forget what is over, ends what
// dead holders left, and gives a target back to an execution that runs on it.
package targetlease

import (
	"context"
	"errors"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	coordinationlisters "k8s.io/client-go/listers/coordination/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/record"
	"k8s.io/utils/clock"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/reconciler"

	"kubernaut.ai/workflowexecution/pkg/apierror"
	"kubernaut.ai/workflowexecution/pkg/apis/config"
	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution"
	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/pkg/client/clientset/versioned"
	listers "kubernaut.ai/workflowexecution/pkg/client/listers/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/pkg/reconciler/pipelinerun"
	"kubernaut.ai/workflowexecution/pkg/reconciler/takeover"
	"kubernaut.ai/workflowexecution/pkg/targetlock"
)

// endInterval bounds the wait for the end of what a dead holder left: nothing announces the end of the
// grace that its finally tasks have, nor that of a TaskRun.
const endInterval = 2 * time.Second

// warnedInterval is how often it is looked whether what a person was warned of has ended.
const warnedInterval = time.Minute

// eventTargetStaysLocked tells that a person has to decide.
const eventTargetStaysLocked = "TargetStaysLocked"

// Locks is what the reconciler needs of targetlock.Store.
type Locks interface {
	Look(ctx context.Context, target string) (*targetlock.Lock, error)
	Take(context.Context, *targetlock.Lock, targetlock.Claim) error
	Prune(ctx context.Context, lease *coordinationv1.Lease, isGone func(targetlock.Holder) bool) (next time.Time, err error)
	Discard(context.Context, *coordinationv1.Lease) error
}

// Reconciler looks after Leases. It acts on what its caches show to be out of order only, and looks at
// the API server before it does: in the ordinary life of an execution it asks for nothing.
type Reconciler struct {
	reconciler.LeaderAwareFuncs

	leases     coordinationlisters.LeaseNamespaceLister
	executions listers.WorkflowExecutionLister
	index      *pipelinerun.Index

	client   versioned.Interface
	runs     *pipelinerun.Runs
	locks    Locks
	takeover *takeover.Takeover
	config   reconciler.ConfigStore
	events   record.EventRecorder
	clock    clock.PassiveClock
}

var (
	_ controller.Reconciler  = (*Reconciler)(nil)
	_ reconciler.LeaderAware = (*Reconciler)(nil)
)

// Reconcile implements controller.Reconciler for the key of a Lease, which need not exist.
func (r *Reconciler) Reconcile(ctx context.Context, key string) error {
	namespace, name, err := cache.SplitMetaNamespaceKey(key)
	if err != nil {
		return controller.NewPermanentError(err)
	}
	hash, ours := targetlock.HashOfLease(name)
	if !ours || !r.IsLeaderFor(types.NamespacedName{Namespace: namespace, Name: name}) {
		return controller.NewSkipKey(key)
	}
	err = r.reconcile(r.config.ToContext(ctx), name, hash)
	if errors.Is(err, targetlock.ErrChanged) {
		// The cache lags. What has changed brings the next reconcile.
		return controller.NewSkipKey(key)
	}
	return err
}

func (r *Reconciler) reconcile(ctx context.Context, name, hash string) error {
	lease, err := r.leases.Get(name)
	if err != nil && !apierror.IsGone(err) {
		return err
	}
	lock := targetlock.LockOf(lease)
	if restored, err := r.restore(ctx, lock, hash); restored || err != nil {
		return err
	}
	// What fails for one of these keeps none of the others from its end.
	return sooner(
		r.reconcileLease(ctx, lease, lock, hash),
		r.reconcileStrays(ctx, lock, name, hash),
		r.deleteHistory(ctx, lock, hash),
	)
}

func (r *Reconciler) reconcileLease(ctx context.Context, lease *coordinationv1.Lease, lock *targetlock.Lock, hash string) error {
	switch {
	case lease == nil:
		return nil
	case lock.Holder == nil:
		return r.prune(ctx, lease, lock)
	case lock.Holder.Holder == targetlock.Holder{} && r.cachedWork(hash).Any():
		return controller.NewRequeueAfter(endInterval)
	case lock.Holder.Holder == targetlock.Holder{}:
		return r.discard(ctx, lease, lock.Holder.Identity)
	case r.isAlive(lock.Holder.Holder):
		return nil
	}
	return r.endHolder(ctx, lease, *lock.Holder, hash)
}

func (r *Reconciler) reconcileStrays(ctx context.Context, lock *targetlock.Lock, name, hash string) error {
	progress, err := r.endStrays(ctx, lock, name, hash)
	if err != nil {
		return err
	}
	return r.wait(name, progress)
}

// wait has the Lease looked at again while something ends, and tells a person what does not: pods do not wake a Lease.
func (r *Reconciler) wait(name string, progress pipelinerun.Progress) error {
	if progress.Ended {
		return nil
	}
	if progress.Warning == "" {
		return controller.NewRequeueAfter(max(progress.Next, endInterval))
	}
	r.events.Eventf(leaseNamed(name), corev1.EventTypeWarning, eventTargetStaysLocked,
		"The target stays locked until these have ended: %s. %s", progress.Left, progress.Warning)
	return controller.NewRequeueAfter(max(progress.Next, warnedInterval))
}

// sooner of the reconciles that are asked for. An error that asks for none counts first.
func sooner(outcomes ...error) (next error) {
	for _, err := range outcomes {
		isLater, after := controller.IsRequeueKey(err)
		if err != nil && !isLater {
			return err
		}
		if _, before := controller.IsRequeueKey(next); err != nil && (next == nil || after < before) {
			next = err
		}
	}
	return next
}

// endHolder ends what a holder left that is dead, as far as the caches know.
func (r *Reconciler) endHolder(ctx context.Context, lease *coordinationv1.Lease, conflict targetlock.Conflict, hash string) error {
	target, err := r.targetOf(conflict, hash)
	if err != nil {
		return err
	}
	if target == "" {
		return r.discardOf(ctx, lease, conflict)
	}
	conflict.Target = target
	policy := targetlock.PolicyOf(config.FromContextOrDefaults(ctx).WorkflowExecution)
	progress, err := r.takeover.Free(ctx, conflict, policy)
	if errors.Is(err, pipelinerun.ErrUnreachable) {
		r.events.Event(lease, corev1.EventTypeWarning, eventTargetStaysLocked, err.Error())
		return controller.NewRequeueAfter(warnedInterval)
	}
	if err != nil || progress.Ended {
		return err
	}
	return r.wait(lease.Name, progress)
}

// targetOf is the target that a Lease is for, as its annotation says, or as the runs on the target do
// where somebody has edited that: then it may name another target. It is empty if there are no runs.
func (r *Reconciler) targetOf(conflict targetlock.Conflict, hash string) (string, error) {
	if v1alpha1.TargetHash(conflict.Target) == hash {
		return conflict.Target, nil
	}
	found, err := r.index.Runs(hash)
	if err != nil {
		return "", err
	}
	for _, run := range found {
		if target := run.Annotations[workflowexecution.TargetAnnotation]; v1alpha1.TargetHash(target) == hash {
			return target, nil
		}
	}
	return "", nil
}

// isAlive tells whether an execution is there and not over, as far as the cache knows.
func (r *Reconciler) isAlive(holder targetlock.Holder) bool {
	execution := r.cached(holder)
	return execution != nil && !execution.Status.IsTerminal()
}
