// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"knative.dev/pkg/apis"
)

var digest = "sha256:" + strings.Repeat("0a", 32)

func validExecution() *WorkflowExecution {
	return &WorkflowExecution{
		ObjectMeta: metav1.ObjectMeta{Namespace: "payment", Name: "fix-api"},
		Spec: WorkflowExecutionSpec{
			RemediationRequestRef: corev1.ObjectReference{Name: "rr-1"},
			WorkflowRef: WorkflowRef{
				WorkflowID: "restart-deployment", Version: "v1.2.0", ContainerImage: "ghcr.io/kubernaut/restart:v1.2.0",
			},
			TargetResource: "payment/deployment/api",
		},
	}
}

func TestValidExecutions(t *testing.T) {
	tests := map[string]func(*WorkflowExecution){
		"the least":                func(*WorkflowExecution) {},
		"a name of 200 characters": func(w *WorkflowExecution) { w.Name = strings.Repeat("a", 200) },
		"a pinned bundle":          func(w *WorkflowExecution) { w.Spec.WorkflowRef.ContainerDigest = digest },
		"the same digest twice": func(w *WorkflowExecution) {
			w.Spec.WorkflowRef.ContainerImage, w.Spec.WorkflowRef.ContainerDigest = "ghcr.io/a/b:v1@"+digest, digest
		},
		"registry with a port":    func(w *WorkflowExecution) { w.Spec.WorkflowRef.ContainerImage = "localhost:5000/workflow" },
		"Docker Hub's short form": func(w *WorkflowExecution) { w.Spec.WorkflowRef.ContainerImage = "busybox" },
		"no confidence at all":    func(w *WorkflowExecution) { w.Spec.Confidence = new(0.0) },
		"full confidence":         func(w *WorkflowExecution) { w.Spec.Confidence = new(1.0) },
		"the target as parameter": func(w *WorkflowExecution) {
			w.Spec.Parameters = map[string]string{"TARGET_RESOURCE": "payment/deployment/api"}
		},
		"an empty value":           func(w *WorkflowExecution) { w.Spec.Parameters = map[string]string{"A_1": ""} },
		"a value full of brackets": func(w *WorkflowExecution) { w.Spec.Parameters = map[string]string{"A": `[{"a": "$(b)"}]`} },
		"a reference Tekton allows": func(w *WorkflowExecution) {
			w.Spec.Parameters = map[string]string{"A": "$(context.pipelineRun.name) $(tasks.a.status)"}
		},
		"as many parameters as may be": func(w *WorkflowExecution) { w.Spec.Parameters = manyParameters(256) },
		"as many bytes as may be": func(w *WorkflowExecution) {
			w.Spec.Parameters = map[string]string{"A": strings.Repeat("x", MaxParameterBytes-1)}
		},
		"overrides": func(w *WorkflowExecution) {
			w.Spec.ExecutionConfig = &ExecutionConfig{Timeout: &metav1.Duration{Duration: time.Second}, ServiceAccountName: "runner.v1"}
		},
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			wfe := validExecution()
			change(wfe)
			if err := wfe.Validate(apis.WithinCreate(t.Context())); err != nil {
				t.Error("Validate() =", err)
			}
		})
	}
}

