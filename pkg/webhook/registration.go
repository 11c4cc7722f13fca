// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"context"
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	admissionlisters "k8s.io/client-go/listers/admissionregistration/v1"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"
	kubeclient "knative.dev/pkg/client/injection/kube/client"
	mutatinginformer "knative.dev/pkg/client/injection/kube/informers/admissionregistration/v1/mutatingwebhookconfiguration"
	validatinginformer "knative.dev/pkg/client/injection/kube/informers/admissionregistration/v1/validatingwebhookconfiguration"
	"knative.dev/pkg/configmap"
	"knative.dev/pkg/controller"
	secretinformer "knative.dev/pkg/injection/clients/namespacedkube/informers/core/v1/secret"
	"knative.dev/pkg/logging"
	pkgreconciler "knative.dev/pkg/reconciler"
	"knative.dev/pkg/system"
	certresources "knative.dev/pkg/webhook/certificates/resources"
)

// registrationQueue is part of the name of a Lease, which the shipped role names.
const registrationQueue = "WebhookRegistration"

// registration tells the API server which CA has signed our certificate. Nothing else of the webhook
// configurations is changed: rules, conditions and failure policy are as they were applied.
type registration struct {
	pkgreconciler.LeaderAwareFuncs

	client     kubernetes.Interface
	secrets    corelisters.SecretLister
	mutating   admissionlisters.MutatingWebhookConfigurationLister
	validating admissionlisters.ValidatingWebhookConfigurationLister
}

var (
	_ controller.Reconciler     = (*registration)(nil)
	_ pkgreconciler.LeaderAware = (*registration)(nil)

	registrationKey = types.NamespacedName{Name: ConfigurationName}
)

// NewRegistrationController follows the Secret and both webhook configurations.
func NewRegistrationController(ctx context.Context, _ configmap.Watcher) *controller.Impl {
	mutating, validating, secrets := mutatinginformer.Get(ctx), validatinginformer.Get(ctx), secretinformer.Get(ctx)
	r := &registration{
		client:     kubeclient.Get(ctx),
		secrets:    secrets.Lister(),
		mutating:   mutating.Lister(),
		validating: validating.Lister(),
	}
	r.PromoteFunc = func(bucket pkgreconciler.Bucket, enqueue func(pkgreconciler.Bucket, types.NamespacedName)) error {
		enqueue(bucket, registrationKey)
		return nil
	}
	impl := controller.NewContext(ctx, r, controller.ControllerOptions{
		WorkQueueName: registrationQueue, Logger: logging.FromContext(ctx).Named(registrationQueue),
	})
	follow := func(informer cache.SharedIndexInformer) {
		_, _ = informer.AddEventHandler(controller.HandleAll(func(any) { impl.EnqueueKey(registrationKey) }))
	}
	follow(mutating.Informer())
	follow(validating.Informer())
	follow(secrets.Informer())
	return impl
}

// Reconcile writes the CA into both configurations.
func (r *registration) Reconcile(ctx context.Context, key string) error {
	if !r.IsLeaderFor(registrationKey) {
		return controller.NewSkipKey(key)
	}
	secret, err := r.secrets.Secrets(system.Namespace()).Get(SecretName)
	if err != nil {
		return fmt.Errorf("failed to read the certificates: %w", err)
	}
	ca := secret.Data[certresources.CACert]
	if len(ca) == 0 {
		return nil // the Secret is followed: its certificate is being made
	}
	return errors.Join(r.registerMutating(ctx, ca), r.registerValidating(ctx, ca))
}

func (r *registration) registerMutating(ctx context.Context, ca []byte) error {
	stored, err := r.mutating.Get(ConfigurationName)
	if err != nil {
		return notApplied(ctx, "MutatingWebhookConfiguration", err)
	}
	wanted := stored.DeepCopy()
	for i := range wanted.Webhooks {
		wanted.Webhooks[i].ClientConfig.CABundle = ca
	}
	if equality.Semantic.DeepEqual(stored, wanted) {
		return nil
	}
	_, err = r.client.AdmissionregistrationV1().MutatingWebhookConfigurations().Update(ctx, wanted, metav1.UpdateOptions{})
	return notUpdated("MutatingWebhookConfiguration", err)
}

func (r *registration) registerValidating(ctx context.Context, ca []byte) error {
	stored, err := r.validating.Get(ConfigurationName)
	if err != nil {
		return notApplied(ctx, "ValidatingWebhookConfiguration", err)
	}
	wanted := stored.DeepCopy()
	for i := range wanted.Webhooks {
		wanted.Webhooks[i].ClientConfig.CABundle = ca
	}
	if equality.Semantic.DeepEqual(stored, wanted) {
		return nil
	}
	_, err = r.client.AdmissionregistrationV1().ValidatingWebhookConfigurations().Update(ctx, wanted, metav1.UpdateOptions{})
	return notUpdated("ValidatingWebhookConfiguration", err)
}

// notApplied waits for a configuration that is not there, without an error: it is followed, and may
// have been removed to do without the webhook.
func notApplied(ctx context.Context, kind string, err error) error {
	if !apierrors.IsNotFound(err) {
		return fmt.Errorf("failed to read %s: %w", kind, err)
	}
	logging.FromContext(ctx).Warnf("There is no %s %s: the API server does not ask this webhook", kind, ConfigurationName)
	return nil
}

// notUpdated lets a conflict pass: the newer configuration is on its way to us, and brings us back.
func notUpdated(kind string, err error) error {
	if err == nil || apierrors.IsConflict(err) {
		return nil
	}
	return fmt.Errorf("failed to update %s: %w", kind, err)
}
