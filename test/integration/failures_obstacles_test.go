// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"regexp"
	"testing"

	tektonv1alpha1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1alpha1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubernaut.ai/workflowexecution/test/install"
)

// What is really in the way of a workflow in the one namespace where all of them run. Each obstacle is made so
// that it is in nobody else's way, or taken away before anybody else runs.

// forbidWidgets is a quota on what only one workflow asks for.
func forbidWidgets(t *testing.T, _ string) {
	t.Helper()
	quotas := world.Kube.CoreV1().ResourceQuotas(install.ExecutionNamespace)
	quota, err := quotas.Create(t.Context(), &corev1.ResourceQuota{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "no-widgets-"},
		Spec:       corev1.ResourceQuotaSpec{Hard: corev1.ResourceList{widget: resource.MustParse("0")}},
	}, metav1.CreateOptions{})
	must(t, err)
	t.Cleanup(func() { must(t, quotas.Delete(context.WithoutCancel(t.Context()), quota.Name, metav1.DeleteOptions{})) })
	// Before that a pod is refused because the quota's use is unknown, which is another message.
	must(t, poll(t, func(ctx context.Context) (bool, error) {
		counted, err := quotas.Get(ctx, quota.Name, metav1.GetOptions{})
		return err == nil && len(counted.Status.Hard) > 0, err
	}))
}

// limitCPU is a limit for every container of the namespace.
func limitCPU(t *testing.T, most string) {
	t.Helper()
	limits := world.Kube.CoreV1().LimitRanges(install.ExecutionNamespace)
	limit, err := limits.Create(t.Context(), &corev1.LimitRange{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "little-cpu-"},
		Spec: corev1.LimitRangeSpec{Limits: []corev1.LimitRangeItem{{
			Type: corev1.LimitTypeContainer, Max: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse(most)},
		}}},
	}, metav1.CreateOptions{})
	must(t, err)
	t.Cleanup(func() { must(t, limits.Delete(context.WithoutCancel(t.Context()), limit.Name, metav1.DeleteOptions{})) })
}

// demandSignature is a policy for one bundle, which nobody has signed.
func demandSignature(t *testing.T, image string) {
	t.Helper()
	policies := world.Tekton.TektonV1alpha1().VerificationPolicies(install.ExecutionNamespace)
	policy, err := policies.Create(t.Context(), &tektonv1alpha1.VerificationPolicy{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "signed-only-"},
		Spec: tektonv1alpha1.VerificationPolicySpec{
			Resources: []tektonv1alpha1.ResourcePattern{{Pattern: ".*" + regexp.QuoteMeta(repositoryOf(image)) + ".*"}},
			Authorities: []tektonv1alpha1.Authority{{
				Name: "nobody", Key: &tektonv1alpha1.KeyRef{Data: publicKey(t), HashAlgorithm: "sha256"},
			}},
			Mode: tektonv1alpha1.ModeEnforce,
		},
	}, metav1.CreateOptions{})
	must(t, err)
	t.Cleanup(func() {
		must(t, policies.Delete(context.WithoutCancel(t.Context()), policy.Name, metav1.DeleteOptions{}))
	})
}

// repositoryOf is an image without its tag.
func repositoryOf(image string) string { return image[:len(image)-len(":v1")] }

func publicKey(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	must(t, err)
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}
