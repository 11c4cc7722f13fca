// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package testing

import (
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution"
	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
)

// LeaseName is the name of the Lease of Target.
const LeaseName = "target-6403dd4a8637c388e319cb66a03b071d234d6f81"

// LockLease is the Lease of Target, held by an execution for that long.
func LockLease(holder *v1alpha1.WorkflowExecution, ago time.Duration, facts ...func(*coordinationv1.Lease)) *coordinationv1.Lease {
	lease := &coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: SystemNamespace, Name: LeaseName, UID: "uid-lease", ResourceVersion: "3",
			Labels: map[string]string{workflowexecution.LockLabel: workflowexecution.LockTarget},
			Annotations: map[string]string{
				workflowexecution.TargetAnnotation:       Target,
				workflowexecution.WorkflowIDAnnotation:   holder.Spec.WorkflowRef.WorkflowID,
				workflowexecution.RunNamespaceAnnotation: RunNamespace,
			},
		},
		Spec: coordinationv1.LeaseSpec{
			HolderIdentity: new(holder.Namespace + "/" + holder.Name + "/" + string(holder.UID)),
			AcquireTime:    new(metav1.NewMicroTime(Ago(ago).Time)),
		},
	}
	for _, fact := range facts {
		fact(lease)
	}
	return lease
}

// Fenced keeps the holder's run from being started.
func Fenced(lease *coordinationv1.Lease) {
	lease.Annotations[workflowexecution.FencedAnnotation] = Now().Format(time.RFC3339)
}

// RunIn has the holder's run in another namespace.
func RunIn(namespace string) func(*coordinationv1.Lease) {
	return func(lease *coordinationv1.Lease) {
		lease.Annotations[workflowexecution.RunNamespaceAnnotation] = namespace
	}
}

// Unversioned is a Lease as it is sent to be created.
func Unversioned(lease *coordinationv1.Lease) {
	lease.UID, lease.ResourceVersion = "", ""
}
