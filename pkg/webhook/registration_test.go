// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	admissionlisters "k8s.io/client-go/listers/admissionregistration/v1"
	corelisters "k8s.io/client-go/listers/core/v1"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/client-go/tools/cache"
	fakekube "knative.dev/pkg/client/injection/kube/client/fake"
	clusterfactory "knative.dev/pkg/client/injection/kube/informers/factory"
	"knative.dev/pkg/controller"
	systemfactory "knative.dev/pkg/injection/clients/namespacedkube/informers/factory"
	pkgreconciler "knative.dev/pkg/reconciler"
	certresources "knative.dev/pkg/webhook/certificates/resources"
)

func certificates(t *testing.T) *corev1.Secret {
	t.Helper()
	secret, err := certresources.MakeSecret(t.Context(), SecretName, "kubernaut-system", ServiceName)
	if err != nil {
		t.Fatal(err)
	}
	return secret
}

func mutating(ca string) *admissionregistrationv1.MutatingWebhookConfiguration {
	w := admissionregistrationv1.MutatingWebhook{Name: "a"}
	other := admissionregistrationv1.MutatingWebhook{Name: "b", Rules: []admissionregistrationv1.RuleWithOperations{{}}}
	w.ClientConfig.CABundle, other.ClientConfig.CABundle = []byte(ca), []byte(ca)
	return &admissionregistrationv1.MutatingWebhookConfiguration{
		ObjectMeta: metav1.ObjectMeta{Name: ConfigurationName}, Webhooks: []admissionregistrationv1.MutatingWebhook{w, other},
	}
}

func validating(ca string) *admissionregistrationv1.ValidatingWebhookConfiguration {
	w := admissionregistrationv1.ValidatingWebhook{Name: "c"}
	w.ClientConfig.CABundle = []byte(ca)
	return &admissionregistrationv1.ValidatingWebhookConfiguration{
		ObjectMeta: metav1.ObjectMeta{Name: ConfigurationName}, Webhooks: []admissionregistrationv1.ValidatingWebhook{w},
	}
}

// reconcile tells what was updated where these objects are stored.
func reconcile(t *testing.T, leads bool, failing string, objects ...runtime.Object) ([]runtime.Object, error) {
	t.Helper()
	return reconcileWith(t, leads, failing, errors.New("no"), objects...)
}

// reconcileWith has the updates of one resource fail with the failure.
func reconcileWith(t *testing.T, leads bool, failing string, failure error, objects ...runtime.Object) ([]runtime.Object, error) {
	t.Helper()
	t.Setenv("SYSTEM_NAMESPACE", "kubernaut-system")
	ctx, client := fakekube.With(t.Context(), objects...)
	client.PrependReactor("update", failing, func(clienttesting.Action) (bool, runtime.Object, error) {
		return failing != "", nil, failure
	})
	secrets, mutations, validations := newIndexer(), newIndexer(), newIndexer()
	for _, object := range objects {
		into := secrets
		switch object.(type) {
		case *admissionregistrationv1.MutatingWebhookConfiguration:
			into = mutations
		case *admissionregistrationv1.ValidatingWebhookConfiguration:
			into = validations
		}
		if err := into.Add(object); err != nil {
			t.Fatal(err)
		}
	}
	r := &registration{
		client: client, secrets: corelisters.NewSecretLister(secrets),
		mutating:   admissionlisters.NewMutatingWebhookConfigurationLister(mutations),
		validating: admissionlisters.NewValidatingWebhookConfigurationLister(validations),
	}
	if leads {
		if err := r.Promote(pkgreconciler.UniversalBucket(), nil); err != nil {
			t.Fatal(err)
		}
	}
	err := r.Reconcile(ctx, ConfigurationName)
	var updates []runtime.Object
	for _, action := range client.Actions() {
		update, ok := action.(clienttesting.UpdateAction)
		if !ok {
			t.Errorf("unexpected: %v", action)
			continue
		}
		updates = append(updates, update.GetObject())
	}
	return updates, err
}

func newIndexer() cache.Indexer {
	return cache.NewIndexer(cache.DeletionHandlingMetaNamespaceKeyFunc, cache.Indexers{})
}

func TestCAIsRegistered(t *testing.T) {
	secret := certificates(t)
	ca := string(secret.Data[certresources.CACert])
	noCertificate := secret.DeepCopy()
	noCertificate.Data = nil
	for name, tc := range map[string]struct {
		follows bool // it does not lead
		objects []runtime.Object
		want    []runtime.Object
	}{
		"after the installation":     {false, []runtime.Object{secret, mutating(""), validating("")}, []runtime.Object{mutating(ca), validating(ca)}},
		"after another certificate":  {false, []runtime.Object{secret, mutating("old"), validating(ca)}, []runtime.Object{mutating(ca)}},
		"nothing to do":              {false, []runtime.Object{secret, mutating(ca), validating(ca)}, nil},
		"half installed":             {false, []runtime.Object{secret, validating("")}, []runtime.Object{validating(ca)}},
		"without the configurations": {false, []runtime.Object{secret}, nil},
		"before the certificate":     {false, []runtime.Object{noCertificate, mutating("old"), validating("old")}, nil},
		"another replica leads":      {true, []runtime.Object{secret, mutating(""), validating("")}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := reconcile(t, !tc.follows, "", tc.objects...)
			if isSkip := controller.IsSkipKey(err); err != nil && !isSkip || isSkip != tc.follows {
				t.Error("Reconcile() =", err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error("(-want, +got):", diff)
			}
		})
	}
}

