// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package targetlock

import (
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
)

// Labels and annotations of a target's Lease.
const (
	// LockLabel and LockTarget select the Leases of targets:
	// kubectl get leases -n kubernaut-system -l kubernaut.ai/lock=target
	LockLabel = "kubernaut.ai/lock"
	// LockTarget is the value of LockLabel.
	LockTarget = "target"
	// TargetAnnotation is the canonical target.
	TargetAnnotation = "kubernaut.ai/target-resource"
	// WorkflowIDAnnotation is the workflow of the holder.
	WorkflowIDAnnotation = "kubernaut.ai/workflow-id"
	// RunNamespaceAnnotation is where the holder's PipelineRun lives.
	RunNamespaceAnnotation = "kubernaut.ai/run-namespace"
	// FencedAnnotation is set once the holder's run must not be started any more.
	FencedAnnotation = "kubernaut.ai/fenced"
)

func newLease(namespace string, claim Claim, now time.Time) *coordinationv1.Lease {
	return &coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: namespace,
			Name:      LeaseName(claim.Target),
			Labels:    map[string]string{LockLabel: LockTarget},
			Annotations: map[string]string{
				TargetAnnotation:       claim.Target,
				WorkflowIDAnnotation:   claim.WorkflowID,
				RunNamespaceAnnotation: claim.RunNamespace,
			},
		},
		Spec: coordinationv1.LeaseSpec{
			HolderIdentity: new(claim.Holder.String()),
			AcquireTime:    new(metav1.NewMicroTime(now)),
		},
	}
}

func isHeldBy(lease *coordinationv1.Lease, claim Claim) bool {
	return ptr.Deref(lease.Spec.HolderIdentity, "") == claim.Holder.String()
}

func isFenced(lease *coordinationv1.Lease) bool {
	_, fenced := lease.Annotations[FencedAnnotation]
	return fenced
}

func conflictOf(lease *coordinationv1.Lease) (*Conflict, error) {
	holder, err := ParseHolder(ptr.Deref(lease.Spec.HolderIdentity, ""))
	if err != nil {
		return nil, err
	}
	return &Conflict{
		Holder:       holder,
		WorkflowID:   lease.Annotations[WorkflowIDAnnotation],
		RunNamespace: lease.Annotations[RunNamespaceAnnotation],
		Since:        ptr.Deref(lease.Spec.AcquireTime, metav1.MicroTime{}).Time,
	}, nil
}
