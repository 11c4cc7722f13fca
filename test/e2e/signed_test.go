// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"testing"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"knative.dev/pkg/apis"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/test/install"
)

const (
	signedWorkflows = "docs/signed-workflows.md"
	restartExample  = "examples/restart-deployment/"
	shippedPolicy   = "config/optional/verificationpolicy.yaml"
)

// testSignedWorkflows does what the guide says: from then on nothing runs that is not signed, whoever submits it.
func testSignedWorkflows(t *testing.T) {
	namespace := newNamespace(t)
	g := newGuide(t, namespace, "namespace: default", "namespace: "+namespace)
	g.bring(t, shippedPolicy, restartExample+"pipeline.yaml", restartExample+"rbac.yaml")
	t.Cleanup(func() {
		for _, args := range [][]string{
			{"-f", g.dir + "/" + shippedPolicy},
			{"secret", "workflow-verification-key", "-n", install.SystemNamespace},
			{"-f", g.dir + "/" + restartExample + "rbac.yaml"},
		} {
			if _, err := install.Kubectl(context.Background(), w.Cluster, append([]string{"delete", "--ignore-not-found"}, args...)...); err != nil {
				t.Error(err)
			}
		}
	})
	for _, step := range []string{"**1. ", "**2. ", "**3. "} {
		g.follow(t, signedWorkflows, step)
	}
	repository := w.Cluster.Registry() + "/workflows/restart-deployment"
	g.run(t, "tkn bundle push "+repository+":unsigned -f "+restartExample+"pipeline.yaml\nkubectl apply -f "+restartExample+"rbac.yaml")

	newDeployment(t, namespace, 1, "true", nil)
	awaitHealthy(t, namespace)
	expectUnverified(t, runAs("restart-deployment", execution(namespace, "unsigned", repository+":unsigned")))
	signed := runAs("restart-deployment", execution(namespace, "api", repository+":v1"))
	if ended := awaitEnd(t, submit(t, signed)); ended.Status.Phase != v1alpha1.PhaseCompleted {
		t.Errorf("the signed one ended as %s: %+v", ended.Status.Phase, ended.Status.FailureDetails)
	} else if condition := runOf(t, ended).Status.GetCondition(trustedResourcesVerified); !condition.IsTrue() {
		t.Errorf("its run was not verified: %v", condition)
	}
}

// runAs gives an execution a ServiceAccount of its own.
func runAs(account string, wfe *v1alpha1.WorkflowExecution) *v1alpha1.WorkflowExecution {
	wfe.Spec.ExecutionConfig = &v1alpha1.ExecutionConfig{ServiceAccountName: account}
	return wfe
}

// trustedResourcesVerified is the condition in which Tekton says whether a run's Pipeline was signed.
const trustedResourcesVerified apis.ConditionType = "TrustedResourcesVerified"

// expectUnverified submits an execution that is to be refused before anything runs.
func expectUnverified(t *testing.T, wfe *v1alpha1.WorkflowExecution) {
	t.Helper()
	ended := awaitEnd(t, submit(t, wfe))
	details := ended.Status.FailureDetails
	if details == nil || details.Reason != v1alpha1.FailureVerificationFailed || details.WasExecutionFailure {
		t.Fatalf("%s ended as %s: %+v", wfe.Name, ended.Status.Phase, details)
	}
	run := runOf(t, ended)
	if condition := run.Status.GetCondition(trustedResourcesVerified); !condition.IsFalse() || len(run.Status.ChildReferences) > 0 {
		t.Errorf("its run has the condition %v and the children %v", condition, run.Status.ChildReferences)
	}
	pods, err := w.Kube.CoreV1().Pods(install.ExecutionNamespace).List(t.Context(), metav1.ListOptions{
		LabelSelector: "tekton.dev/pipelineRun=" + run.Name,
	})
	if err != nil || len(pods.Items) > 0 {
		t.Errorf("its pods are %v: %v", pods, err)
	}
}

func runOf(t *testing.T, wfe *v1alpha1.WorkflowExecution) *tektonv1.PipelineRun {
	t.Helper()
	ref := wfe.Status.PipelineRunRef
	run, err := w.Tekton.TektonV1().PipelineRuns(ref.Namespace).Get(t.Context(), ref.Name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return run
}
