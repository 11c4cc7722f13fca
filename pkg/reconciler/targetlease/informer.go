// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package targetlease

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	coordinationv1 "k8s.io/client-go/informers/coordination/v1"
	kubeclient "knative.dev/pkg/client/injection/kube/client"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/injection"
	"knative.dev/pkg/system"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution"
	runinformers "kubernaut.ai/workflowexecution/pkg/reconciler/pipelinerun/informers"
)

type leaseKey struct{}

//nolint:gochecknoinits // Knative's injection knows informers by their import, and offers no other way
func init() {
	injection.Default.RegisterInformer(withLeaseInformer)
}

// leases is the informer of the Leases of targets, and of no others.
func leases(ctx context.Context) coordinationv1.LeaseInformer {
	informer, _ := ctx.Value(leaseKey{}).(coordinationv1.LeaseInformer)
	return informer
}

func withLeaseInformer(ctx context.Context) (context.Context, controller.Informer) {
	informer := informers.NewSharedInformerFactoryWithOptions(
		kubeclient.Get(ctx), controller.GetResyncPeriod(ctx),
		informers.WithNamespace(system.Namespace()),
		informers.WithTweakListOptions(func(options *metav1.ListOptions) {
			options.LabelSelector = workflowexecution.LockLabel + "=" + workflowexecution.LockTarget
		}),
		informers.WithTransform(runinformers.DropManagedFields),
	).Coordination().V1().Leases()
	return context.WithValue(ctx, leaseKey{}, informer), informer.Informer()
}
