// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package observer

import (
	"context"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const marker = "observer-marker-"

// markPods makes a pod that never gets a node, and deletes it: whoever has seen that has seen
// everything before. A watch says nothing while nothing changes.
func (o *Observer) markPods(ctx context.Context) (uint64, error) {
	pods := o.client.CoreV1().Pods(o.podNamespace)
	pod, err := pods.Create(ctx, &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{GenerateName: marker},
		Spec: corev1.PodSpec{
			SchedulingGates: []corev1.PodSchedulingGate{{Name: "kubernaut.ai/never"}},
			SecurityContext: &corev1.PodSecurityContext{
				RunAsNonRoot: new(true), SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
			},
			Containers: []corev1.Container{{Name: "none", Image: "example.com/none", SecurityContext: &corev1.SecurityContext{
				AllowPrivilegeEscalation: new(false), Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
			}}},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		return 0, err
	}
	if err := pods.Delete(ctx, pod.Name, metav1.DeleteOptions{GracePeriodSeconds: new(int64(0))}); err != nil {
		return 0, err
	}
	return revisionOf(pod)
}

func (o *Observer) markLeases(ctx context.Context) (uint64, error) {
	leases := o.client.CoordinationV1().Leases(o.leaseNamespace)
	lease, err := leases.Create(ctx, &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{GenerateName: marker}}, metav1.CreateOptions{})
	if err != nil {
		return 0, err
	}
	if err := leases.Delete(ctx, lease.Name, metav1.DeleteOptions{}); err != nil {
		return 0, err
	}
	return revisionOf(lease)
}
