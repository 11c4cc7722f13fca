// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package targetlock

import (
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution"
)

// Lock is the lock of a target as a Lease says it.
type Lock struct {
	// Holder has the target; nil if it is free.
	Holder *Conflict
	// Fenced tells that the holder's run must not be started any more.
	Fenced bool
	Ledger Ledger
	// LedgerErr is set if the ledger cannot be read.
	LedgerErr error

	lease *coordinationv1.Lease
}

// LockOf reads a Lease; nil is a target that nobody holds and of which nothing is remembered.
func LockOf(lease *coordinationv1.Lease) *Lock {
	lock := &Lock{lease: lease, Ledger: Ledger{}}
	if lease == nil {
		return lock
	}
	_, lock.Fenced = lease.Annotations[workflowexecution.FencedAnnotation]
	if text, found := lease.Annotations[workflowexecution.LedgerAnnotation]; found {
		lock.Ledger, lock.LedgerErr = DecodeLedger(text)
	}
	if identity := ptr.Deref(lease.Spec.HolderIdentity, ""); identity != "" {
		// What names no execution is a holder all the same.
		holder, _ := ParseHolder(identity)
		lock.Holder = &Conflict{
			Holder:       holder,
			Identity:     identity,
			Target:       lease.Annotations[workflowexecution.TargetAnnotation],
			WorkflowID:   lease.Annotations[workflowexecution.WorkflowIDAnnotation],
			RunNamespace: lease.Annotations[workflowexecution.RunNamespaceAnnotation],
			Since:        ptr.Deref(lease.Spec.AcquireTime, metav1.MicroTime{}).Time,
		}
	}
	return lock
}

// Exists tells whether there is a Lease.
func (l *Lock) Exists() bool { return l.lease != nil }

// Target in canonical form, as the Lease says it.
func (l *Lock) Target() string {
	if l.lease == nil {
		return ""
	}
	return l.lease.Annotations[workflowexecution.TargetAnnotation]
}

func (l *Lock) isHeldBy(holder Holder) bool {
	return l.Holder != nil && l.Holder.Identity == holder.String()
}

func newLease(namespace, target string) *coordinationv1.Lease {
	return &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{
		Namespace:   namespace,
		Name:        LeaseName(target),
		Labels:      map[string]string{workflowexecution.LockLabel: workflowexecution.LockTarget},
		Annotations: map[string]string{workflowexecution.TargetAnnotation: target},
	}}
}

// setHolder makes the claim the holder. The target is set anew, in case somebody has removed it.
func setHolder(lease *coordinationv1.Lease, claim Claim, now time.Time) {
	metav1.SetMetaDataAnnotation(&lease.ObjectMeta, workflowexecution.TargetAnnotation, claim.Target)
	metav1.SetMetaDataAnnotation(&lease.ObjectMeta, workflowexecution.WorkflowIDAnnotation, claim.WorkflowID)
	metav1.SetMetaDataAnnotation(&lease.ObjectMeta, workflowexecution.RunNamespaceAnnotation, claim.RunNamespace)
	delete(lease.Annotations, workflowexecution.FencedAnnotation)
	lease.Spec.HolderIdentity = new(claim.Holder.String())
	lease.Spec.AcquireTime = new(metav1.NewMicroTime(now))
}

func clearHolder(lease *coordinationv1.Lease) {
	for _, annotation := range []string{
		workflowexecution.WorkflowIDAnnotation, workflowexecution.RunNamespaceAnnotation, workflowexecution.FencedAnnotation,
	} {
		delete(lease.Annotations, annotation)
	}
	lease.Spec.HolderIdentity, lease.Spec.AcquireTime = nil, nil
}

func isFree(lease *coordinationv1.Lease) bool {
	return ptr.Deref(lease.Spec.HolderIdentity, "") == ""
}

// write puts the ledger on the Lease; an empty one is no annotation.
func (l Ledger) write(lease *coordinationv1.Lease) error {
	if len(l) == 0 {
		delete(lease.Annotations, workflowexecution.LedgerAnnotation)
		return nil
	}
	text, err := l.Encode()
	if err != nil {
		return err
	}
	metav1.SetMetaDataAnnotation(&lease.ObjectMeta, workflowexecution.LedgerAnnotation, text)
	return nil
}
