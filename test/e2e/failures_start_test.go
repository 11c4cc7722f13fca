// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/test/install"
)

const noImage = "image: $(REGISTRY)/tools/no-such-image:v1, script: \"#!/bin/sh\\ntrue\\n\""

// failuresToStartAPod are of pods that the node cannot start, or that may not exist. Nothing was executed, unless
// an earlier task was.
func failuresToStartAPod() []failure {
	return []failure{
		{
			name:  "image of the second task",
			tasks: "tasks: [" + task("prepare", script("true")) + ", " + task("repair", noImage, "runAfter: [prepare]") + "]",
			want:  because(v1alpha1.FailureImagePullBackOff).ran().in("repair", 1).somewhere().saying("no-such-image:v1", "not found"),
		},
		{
			name:  "image",
			tasks: oneTask(noImage),
			want:  because(v1alpha1.FailureImagePullBackOff).in("repair", 0).somewhere().saying("no-such-image:v1", "not found"),
		},
		{
			name: "image of a sidecar",
			tasks: `tasks: [{name: repair, taskSpec: {steps: [{name: main, ` + script("true") + `}],
  sidecars: [{name: helper, image: $(REGISTRY)/tools/no-such-helper:v1, command: [/helper]}]}}]`,
			want: because(v1alpha1.FailureImagePullBackOff).in("repair", 0).saying("helper", "no-such-helper:v1"),
		},
		{
			name:  "name of an image",
			tasks: oneTask(`image: "tools:v1:v2", command: [/bin/true]`),
			want:  because(v1alpha1.FailureImagePullBackOff).in("repair", 0).somewhere().saying("tools:v1:v2"),
		},
		{
			name:  "ConfigMap",
			tasks: oneTask(script("true", "envFrom: [{configMapRef: {name: no-such-settings}}]")),
			want:  because(v1alpha1.FailureConfigurationError).in("repair", 0).somewhere().saying(`configmap "no-such-settings" not found`),
		},
		{
			name:  "Secret of a variable",
			tasks: oneTask(script("true", "env: [{name: KEY, valueFrom: {secretKeyRef: {name: no-such-secret, key: key}}}]")),
			want:  because(v1alpha1.FailureConfigurationError).in("repair", 0).somewhere().saying(`secret "no-such-secret" not found`),
		},
		{
			name:  "root where it may not be",
			tasks: oneTask(script("true", "securityContext: {runAsNonRoot: true, runAsUser: 0}")),
			want:  because(v1alpha1.FailureConfigurationError).in("repair", 0).somewhere().saying("non-root"),
		},
		{
			name:  "folder that cannot be",
			tasks: oneTask(script("true", "workingDir: /etc/passwd/folder")),
			want:  because(v1alpha1.FailureConfigurationError).in("repair", 0).at("main", 128).saying("StartError", "/etc/passwd", "not a directory"),
		},
		{
			name:  "pod security",
			tasks: oneTask(script("true", "securityContext: {privileged: true}")),
			want:  because(v1alpha1.FailureConfigurationError).in("repair", 0).saying("violates PodSecurity", "privileged"),
		},
		{
			name:  "service account",
			tasks: oneTask(script("true")),
			change: func(wfe *v1alpha1.WorkflowExecution) {
				wfe.Spec.ExecutionConfig = &v1alpha1.ExecutionConfig{ServiceAccountName: "nobody"}
			},
			want: because(v1alpha1.FailureConfigurationError).in("repair", 0).saying(`serviceaccounts "nobody" not found`),
		},
	}
}

// failuresToBegin are of workflows that Tekton cannot run: it makes no TaskRun.
func failuresToBegin() []failure {
	return []failure{
		{
			name:  "parameter",
			tasks: "params: [{name: REPLICAS, type: string}]\n" + oneTask(script("true")),
			want:  because(v1alpha1.FailureConfigurationError).saying("missing", "REPLICAS"),
		},
		{
			name:  "workspace",
			tasks: "workspaces: [{name: scratch}]\n" + oneTask(script("true")),
			want:  because(v1alpha1.FailureConfigurationError).saying("scratch"),
		},
		{
			name:   "bundle",
			bundle: func(*testing.T) string { return w.Cluster.Registry() + "/workflows/no-such-bundle:v1" },
			want:   because(v1alpha1.FailureConfigurationError).saying("no-such-bundle"),
		},
		{
			name:   "tag of a bundle",
			bundle: func(t *testing.T) string { return push(t, "tagged", oneTask(script("true"))) + ".7" },
			want:   because(v1alpha1.FailureConfigurationError).saying("workflows/tagged", "v1.7"),
		},
		{
			name:   "registry",
			bundle: func(*testing.T) string { return "10.90.0.1:5999/workflows/unreachable:v1" },
			want:   because(v1alpha1.FailureConfigurationError).saying("10.90.0.1:5999", "connection refused"),
		},
		{
			// The bundle has a Pipeline, which is not called "workflow".
			name:   "name of the pipeline",
			bundle: pushMisnamed,
			want:   because(v1alpha1.FailureConfigurationError).saying("workflow"),
		},
	}
}

func pushMisnamed(t *testing.T) string {
	const place = "workflows/misnamed:v1"
	_, err := w.Cluster.PushBundle(t.Context(), place, []byte(`
apiVersion: tekton.dev/v1
kind: Pipeline
metadata: {name: repair}
spec: {tasks: [{name: repair, taskRef: {name: repair}}]}
`))
	must(t, err)
	return w.Cluster.Registry() + "/" + place
}

// forbidWidgets is a quota on what only one workflow asks for: it is in nobody else's way.
func forbidWidgets(t *testing.T) {
	quotas := w.Kube.CoreV1().ResourceQuotas(install.ExecutionNamespace)
	quota, err := quotas.Create(t.Context(), &corev1.ResourceQuota{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "no-widgets-"},
		Spec:       corev1.ResourceQuotaSpec{Hard: corev1.ResourceList{"requests.example.com/widget": resource.MustParse("0")}},
	}, metav1.CreateOptions{})
	must(t, err)
	t.Cleanup(func() {
		if err := quotas.Delete(context.Background(), quota.Name, metav1.DeleteOptions{}); err != nil {
			t.Error(err)
		}
	})
	// Before that a pod is refused because the quota's use is unknown, which is another message.
	err = wait.PollUntilContextTimeout(t.Context(), time.Second, patience, true, func(ctx context.Context) (bool, error) {
		counted, err := quotas.Get(ctx, quota.Name, metav1.GetOptions{})
		return err == nil && len(counted.Status.Hard) > 0, err
	})
	if err != nil {
		t.Fatalf("waiting until the quota is counted: %v", err)
	}
}
