// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"testing"
	"time"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	corev1 "k8s.io/api/core/v1"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/test/cluster"
)

// widget is a resource that no other workflow asks for.
const widget = "requests.example.com/widget"

// The node cannot or may not start a container. Nothing was executed, unless an earlier task was.
func TestFailureToStartAPod(t *testing.T) {
	t.Parallel()
	runFailures(t, []failingCase{
		{
			name:     "image of the first task",
			workflow: workflow{simulate: map[string]string{cluster.AnnotationStuckTask: "prepare"}},
			want:     because(v1alpha1.FailureImagePullBackOff).in("prepare", 0).somewhere(),
		},
		{
			name:     "image of the second task",
			workflow: workflow{simulate: map[string]string{cluster.AnnotationStuckTask: "repair"}},
			want:     because(v1alpha1.FailureImagePullBackOff).ran().in("repair", 1).somewhere(),
		},
		{
			name: "name of an image",
			workflow: workflow{simulate: map[string]string{
				cluster.AnnotationStuckTask: "prepare", cluster.AnnotationStuckReason: "InvalidImageName",
				cluster.AnnotationStuckMessage: `Failed to apply default image tag "a:b:c": invalid reference format`,
			}},
			want: because(v1alpha1.FailureImagePullBackOff).in("prepare", 0).somewhere(),
		},
		{
			name: "image of a sidecar",
			workflow: workflow{tasks: []string{"repair"}, change: withSidecar("helper"), simulate: map[string]string{
				cluster.AnnotationStuckTask: "repair", cluster.AnnotationStuckSidecar: "helper",
			}},
			want: because(v1alpha1.FailureImagePullBackOff).in("repair", 0).somewhere().saying("helper"),
		},
		{
			name: "configmap",
			workflow: workflow{simulate: map[string]string{
				cluster.AnnotationStuckTask: "prepare", cluster.AnnotationStuckReason: "CreateContainerConfigError",
				cluster.AnnotationStuckMessage: `configmap "settings" not found`,
			}},
			want: because(v1alpha1.FailureConfigurationError).in("prepare", 0).somewhere().saying("settings"),
		},
		{
			name: "secret of the second task",
			workflow: workflow{simulate: map[string]string{
				cluster.AnnotationStuckTask: "repair", cluster.AnnotationStuckReason: "CreateContainerConfigError",
				cluster.AnnotationStuckMessage: `secret "credentials" not found`,
			}},
			want: because(v1alpha1.FailureConfigurationError).ran().in("repair", 1).somewhere().saying("credentials"),
		},
		{
			name:     "init container",
			workflow: workflow{tasks: []string{"repair"}, simulate: map[string]string{cluster.AnnotationInitTask: "repair"}},
			want:     because(v1alpha1.FailureConfigurationError).in("repair", 0).somewhere(),
		},
		{
			name:     "service account",
			workflow: workflow{},
			options:  []option{withServiceAccount("nobody")},
			want:     because(v1alpha1.FailureConfigurationError).in("prepare", 0).saying("nobody"),
		},
	})
}

// Tekton waits for room on a node or in a quota until the time is up, and forgets what it waited for.
func TestFailureToFindRoom(t *testing.T) {
	t.Parallel()
	soon := []option{withTimeout(6 * time.Second)}
	runFailures(t, []failingCase{
		{
			name:     "on a node",
			workflow: workflow{change: requests(corev1.ResourceCPU, "5000")},
			options:  soon,
			want:     because(v1alpha1.FailureResourceExhausted).in("prepare", 0).saying("Insufficient cpu").waitingFor("Insufficient cpu"),
		},
		{
			name:     "on a node for the second task",
			workflow: workflow{change: func(spec *tektonv1.PipelineSpec) { requestOf(&spec.Tasks[1], corev1.ResourceCPU, "5000") }},
			options:  []option{withTimeout(15 * time.Second)},
			want:     because(v1alpha1.FailureResourceExhausted).ran().in("repair", 1).saying("Insufficient cpu").waitingFor("Insufficient cpu"),
		},
		{
			name:     "in a quota",
			workflow: workflow{change: requests("example.com/widget", "1")},
			options:  soon,
			prepare:  forbidWidgets,
			want:     because(v1alpha1.FailureResourceExhausted).in("prepare", 0).saying("quota").waitingFor("quota"),
		},
	})
}

// A LimitRange holds for every pod of its namespace: no other workflow may run beside this test.
func TestFailureByALimitRange(t *testing.T) {
	limitCPU(t, "500m")
	row := failingCase{
		workflow: workflow{change: requests(corev1.ResourceCPU, "1")},
		want:     because(v1alpha1.FailureConfigurationError).in("prepare", 0).saying("maximum cpu usage"),
	}
	row.run(t)
}

// The workflow is not what Tekton can run: it has made no TaskRun.
func TestFailureToBeginTheRun(t *testing.T) {
	t.Parallel()
	runFailures(t, []failingCase{
		{
			name: "parameter",
			workflow: workflow{change: func(spec *tektonv1.PipelineSpec) {
				spec.Params = tektonv1.ParamSpecs{{Name: "REPLICAS", Type: "string"}}
			}},
			want: because(v1alpha1.FailureConfigurationError).saying("REPLICAS"),
		},
		{
			name: "workspace",
			workflow: workflow{change: func(spec *tektonv1.PipelineSpec) {
				spec.Workspaces = []tektonv1.PipelineWorkspaceDeclaration{{Name: "scratch"}}
			}},
			want: because(v1alpha1.FailureConfigurationError).saying("scratch"),
		},
		{
			name:  "bundle",
			image: world.Cluster.Registry() + "/tests/no-such-bundle:v1",
			want:  because(v1alpha1.FailureConfigurationError).saying("no-such-bundle"),
		},
		{
			name:  "registry",
			image: "127.0.0.1:1/tests/unreachable:v1",
			want:  because(v1alpha1.FailureConfigurationError).saying("connection refused"),
		},
		{
			name:     "signature",
			workflow: workflow{},
			prepare:  demandSignature,
			want:     because(v1alpha1.FailureVerificationFailed),
		},
	})
}

func withSidecar(name string) func(*tektonv1.PipelineSpec) {
	return eachTask(func(task *tektonv1.PipelineTask) {
		task.TaskSpec.Sidecars = []tektonv1.Sidecar{{Name: name, Image: "example.com/" + name + ":v1"}}
	})
}
