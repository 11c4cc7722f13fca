// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package informers

import (
	"context"

	"k8s.io/client-go/informers"
	corev1 "k8s.io/client-go/informers/core/v1"
	kubeclient "knative.dev/pkg/client/injection/kube/client"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/injection"
)

type podKey struct{}

func init() {
	injection.Default.RegisterInformer(withPodInformer)
}

// Pods is the informer of the pods of our PipelineRuns.
func Pods(ctx context.Context) corev1.PodInformer {
	informer, _ := ctx.Value(podKey{}).(corev1.PodInformer)
	return informer
}

func withPodInformer(ctx context.Context) (context.Context, controller.Informer) {
	informer := informers.NewSharedInformerFactoryWithOptions(
		kubeclient.Get(ctx), controller.GetResyncPeriod(ctx),
		informers.WithNamespace(Namespace(ctx)),
		informers.WithTweakListOptions(onlyOurs),
		informers.WithTransform(DropManagedFields),
	).Core().V1().Pods()
	return context.WithValue(ctx, podKey{}, informer), informer.Informer()
}