func TestInvalidExecutions(t *testing.T) {
	tests := map[string]struct {
		change func(*WorkflowExecution)
		want   string
	}{
		"name": {
			func(w *WorkflowExecution) { w.Name = strings.Repeat("a", 201) },
			"invalid value: " + strings.Repeat("a", 201) + ": metadata.name\nmust be at most 200 characters long, so that its events can be named after it",
		},
		"correlation id": {
			func(w *WorkflowExecution) { w.Spec.RemediationRequestRef.Name = "" },
			"missing field(s): spec.remediationRequestRef.name",
		},
		"no workflow id": {
			func(w *WorkflowExecution) { w.Spec.WorkflowRef.WorkflowID = "" },
			"missing field(s): spec.workflowRef.workflowId",
		},
		"workflow id": {
			func(w *WorkflowExecution) { w.Spec.WorkflowRef.WorkflowID = "restart it" },
			"invalid value: restart it: spec.workflowRef.workflowId\nmust be letters, digits, '-', '_' and '.', beginning and ending with a letter or digit",
		},
		"version": {
			func(w *WorkflowExecution) { w.Spec.WorkflowRef.Version = "" },
			"missing field(s): spec.workflowRef.version",
		},
		"no bundle": {
			func(w *WorkflowExecution) { w.Spec.WorkflowRef.ContainerImage = "" },
			"missing field(s): spec.workflowRef.containerImage",
		},
		"bundle": {
			func(w *WorkflowExecution) { w.Spec.WorkflowRef.ContainerImage = "ghcr.io/A" },
			"invalid value: ghcr.io/A: spec.workflowRef.containerImage\ncould not parse reference: ghcr.io/A",
		},
		"digest": {
			func(w *WorkflowExecution) { w.Spec.WorkflowRef.ContainerDigest = "sha256:ABC" },
			"invalid value: sha256:ABC: spec.workflowRef.containerDigest\nmust be sha256: and 64 lower-case hexadecimal digits",
		},
		"two digests": {
			func(w *WorkflowExecution) {
				w.Spec.WorkflowRef.ContainerImage = "ghcr.io/a/b@sha256:" + strings.Repeat("1b", 32)
				w.Spec.WorkflowRef.ContainerDigest = digest
			},
			"invalid value: " + digest + ": spec.workflowRef.containerDigest\ndiffers from the digest sha256:" +
				strings.Repeat("1b", 32) + " in containerImage; leave one of them out",
		},
		"target": {
			func(w *WorkflowExecution) { w.Spec.TargetResource = "api" },
			"invalid value: api: spec.targetResource\n\"api\" has 1 parts; want namespace/kind/name, or kind/name for a " +
				"cluster-scoped resource; kind may carry its group, as in payment/deployment.apps/api",
		},
		"confidence": {
			func(w *WorkflowExecution) { w.Spec.Confidence = new(1.1) },
			"expected 0 <= 1.1 <= 1: spec.confidence",
		},
		"less than no confidence": {
			func(w *WorkflowExecution) { w.Spec.Confidence = new(-0.1) },
			"expected 0 <= -0.1 <= 1: spec.confidence",
		},
		"parameter's name": {
			func(w *WorkflowExecution) { w.Spec.Parameters = map[string]string{"logLevel": "debug"} },
			"invalid key name \"logLevel\": spec.parameters\nmust be UPPER_SNAKE_CASE: capital letters, digits and underscores, beginning with a letter",
		},
		"another target as parameter": {
			func(w *WorkflowExecution) { w.Spec.Parameters = map[string]string{"TARGET_RESOURCE": "node/a"} },
			"invalid value: node/a: spec.parameters[TARGET_RESOURCE]\nis set by the controller; leave it out or give it the value " +
				"\"payment/deployment/api\" of spec.targetResource",
		},
		"result of a task": {
			func(w *WorkflowExecution) { w.Spec.Parameters = map[string]string{"A": "x $(tasks.a.results.b[0]) y"} },
			"invalid value: $(tasks.a.results.b[0]): spec.parameters[A]\nTekton refuses references to task results in the parameters of a run",
		},
		"too many parameters": {
			func(w *WorkflowExecution) { w.Spec.Parameters = manyParameters(257) },
			"expected 0 <= 257 <= 256: spec.parameters",
		},
		"too many bytes": {
			func(w *WorkflowExecution) {
				w.Spec.Parameters = map[string]string{"A": strings.Repeat("x", MaxParameterBytes)}
			},
			"invalid value: 262145 bytes: spec.parameters\nkeys and values together must be at most 256 KiB (262144 bytes)",
		},
		"timeout": {
			func(w *WorkflowExecution) {
				w.Spec.ExecutionConfig = &ExecutionConfig{Timeout: &metav1.Duration{Duration: 999 * time.Millisecond}}
			},
			"invalid value: 999ms: spec.executionConfig.timeout\nmust be at least 1s",
		},
		"service account": {
			func(w *WorkflowExecution) { w.Spec.ExecutionConfig = &ExecutionConfig{ServiceAccountName: "Runner"} },
			"invalid value: Runner: spec.executionConfig.serviceAccountName\na lowercase RFC 1123 subdomain must consist of",
		},
		"everything at once": {
			func(w *WorkflowExecution) { w.Spec = WorkflowExecutionSpec{} },
			"missing field(s): spec.remediationRequestRef.name, spec.workflowRef.containerImage, spec.workflowRef.version, spec.workflowRef.workflowId",
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			wfe := validExecution()
			tc.change(wfe)
			err := wfe.Validate(apis.WithinCreate(t.Context()))
			if err == nil {
				t.Fatal("Validate() = nil")
			}
			if got := err.Error(); !strings.Contains(got, tc.want) {
				t.Errorf("Validate() =\n%s\nwant\n%s", got, tc.want)
			}
			if name != "everything at once" && strings.Contains(err.Error(), "missing") != strings.Contains(tc.want, "missing") {
				t.Error("it complains about more than was wrong:", err)
			}
		})
	}
}

func TestSpecIsImmutable(t *testing.T) {
	old := validExecution()
	changed := validExecution()
	changed.Spec.WorkflowRef.Version = "v2"
	err := changed.Validate(apis.WithinUpdate(t.Context(), old))
	if want := "is immutable once created; create a new WorkflowExecution instead: spec"; err == nil || err.Error() != want {
		t.Errorf("Validate() = %v, want %s", err, want)
	}
}

func TestAnUpdateKeepsOldSins(t *testing.T) {
	// A rule that came with a later version must not make it impossible to delete an old execution,
	// which takes an update that removes the finalizer.
	old := validExecution()
	old.Spec.TargetResource = "what an earlier version allowed"
	changed := old.DeepCopy()
	changed.Labels = map[string]string{"seen": "true"}
	if err := changed.Validate(apis.WithinUpdate(t.Context(), old)); err != nil {
		t.Error("Validate() =", err)
	}
}

func manyParameters(n int) map[string]string {
	parameters := map[string]string{}
	for len(parameters) < n {
		parameters["A"+strings.Repeat("_", len(parameters))] = "x"
	}
	return parameters
}
