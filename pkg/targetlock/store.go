// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package targetlock

import (
	"context"
	"errors"
	"fmt"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	coordinationclient "k8s.io/client-go/kubernetes/typed/coordination/v1"
	"k8s.io/utils/clock"
	"knative.dev/pkg/logging"

	"kubernaut.ai/workflowexecution/pkg/apierror"
	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution"
)

// ErrChanged means that the lock is not what it was when it was read: read it again and decide again.
var ErrChanged = errors.New("the lock has changed meanwhile")

// Store keeps the locks as Leases in one namespace. It reads and writes at the API server only: a
// decision about a lock never rests on a cache. Every write is conditional on what was read.
type Store struct {
	namespace string
	leases    coordinationclient.LeaseInterface
	clock     clock.PassiveClock
}

// NewStore keeps locks in the given namespace.
func NewStore(leases coordinationclient.LeasesGetter, namespace string, clock clock.PassiveClock) *Store {
	return &Store{namespace: namespace, leases: leases.Leases(namespace), clock: clock}
}

// Look reads the lock of a target.
func (s *Store) Look(ctx context.Context, target string) (*Lock, error) {
	lease, err := s.leases.Get(ctx, LeaseName(target), metav1.GetOptions{})
	if apierror.IsGone(err) {
		return LockOf(nil), nil
	}
	if err != nil {
		return nil, fmt.Errorf("failed to read the lease of target %s: %w", target, err)
	}
	return LockOf(lease), nil
}

// Take makes the claim the holder of a lock that was found to be free for it, and fails with
// ErrChanged if the lock has changed since.
func (s *Store) Take(ctx context.Context, lock *Lock, claim Claim) error {
	if !lock.Exists() {
		lease := newLease(s.namespace, claim.Target)
		setHolder(lease, claim, s.clock.Now())
		return s.create(ctx, lease, claim.Target)
	}
	lease := lock.lease.DeepCopy()
	setHolder(lease, claim, s.clock.Now())
	return s.update(ctx, lease, "take the lease", claim.Target)
}

// MayStart tells whether the claim holds its target and is not fenced, so that its run may start.
func (s *Store) MayStart(ctx context.Context, claim Claim) (bool, error) {
	lock, err := s.Look(ctx, claim.Target)
	if err != nil {
		return false, err
	}
	return lock.isHeldBy(claim.Holder) && !lock.Fenced, nil
}

// Fence makes MayStart say no from now on, for every replica, however long a call of it was held up.
// It has to come before an unstarted run is deleted and its target freed.
func (s *Store) Fence(ctx context.Context, claim Claim) error {
	return s.change(ctx, claim.Target, func(lock *Lock) error {
		if !lock.isHeldBy(claim.Holder) || lock.Fenced {
			return nil
		}
		lease := lock.lease.DeepCopy()
		metav1.SetMetaDataAnnotation(&lease.ObjectMeta, workflowexecution.FencedAnnotation, s.clock.Now().UTC().Format(time.RFC3339))
		if err := s.update(ctx, lease, "fence the lease", claim.Target); err != nil {
			return err
		}
		logging.FromContext(ctx).Infow("Fenced a target: the run of its holder must not be started any more",
			"target", claim.Target, "execution", claim.Holder.Namespace+"/"+claim.Holder.Name)
		return nil
	})
}

func (s *Store) create(ctx context.Context, lease *coordinationv1.Lease, target string) error {
	_, err := s.leases.Create(ctx, lease, metav1.CreateOptions{})
	return wrapWrite(err, "create the lease", target)
}

// update gives the lease back the label by which it is watched, in case somebody has removed it.
func (s *Store) update(ctx context.Context, lease *coordinationv1.Lease, what, target string) error {
	metav1.SetMetaDataLabel(&lease.ObjectMeta, workflowexecution.LockLabel, workflowexecution.LockTarget)
	_, err := s.leases.Update(ctx, lease, metav1.UpdateOptions{})
	return wrapWrite(err, what, target)
}

// put stores a lease whose ledger may have changed. One that is free and remembers nothing is deleted:
// leases do not accumulate.
func (s *Store) put(ctx context.Context, lease *coordinationv1.Lease, what, target string) error {
	if _, remembers := lease.Annotations[workflowexecution.LedgerAnnotation]; remembers || !isFree(lease) {
		return s.update(ctx, lease, what, target)
	}
	err := s.leases.Delete(ctx, lease.Name, metav1.DeleteOptions{
		Preconditions: &metav1.Preconditions{UID: &lease.UID, ResourceVersion: &lease.ResourceVersion},
	})
	if apierror.IsGone(err) {
		return nil
	}
	return wrapWrite(err, what, target)
}

func wrapWrite(err error, what, target string) error {
	switch {
	case err == nil:
		return nil
	case apierrors.IsConflict(err), apierrors.IsAlreadyExists(err), apierror.IsGone(err):
		return fmt.Errorf("failed to %s of target %s: %w: %w", what, target, ErrChanged, err)
	}
	return fmt.Errorf("failed to %s of target %s: %w", what, target, err)
}

// change reads the lock of a target for a write that is conditional on it, anew as long as the lock
// changes in between.
func (s *Store) change(ctx context.Context, target string, write func(*Lock) error) error {
	return RetryChanged(func() error {
		lock, err := s.Look(ctx, target)
		if err != nil {
			return err
		}
		return write(lock)
	})
}

// RetryChanged repeats a few times what failed with ErrChanged.
func RetryChanged(try func() error) error {
	const attempts = 5
	var err error
	for range attempts {
		if err = try(); !errors.Is(err, ErrChanged) {
			return err
		}
	}
	return err
}