func TestFailuresOfTheRegistrationAreTold(t *testing.T) {
	secret := certificates(t)
	for failing, words := range map[string]string{
		"mutatingwebhookconfigurations":   "failed to update MutatingWebhookConfiguration: no",
		"validatingwebhookconfigurations": "failed to update ValidatingWebhookConfiguration: no",
	} {
		updates, err := reconcile(t, true, failing, secret, mutating(""), validating(""))
		if err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("Reconcile() = %v, want %s", err, words)
		}
		if len(updates) != 2 {
			t.Errorf("one failure kept the other from being tried: %v", updates)
		}
	}
	if _, err := reconcile(t, true, "", mutating(""), validating("")); err == nil || !strings.Contains(err.Error(), "failed to read the certificates") {
		t.Error("Reconcile() =", err)
	}
}

func TestReadyWithACertificate(t *testing.T) {
	t.Setenv("SYSTEM_NAMESPACE", "kubernaut-system")
	complete := certificates(t)
	keyOfAnother := complete.DeepCopy()
	keyOfAnother.Data[certresources.ServerKey] = certificates(t).Data[certresources.ServerKey]
	empty := complete.DeepCopy()
	empty.Data = nil
	for name, tc := range map[string]struct {
		secret *corev1.Secret
		want   string
	}{
		"complete":           {complete, ""},
		"no Secret":          {nil, "failed to read the certificate: "},
		"not made yet":       {empty, "failed to read the certificate in Secret kubernaut-system/" + SecretName},
		"the key of another": {keyOfAnother, "private key does not match public key"},
	} {
		t.Run(name, func(t *testing.T) {
			indexer := newIndexer()
			if tc.secret != nil {
				if err := indexer.Add(tc.secret); err != nil {
					t.Fatal(err)
				}
			}
			err := certificateCheck(corelisters.NewSecretLister(indexer))(t.Context())
			if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
				t.Errorf("certificateCheck() = %v, want %q", err, tc.want)
			}
		})
	}
}

func TestConflictIsNoFailure(t *testing.T) {
	conflict := apierrors.NewConflict(schema.GroupResource{}, ConfigurationName, nil)
	updates, err := reconcileWith(t, true, "mutatingwebhookconfigurations", conflict, certificates(t), mutating(""), validating(""))
	if err != nil || len(updates) != 2 {
		t.Errorf("Reconcile() = %v after %d updates", err, len(updates))
	}
}

// TestInformersAskForOursOnly: a right on all Secrets of the namespace would be a right on those of
// the audit sinks.
func TestInformersAskForOursOnly(t *testing.T) {
	t.Setenv("SYSTEM_NAMESPACE", "kubernaut-system")
	ctx, client := fakekube.With(t.Context())
	ctx = withNarrowFactories(ctx)
	follow(ctx, t, systemfactory.Get(ctx).Core().V1().Secrets().Informer())
	follow(ctx, t, clusterfactory.Get(ctx).Admissionregistration().V1().MutatingWebhookConfigurations().Informer())
	follow(ctx, t, clusterfactory.Get(ctx).Admissionregistration().V1().ValidatingWebhookConfigurations().Informer())

	want := map[types.NamespacedName]string{
		{Namespace: "kubernaut-system", Name: "secrets"}: SecretName,
		{Name: "mutatingwebhookconfigurations"}:          ConfigurationName,
		{Name: "validatingwebhookconfigurations"}:        ConfigurationName,
	}
	got := map[types.NamespacedName]string{}
	for _, action := range client.Actions() {
		var selector fields.Selector
		switch action := action.(type) {
		case clienttesting.ListAction:
			selector = action.GetListRestrictions().Fields
		case clienttesting.WatchAction:
			selector = action.GetWatchRestrictions().Fields
		default:
			t.Fatalf("unexpected: %v", action)
		}
		name, exact := selector.RequiresExactMatch("metadata.name")
		key := types.NamespacedName{Namespace: action.GetNamespace(), Name: action.GetResource().Resource}
		if known, ok := got[key]; !exact || ok && known != name {
			t.Errorf("%s of %s asks for %q", action.GetVerb(), key, selector)
		}
		got[key] = name
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error("(-want, +got):", diff)
	}
}

// follow returns when the informer has listed and watches.
func follow(ctx context.Context, t *testing.T, informer cache.SharedIndexInformer) {
	t.Helper()
	go informer.Run(ctx.Done())
	if !cache.WaitForCacheSync(ctx.Done(), informer.HasSynced) {
		t.Fatal("the informer does not sync")
	}
}
