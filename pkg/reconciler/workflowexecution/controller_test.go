// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package workflowexecution

import (
	"context"
	"reflect"
	"strings"
	"testing"
	"time"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"knative.dev/pkg/configmap"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/injection"
	logtesting "knative.dev/pkg/logging/testing"
	"knative.dev/pkg/system"
	"knative.dev/pkg/tracker"

	"kubernaut.ai/workflowexecution/pkg/apis/config"
	runinformers "kubernaut.ai/workflowexecution/pkg/reconciler/pipelinerun/informers"
	given "kubernaut.ai/workflowexecution/pkg/reconciler/testing"
)

// newController is wired as in the program, with clients of an API server that nobody asks.
func newController(t *testing.T) (context.Context, *controller.Impl) {
	t.Helper()
	t.Setenv(system.NamespaceEnvKey, given.SystemNamespace)
	ctx := runinformers.WithNamespace(logtesting.TestContextWithLogger(t), given.RunNamespace)
	cfg := &rest.Config{Host: "https://nowhere.invalid"}
	ctx, informers := injection.Default.SetupInformers(injection.WithConfig(ctx, cfg), cfg)
	if len(informers) != 3 {
		t.Errorf("%d informers, want those of executions, runs and pods", len(informers))
	}
	return ctx, NewController(ctx, configmap.NewStaticWatcher(&corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: given.SystemNamespace, Name: config.WorkflowExecutionConfigName},
	}, &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: given.SystemNamespace, Name: config.AuditConfigName},
	}))
}

func TestNewController(t *testing.T) {
	if _, impl := newController(t); impl == nil {
		t.Error("No controller")
	}
}

// TestQueueHasTheNameOfTheGeneratedOne: replicas that disagreed on it would all lead during an upgrade.
func TestQueueHasTheNameOfTheGeneratedOne(t *testing.T) {
	_, impl := newController(t)
	reconciler := reflect.TypeFor[Reconciler]()
	if want := strings.ReplaceAll(reconciler.PkgPath(), "/", ".") + "." + reconciler.Name(); impl.Name != want {
		t.Errorf("the queue is %q, want %q", impl.Name, want)
	}
}

// TestFailuresDelayByTenSecondsAtMost: a run whose time is up has to be cancelled within 10 s once Tekton's webhook is
// back, however long that was away.
func TestFailuresDelayByTenSecondsAtMost(t *testing.T) {
	_, impl := newController(t)
	given.ExpectRetryWithin(t, impl, 10*time.Second)
}

func TestWithoutNamespaceNothingIsWatched(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("An empty execution namespace would mean every namespace of the cluster")
		}
	}()
	cfg := &rest.Config{Host: "https://nowhere.invalid"}
	injection.Default.SetupInformers(injection.WithConfig(logtesting.TestContextWithLogger(t), cfg), cfg)
}

func TestPodChangeWakesWhoTracksItsRun(t *testing.T) {
	_, impl := newController(t)
	pod := given.Pod(given.Run(execution()), "drain")
	err := impl.Tracker.TrackReference(tracker.Reference{
		APIVersion: "tekton.dev/v1", Kind: "PipelineRun", Namespace: given.RunNamespace, Name: runName,
	}, execution())
	if err != nil {
		t.Fatal(err)
	}
	for name, object := range map[string]any{
		"pod": pod, "pod whose deletion was missed": cache.DeletedFinalStateUnknown{Obj: pod},
	} {
		observers := impl.Tracker.GetObservers(runOf(object))
		if len(observers) != 1 || observers[0].String() != key {
			t.Errorf("A %s wakes %v, want %s", name, observers, key)
		}
	}
}

func TestRunOf(t *testing.T) {
	pod := given.Pod(given.Run(execution()), "drain")
	foreign := pod.DeepCopy()
	foreign.Labels = nil
	for _, test := range []struct {
		name   string
		object any
		want   string
	}{
		{"a pod of a run", pod, runName},
		{"one whose deletion was missed", cache.DeletedFinalStateUnknown{Key: "a/b", Obj: pod}, runName},
		{"a pod of no run", foreign, ""},
		{"a deletion of nobody knows what", cache.DeletedFinalStateUnknown{Key: "a/b"}, ""},
		{"no pod", &tektonv1.PipelineRun{}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := runOf(test.object)
			if test.want == "" {
				if got != nil {
					t.Fatalf("runOf() = %s/%s, want none", got.Namespace, got.Name)
				}
				return
			}
			if got == nil || got.Namespace != given.RunNamespace || got.Name != test.want {
				t.Errorf("runOf() = %v, want %s/%s", got, given.RunNamespace, test.want)
			}
		})
	}
}
