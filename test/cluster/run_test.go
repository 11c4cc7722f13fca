// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

var (
	pipelineRuns = schema.GroupVersionResource{Group: "tekton.dev", Version: "v1", Resource: "pipelineruns"}
	taskRuns     = schema.GroupVersionResource{Group: "tekton.dev", Version: "v1", Resource: "taskruns"}
)

// testRun is a PipelineRun in a namespace of its own.
type testRun struct {
	t         *testing.T
	namespace string
	name      string
}

func startRun(t *testing.T, annotations map[string]string) *testRun {
	t.Helper()
	name := strings.ToLower(strings.ReplaceAll(t.Name(), "/", "-"))
	repository := "workflows/" + name
	digest, err := shared.PushBundle(t.Context(), repository+":v1", []byte(twoTasks))
	if err != nil {
		t.Fatal(err)
	}
	run := &testRun{t: t, namespace: name, name: "run"}
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
	if _, err := shared.client.CoreV1().Namespaces().Create(t.Context(), namespace, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	object := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "tekton.dev/v1", "kind": "PipelineRun",
		"spec": map[string]any{"pipelineRef": map[string]any{"resolver": "bundles", "params": []any{
			map[string]any{"name": "bundle", "value": shared.Registry() + "/" + repository + "@" + digest},
			map[string]any{"name": "name", "value": "workflow"},
			map[string]any{"name": "kind", "value": "pipeline"},
		}}},
	}}
	object.SetName(run.name)
	object.SetAnnotations(annotations)
	if _, err := shared.dynamic.Resource(pipelineRuns).Namespace(name).Create(t.Context(), object, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	return run
}

func (r *testRun) await(what string, check func(context.Context) error) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), 40*time.Second)
	defer cancel()
	if err := poll(ctx, what, check); err != nil {
		run, _ := shared.dynamic.Resource(pipelineRuns).Namespace(r.namespace).Get(r.t.Context(), r.name, metav1.GetOptions{})
		text, _ := json.Marshal(run)
		r.t.Fatalf("waiting for %s: %v\n%s", what, err, text)
	}
}

func (r *testRun) awaitReason(reasons ...string) {
	r.t.Helper()
	r.await("the end of the run", func(context.Context) error {
		reason := r.conditionOf(pipelineRuns, r.name)
		if slices.Contains(reasons, reason) {
			return nil
		}
		return fmt.Errorf("the reason is %q", reason)
	})
}

func (r *testRun) conditionOf(resource schema.GroupVersionResource, name string) string {
	object, err := shared.dynamic.Resource(resource).Namespace(r.namespace).Get(r.t.Context(), name, metav1.GetOptions{})
	if err != nil {
		return err.Error()
	}
	conditions, _, _ := unstructured.NestedSlice(object.Object, "status", "conditions")
	for _, condition := range conditions {
		reason, _ := condition.(map[string]any)["reason"].(string)
		return reason
	}
	return ""
}

// mustNamePod is an error while the TaskRun of the task does not say which pod is its.
func (r *testRun) mustNamePod(ctx context.Context, task string) error {
	object, err := shared.dynamic.Resource(taskRuns).Namespace(r.namespace).Get(ctx, r.name+"-"+task, metav1.GetOptions{})
	if err != nil {
		return err
	}
	if name, _, _ := unstructured.NestedString(object.Object, "status", "podName"); name == "" {
		return errors.New("it does not")
	}
	return nil
}

func (r *testRun) taskRun(task string) (status taskRunStatus) {
	r.t.Helper()
	object, err := shared.dynamic.Resource(taskRuns).Namespace(r.namespace).Get(r.t.Context(), r.name+"-"+task, metav1.GetOptions{})
	if err != nil {
		r.t.Fatal(err)
	}
	content, err := json.Marshal(object.Object["status"])
	if err != nil {
		r.t.Fatal(err)
	}
	if err := json.Unmarshal(content, &status); err != nil {
		r.t.Fatal(err)
	}
	if len(status.Steps) == 0 {
		r.t.Fatalf("the TaskRun has no steps: %s", content)
	}
	return status
}

func (r *testRun) cancel() {
	patch := []byte(`{"spec":{"status":"Cancelled"}}`)
	runs := shared.dynamic.Resource(pipelineRuns).Namespace(r.namespace)
	_, err := runs.Patch(r.t.Context(), r.name, types.MergePatchType, patch, metav1.PatchOptions{})
	if err != nil {
		r.t.Fatal(err)
	}
}

func (r *testRun) delete() {
	if err := shared.dynamic.Resource(pipelineRuns).Namespace(r.namespace).Delete(r.t.Context(), r.name, metav1.DeleteOptions{}); err != nil {
		r.t.Fatal(err)
	}
}

// podOf is the pod of a task, with a nil pod if there is none.
type podOf struct{ *corev1.Pod }

func (r *testRun) pod(task string) podOf {
	ofTask := metav1.ListOptions{LabelSelector: "tekton.dev/pipelineTask=" + task}
	pods, err := shared.client.CoreV1().Pods(r.namespace).List(r.t.Context(), ofTask)
	if err != nil || len(pods.Items) == 0 {
		return podOf{}
	}
	return podOf{&pods.Items[0]}
}

func (p podOf) container(name string) *corev1.ContainerStatus {
	if p.Pod == nil {
		return nil
	}
	for i, status := range p.Status.ContainerStatuses {
		if status.Name == name {
			return &p.Status.ContainerStatuses[i]
		}
	}
	return nil
}

func (p podOf) containerMessage(name string) string {
	status := p.container(name)
	if status == nil || status.State.Terminated == nil {
		return "not terminated"
	}
	return status.State.Terminated.Message
}

func (p podOf) mustRun(name string) error {
	status := p.container(name)
	if status == nil || status.State.Running == nil {
		return fmt.Errorf("container %s does not run", name)
	}
	return nil
}
