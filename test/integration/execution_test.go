// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
	watchtools "k8s.io/client-go/tools/watch"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
)

// patience is how long a test waits for what has to happen. It is no measure of speed.
const patience = 4 * time.Minute

type option func(*v1alpha1.WorkflowExecution)

func withParameters(parameters map[string]string) option {
	return func(wfe *v1alpha1.WorkflowExecution) { wfe.Spec.Parameters = parameters }
}

func withTimeout(timeout time.Duration) option {
	return func(wfe *v1alpha1.WorkflowExecution) {
		wfe.Spec.ExecutionConfig = &v1alpha1.ExecutionConfig{Timeout: &metav1.Duration{Duration: timeout}}
	}
}

func withTarget(target string) option {
	return func(wfe *v1alpha1.WorkflowExecution) { wfe.Spec.TargetResource = target }
}

func withDigest(digest string) option {
	return func(wfe *v1alpha1.WorkflowExecution) { wfe.Spec.WorkflowRef.ContainerDigest = digest }
}

func newExecution(namespace, name, image string, options ...option) *v1alpha1.WorkflowExecution {
	wfe := &v1alpha1.WorkflowExecution{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: v1alpha1.WorkflowExecutionSpec{
			RemediationRequestRef: corev1.ObjectReference{Name: "request-" + name},
			WorkflowRef:           v1alpha1.WorkflowRef{WorkflowID: "repair", Version: "v1", ContainerImage: image},
			TargetResource:        namespace + "/deployment/" + name,
		},
	}
	for _, apply := range options {
		apply(wfe)
	}
	return wfe
}

// newNamespace gives a test a namespace, and so targets, of its own.
func newNamespace(t *testing.T) string {
	t.Helper()
	namespace, err := world.Kube.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "test-"},
	}, metav1.CreateOptions{})
	must(t, err)
	return namespace.Name
}

func submit(t *testing.T, wfe *v1alpha1.WorkflowExecution) *v1alpha1.WorkflowExecution {
	t.Helper()
	created, err := world.Executions.KubernautV1alpha1().WorkflowExecutions(wfe.Namespace).Create(t.Context(), wfe, metav1.CreateOptions{})
	must(t, err)
	return created
}

// await watches one object from its present state on until it is as it should be.
func await[T runtime.Object](
	t *testing.T, what, name string, source cache.Watcher, list func(context.Context) (string, []T, error), done func(T) bool,
) T {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	version, present, err := list(ctx)
	must(t, err)
	var last T
	for _, object := range present {
		if last = object; done(object) {
			return object
		}
	}
	_, err = watchtools.Until(ctx, version, source, func(event watch.Event) (bool, error) {
		object, ok := event.Object.(T)
		if !ok || event.Type == watch.Deleted {
			return false, nil
		}
		last = object
		return done(object), nil
	})
	if err != nil {
		t.Fatalf("%s never came for %s: %v; last seen: %s", what, name, err, describe(last))
	}
	return last
}

func awaitExecution(t *testing.T, wfe *v1alpha1.WorkflowExecution, what string, done func(*v1alpha1.WorkflowExecution) bool) *v1alpha1.WorkflowExecution {
	t.Helper()
	client := world.Executions.KubernautV1alpha1().WorkflowExecutions(wfe.Namespace)
	selector := fields.OneTermEqualSelector("metadata.name", wfe.Name).String()
	source := &cache.ListWatch{WatchFunc: func(options metav1.ListOptions) (watch.Interface, error) {
		options.FieldSelector = selector
		return client.Watch(t.Context(), options)
	}}
	return await(t, what, wfe.Name, source, func(ctx context.Context) (string, []*v1alpha1.WorkflowExecution, error) {
		list, err := client.List(ctx, metav1.ListOptions{FieldSelector: selector})
		if err != nil {
			return "", nil, err
		}
		items := make([]*v1alpha1.WorkflowExecution, 0, len(list.Items))
		for i := range list.Items {
			items = append(items, &list.Items[i])
		}
		return list.ResourceVersion, items, nil
	}, done)
}

func awaitPhase(t *testing.T, wfe *v1alpha1.WorkflowExecution, phase v1alpha1.Phase) *v1alpha1.WorkflowExecution {
	t.Helper()
	last := awaitExecution(t, wfe, "phase "+string(phase), func(wfe *v1alpha1.WorkflowExecution) bool {
		return wfe.Status.Phase == phase || wfe.Status.IsTerminal()
	})
	if last.Status.Phase != phase {
		t.Fatalf("%s is %s, expected %s: %s", wfe.Name, last.Status.Phase, phase, describe(last))
	}
	return last
}

// awaitGone waits until nothing of that kind and name exists.
func awaitGone(t *testing.T, what string, exists func(context.Context) (bool, error)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for {
		found, err := exists(ctx)
		must(t, err)
		if !found {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s is still there", what)
		case <-ticker.C:
		}
	}
}

func describe(object any) string {
	if wfe, ok := object.(*v1alpha1.WorkflowExecution); ok && wfe != nil {
		var b strings.Builder
		fmt.Fprintf(&b, "phase %s", wfe.Status.Phase)
		for _, c := range wfe.Status.Conditions {
			fmt.Fprintf(&b, "; %s=%s %s %s", c.Type, c.Status, c.Reason, c.Message)
		}
		return b.String()
	}
	return fmt.Sprintf("%+v", object)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
