// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/client-go/informers"
	kubeclient "knative.dev/pkg/client/injection/kube/client"
	clusterfactory "knative.dev/pkg/client/injection/kube/informers/factory"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/injection"
	systemfactory "knative.dev/pkg/injection/clients/namespacedkube/informers/factory"
	"knative.dev/pkg/system"
)

// NarrowInformers limits Knative's informers to the one Secret and the webhook configurations that
// are ours, in the requests themselves: no right to read the other Secrets of the namespace is
// needed. It has to be called before injection is set up, and replaces Knative's factories, which
// are registered when their packages are loaded.
func NarrowInformers() {
	injection.Default.RegisterInformerFactory(withNarrowFactories)
}

func withNarrowFactories(ctx context.Context) context.Context {
	ctx = context.WithValue(ctx, systemfactory.Key{}, only(ctx, SecretName, informers.WithNamespace(system.Namespace())))
	return context.WithValue(ctx, clusterfactory.Key{}, only(ctx, ConfigurationName))
}

func only(ctx context.Context, name string, options ...informers.SharedInformerOption) informers.SharedInformerFactory {
	options = append(options, informers.WithTweakListOptions(func(o *metav1.ListOptions) {
		o.FieldSelector = fields.OneTermEqualSelector(metav1.ObjectNameField, name).String()
	}))
	return informers.NewSharedInformerFactoryWithOptions(kubeclient.Get(ctx), controller.GetResyncPeriod(ctx), options...)
}
