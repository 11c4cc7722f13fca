// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package targetlock

import (
	"context"
	"fmt"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	coordinationclient "k8s.io/client-go/kubernetes/typed/coordination/v1"
	"k8s.io/utils/clock"
)

// Store keeps the locks as Leases in one namespace. It reads and writes at the API server only: a
// decision about a lock never rests on a cache.
type Store struct {
	namespace string
	leases    coordinationclient.LeaseInterface
	clock     clock.PassiveClock
}

// NewStore keeps locks in the given namespace.
func NewStore(leases coordinationclient.LeasesGetter, namespace string, clock clock.PassiveClock) *Store {
	return &Store{namespace: namespace, leases: leases.Leases(namespace), clock: clock}
}

// Acquire takes the target for the claim, or tells who has it. To hold it already is success: that
// is how a restarted controller finds its own lock.
func (s *Store) Acquire(ctx context.Context, claim Claim) (Decision, error) {
	_, err := s.leases.Create(ctx, newLease(s.namespace, claim, s.clock.Now()), metav1.CreateOptions{})
	if err == nil {
		return Decision{}, nil
	}
	if !apierrors.IsAlreadyExists(err) {
		return Decision{}, fmt.Errorf("failed to create the lease of target %s: %w", claim.Target, err)
	}
	lease, err := s.get(ctx, claim)
	if err != nil {
		return Decision{}, err
	}
	if isHeldBy(lease, claim) {
		return Decision{}, nil
	}
	conflict, err := conflictOf(lease)
	if err != nil {
		return Decision{}, fmt.Errorf("lease %s/%s of target %s: %w", s.namespace, lease.Name, claim.Target, err)
	}
	return Decision{Conflict: conflict}, nil
}

// MayStart tells whether the claim holds its target and is not fenced, so that its run may start.
func (s *Store) MayStart(ctx context.Context, claim Claim) (bool, error) {
	lease, err := s.get(ctx, claim)
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return isHeldBy(lease, claim) && !isFenced(lease), nil
}

// Fence makes MayStart say no from now on, for every replica, however long a call of it was held up.
// It has to come before an unstarted run is deleted and its target freed.
func (s *Store) Fence(ctx context.Context, claim Claim) error {
	lease, err := s.get(ctx, claim)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil || !isHeldBy(lease, claim) || isFenced(lease) {
		return err
	}
	metav1.SetMetaDataAnnotation(&lease.ObjectMeta, FencedAnnotation, s.clock.Now().UTC().Format(time.RFC3339))
	if _, err := s.leases.Update(ctx, lease, metav1.UpdateOptions{}); err != nil {
		return fmt.Errorf("failed to fence the lease of target %s: %w", claim.Target, err)
	}
	return nil
}

// Release frees the target if the claim holds it. Whoever calls it has made sure that nothing of the
// claim's run can work any more.
func (s *Store) Release(ctx context.Context, claim Claim) error {
	lease, err := s.get(ctx, claim)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil || !isHeldBy(lease, claim) {
		return err
	}
	err = s.leases.Delete(ctx, lease.Name, metav1.DeleteOptions{
		Preconditions: &metav1.Preconditions{UID: &lease.UID, ResourceVersion: &lease.ResourceVersion},
	})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("failed to free target %s: %w", claim.Target, err)
	}
	return nil
}

func (s *Store) get(ctx context.Context, claim Claim) (*coordinationv1.Lease, error) {
	lease, err := s.leases.Get(ctx, LeaseName(claim.Target), metav1.GetOptions{})
	if err != nil {
		return nil, fmt.Errorf("failed to read the lease of target %s: %w", claim.Target, err)
	}
	return lease, nil
}
