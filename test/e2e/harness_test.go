// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
	toolswatch "k8s.io/client-go/tools/watch"
	"sigs.k8s.io/yaml"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/test/cluster"
	"kubernaut.ai/workflowexecution/test/install"
)

// patience is for an execution that nobody slows down, on a machine that has other things to do.
const patience = 3 * time.Minute

// shellImage is the image of steps; pipelines of tests name it $(IMAGE).
func shellImage() string { return w.Cluster.Registry() + "/" + cluster.ShellImage }

// newNamespace makes a namespace for the targets and executions of a test, which goes with the test.
func newNamespace(t *testing.T) string {
	t.Helper()
	namespaces := w.Kube.CoreV1().Namespaces()
	created, err := namespaces.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "e2e-"}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := namespaces.Delete(context.Background(), created.Name, metav1.DeleteOptions{}); err != nil {
			t.Error(err)
		}
	})
	return created.Name
}

// push pushes the tasks of a Pipeline, given as YAML, as a bundle and returns its reference. $(IMAGE) stands for the
// image of steps.
func push(t *testing.T, name, tasks string) string {
	t.Helper()
	pipeline := map[string]any{
		"apiVersion": "tekton.dev/v1", "kind": "Pipeline", "metadata": map[string]any{"name": "workflow"},
	}
	var spec map[string]any
	if err := yaml.Unmarshal([]byte(strings.ReplaceAll(tasks, "$(IMAGE)", shellImage())), &spec); err != nil {
		t.Fatal(err)
	}
	pipeline["spec"] = spec
	content, err := yaml.Marshal(pipeline)
	if err != nil {
		t.Fatal(err)
	}
	place := "workflows/" + name + ":v1"
	if _, err := w.Cluster.PushBundle(t.Context(), place, content); err != nil {
		t.Fatal(err)
	}
	return w.Cluster.Registry() + "/" + place
}

// execution is one that runs the bundle on a Deployment of the namespace, which need not exist.
func execution(namespace, name, bundle string) *v1alpha1.WorkflowExecution {
	return &v1alpha1.WorkflowExecution{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: v1alpha1.WorkflowExecutionSpec{
			RemediationRequestRef: corev1.ObjectReference{Name: "rr-" + name},
			WorkflowRef:           v1alpha1.WorkflowRef{WorkflowID: name, Version: "v1", ContainerImage: bundle},
			TargetResource:        namespace + "/deployment/" + name,
		},
	}
}

func submit(t *testing.T, wfe *v1alpha1.WorkflowExecution) *v1alpha1.WorkflowExecution {
	t.Helper()
	created, err := w.Executions.KubernautV1alpha1().WorkflowExecutions(wfe.Namespace).Create(t.Context(), wfe, metav1.CreateOptions{})
	if err != nil {
		t.Fatalf("creating %s: %v", wfe.Name, err)
	}
	return created
}

// awaitEnd waits until the execution is over.
func awaitEnd(t *testing.T, wfe *v1alpha1.WorkflowExecution) *v1alpha1.WorkflowExecution {
	t.Helper()
	return await(t, wfe, "its end", func(wfe *v1alpha1.WorkflowExecution) bool { return wfe.Status.IsTerminal() })
}

// await waits until the execution is as wanted, and fails the test with its last status otherwise.
func await(t *testing.T, wfe *v1alpha1.WorkflowExecution, what string, is func(*v1alpha1.WorkflowExecution) bool) *v1alpha1.WorkflowExecution {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	executions := w.Executions.KubernautV1alpha1().WorkflowExecutions(wfe.Namespace)
	one := fields.OneTermEqualSelector("metadata.name", wfe.Name).String()
	source := &cache.ListWatch{
		ListFunc: func(o metav1.ListOptions) (runtime.Object, error) {
			o.FieldSelector = one
			return executions.List(ctx, o)
		},
		WatchFunc: func(o metav1.ListOptions) (watch.Interface, error) {
			o.FieldSelector = one
			return executions.Watch(ctx, o)
		},
	}
	last := wfe
	_, err := toolswatch.UntilWithSync(ctx, source, &v1alpha1.WorkflowExecution{}, nil, func(event watch.Event) (bool, error) {
		if current, ok := event.Object.(*v1alpha1.WorkflowExecution); ok {
			last = current
		}
		return is(last), nil
	})
	if err != nil {
		status, _ := yaml.Marshal(last.Status)
		t.Fatalf("waiting for %s of %s: %v; its status:\n%s", what, wfe.Name, err, status)
	}
	return last
}

func kubectl(t *testing.T, args ...string) string {
	t.Helper()
	output, err := install.Kubectl(t.Context(), w.Cluster, args...)
	if err != nil {
		t.Fatal(err)
	}
	return output
}
