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
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"knative.dev/pkg/apis"
	"sigs.k8s.io/yaml"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/test/cluster"
	"kubernaut.ai/workflowexecution/test/install"
)

// signingKey is the private key of a new pair as a PEM file, and the public key.
func signingKey(t *testing.T) (file string, public []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	private, err := x509.MarshalECPrivateKey(key)
	must(t, err)
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	must(t, err)
	file = filepath.Join(t.TempDir(), "workflow.key")
	must(t, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: private}), 0o600))
	return file, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

// requireSignature applies the policy that is shipped, with this key, to the bundles of one folder of the registry: other
// tests' workflows are not signed.
func requireSignature(t *testing.T, folder string, public []byte) {
	t.Helper()
	secrets := world.Kube.CoreV1().Secrets(install.SystemNamespace)
	secret, err := secrets.Create(t.Context(), &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "workflow-verification-key-"}, Data: map[string][]byte{"workflow.pub": public},
	}, metav1.CreateOptions{})
	must(t, err)
	t.Cleanup(func() {
		must(t, secrets.Delete(context.WithoutCancel(t.Context()), secret.Name, metav1.DeleteOptions{}))
	})
	ours := func(policy *unstructured.Unstructured) bool {
		policy.SetName(secret.Name)
		pattern := regexp.QuoteMeta(world.Cluster.Registry()+"/"+folder) + "/.*"
		must(t, unstructured.SetNestedSlice(policy.Object, []any{map[string]any{"pattern": pattern}}, "spec", "resources"))
		authorities, _, err := unstructured.NestedSlice(policy.Object, "spec", "authorities")
		must(t, err)
		must(t, unstructured.SetNestedField(authorities[0].(map[string]any), secret.Name, "key", "secretRef", "name"))
		must(t, unstructured.SetNestedSlice(policy.Object, authorities, "spec", "authorities"))
		return true
	}
	shipped := filepath.Join(world.Root, "config", "optional", "verificationpolicy.yaml")
	must(t, world.Cluster.ApplyWith(t.Context(), cluster.ApplyOptions{Change: ours}, shipped))
	t.Cleanup(func() {
		policies := world.Tekton.TektonV1alpha1().VerificationPolicies(install.ExecutionNamespace)
		must(t, policies.Delete(context.WithoutCancel(t.Context()), secret.Name, metav1.DeleteOptions{}))
	})
}

func sign(t *testing.T, key string, pipeline []byte) []byte {
	t.Helper()
	file := filepath.Join(t.TempDir(), "pipeline.yaml")
	must(t, os.WriteFile(file, pipeline, 0o600))
	signed, err := cluster.SignWorkflow(t.Context(), cluster.Options{Root: world.Root}, key, file)
	must(t, err)
	return signed
}

// TestSignedWorkflows is the guide docs/signed-workflows.md: who has not signed is not run.
func TestSignedWorkflows(t *testing.T) {
	t.Parallel()
	const folder = "signed"
	key, public := signingKey(t)
	stranger, _ := signingKey(t)
	requireSignature(t, folder, public)
	unsigned, err := yaml.Marshal(workflow{}.pipeline())
	must(t, err)
	accepted := sign(t, key, unsigned)
	for name, row := range map[string]struct {
		pipeline []byte
		refused  bool
	}{
		"accepted":         {pipeline: accepted},
		"unsigned":         {pipeline: unsigned, refused: true},
		"by-another-key":   {pipeline: sign(t, stranger, unsigned), refused: true},
		"changed-after-it": {pipeline: []byte(strings.ReplaceAll(string(accepted), "/bin/true", "/bin/false")), refused: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			repository := folder + "/" + name + ":v1"
			_, err := world.Cluster.PushBundle(t.Context(), repository, row.pipeline)
			must(t, err)
			wfe := submit(t, newExecution(newNamespace(t), "api", world.Cluster.Registry()+"/"+repository))
			if row.refused {
				expectUnverified(t, awaitPhase(t, wfe, v1alpha1.PhaseFailed))
				return
			}
			wfe = awaitPhase(t, wfe, v1alpha1.PhaseCompleted)
			if condition := runOf(t, wfe).Status.GetCondition(trustedResourcesVerified); !condition.IsTrue() {
				t.Errorf("its run was not verified: %v", condition)
			}
		})
	}
}

// trustedResourcesVerified is the condition in which Tekton says whether a run's Pipeline was signed.
const trustedResourcesVerified apis.ConditionType = "TrustedResourcesVerified"

func expectUnverified(t *testing.T, wfe *v1alpha1.WorkflowExecution) {
	t.Helper()
	details := wfe.Status.FailureDetails
	if details.Reason != v1alpha1.FailureVerificationFailed || details.WasExecutionFailure || details.RequiresManualReview {
		t.Errorf("it failed with %+v, want %s before anything ran", details, v1alpha1.FailureVerificationFailed)
	}
	run := runOf(t, wfe)
	if condition := run.Status.GetCondition(trustedResourcesVerified); !condition.IsFalse() {
		t.Errorf("its run has the condition %v", condition)
	}
	expect(t, "what was run", []tektonv1.ChildStatusReference(nil), run.Status.ChildReferences)
}
