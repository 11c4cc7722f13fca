// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package targetlease

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clientgotesting "k8s.io/client-go/testing"
	"k8s.io/client-go/tools/cache"
	fakekube "knative.dev/pkg/client/injection/kube/client/fake"
	"knative.dev/pkg/system"

	given "kubernaut.ai/workflowexecution/pkg/reconciler/testing"
)

// The system namespace has other Leases too, those of leader elections, which change every few seconds:
// they must cost no memory and wake nobody, so that the limits have to be in the requests.
func TestInformerAsksForLocksOnly(t *testing.T) {
	t.Setenv(system.NamespaceEnvKey, "kubernaut-system")
	lease := given.FreeLease()
	lease.ManagedFields = []metav1.ManagedFieldsEntry{{Manager: "kubectl"}}
	ctx, kube := fakekube.With(t.Context(), lease)
	ctx, registered := withLeaseInformer(ctx)
	used := leases(ctx).Informer()
	if registered != used {
		t.Fatal("The informer in the context is not the one that injection starts")
	}
	go used.Run(ctx.Done())
	if !cache.WaitForCacheSync(ctx.Done(), used.HasSynced) {
		t.Fatal("The informer does not sync")
	}
	for _, action := range kube.Actions() {
		checkRequest(t, action)
	}
	cached, err := leases(ctx).Lister().Leases("kubernaut-system").Get(given.LeaseName)
	if err != nil || cached.ManagedFields != nil {
		t.Errorf("The cached Lease: %v, %v; want it without managed fields", cached, err)
	}
}

func checkRequest(t *testing.T, action clientgotesting.Action) {
	t.Helper()
	var selector string
	switch action := action.(type) {
	case clientgotesting.ListAction:
		selector = action.GetListRestrictions().Labels.String()
	case clientgotesting.WatchAction:
		selector = action.GetWatchRestrictions().Labels.String()
	default:
		t.Errorf("Unexpected %s of %s", action.GetVerb(), action.GetResource())
	}
	if action.GetResource().Resource != "leases" || action.GetNamespace() != "kubernaut-system" || selector != "kubernaut.ai/lock=target" {
		t.Errorf("%s of %s in namespace %q with selector %q", action.GetVerb(), action.GetResource(), action.GetNamespace(), selector)
	}
}
