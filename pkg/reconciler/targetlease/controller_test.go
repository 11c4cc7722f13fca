// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package targetlease

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path"
	"slices"
	"testing"
	"time"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"knative.dev/pkg/configmap"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/injection"
	logtesting "knative.dev/pkg/logging/testing"
	"knative.dev/pkg/reconciler"
	"knative.dev/pkg/system"

	"kubernaut.ai/workflowexecution/pkg/apis/config"
	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution"
	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/pkg/reconciler/pipelinerun"
	runinformers "kubernaut.ai/workflowexecution/pkg/reconciler/pipelinerun/informers"
	given "kubernaut.ai/workflowexecution/pkg/reconciler/testing"
	"kubernaut.ai/workflowexecution/pkg/targetlock"
)

const (
	anotherTarget = "payment/deployments.apps/web"
	aThirdTarget  = "payment/deployments.apps/db"
)

// newController is wired as in the program, with clients of the API server at that address.
func newController(t *testing.T, host string) (*controller.Impl, []controller.Informer) {
	t.Helper()
	t.Setenv(system.NamespaceEnvKey, given.SystemNamespace)
	ctx := runinformers.WithNamespace(logtesting.TestContextWithLogger(t), given.RunNamespace)
	cfg := &rest.Config{Host: host}
	ctx, informers := injection.Default.SetupInformers(injection.WithConfig(ctx, cfg), cfg)
	impl := NewController(ctx, configmap.NewStaticWatcher(&corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: given.SystemNamespace, Name: config.WorkflowExecutionConfigName},
	}, &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: given.SystemNamespace, Name: config.AuditConfigName},
	}))
	return impl, informers
}

func TestNewController(t *testing.T) {
	impl, informers := newController(t, "https://nowhere.invalid")
	if impl == nil || len(informers) != 4 {
		t.Errorf("%d informers, want those of Leases, executions, runs and pods", len(informers))
	}
}

// TestFailuresDelayByTenSecondsAtMost: what a dead holder left is cancelled as promptly as what a live one has.
func TestFailuresDelayByTenSecondsAtMost(t *testing.T) {
	impl, _ := newController(t, "https://nowhere.invalid")
	given.ExpectRetryWithin(t, impl, 10*time.Second)
}

// served is what a small API server lists and then watches of a resource.
type served struct {
	list    runtime.Object
	deletes runtime.Object
}

// serve answers until the test ends, for resources by their name.
func serve(t *testing.T, resources map[string]served) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		resource := resources[path.Base(r.URL.Path)]
		encoder := json.NewEncoder(w)
		if r.URL.Query().Get("watch") == "" {
			_ = encoder.Encode(resource.list)
			return
		}
		if resource.deletes != nil {
			_ = encoder.Encode(map[string]any{"type": "DELETED", "object": resource.deletes})
		}
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func listed(kind, apiVersion string) metav1.TypeMeta {
	return metav1.TypeMeta{Kind: kind + "List", APIVersion: apiVersion}
}

// A Lease, a run that appears and an execution that is gone wake the Leases of their targets.
func TestWakes(t *testing.T) {
	run := given.Run(execution())
	run.Labels[workflowexecution.TargetHashLabel] = v1alpha1.TargetHash(anotherTarget)
	gone := execution(given.Started(0), onTarget(aThirdTarget))
	gone.TypeMeta = metav1.TypeMeta{Kind: "WorkflowExecution", APIVersion: v1alpha1.SchemeGroupVersion.String()}
	impl, informers := newController(t, serve(t, map[string]served{
		"leases": {list: &coordinationv1.LeaseList{
			TypeMeta: listed("Lease", "coordination.k8s.io/v1"), Items: []coordinationv1.Lease{*given.FreeLease()},
		}},
		"pipelineruns": {list: &tektonv1.PipelineRunList{
			TypeMeta: listed("PipelineRun", "tekton.dev/v1"), Items: []tektonv1.PipelineRun{*run},
		}},
		"pods": {list: &corev1.PodList{TypeMeta: listed("Pod", "v1")}},
		"workflowexecutions": {list: &v1alpha1.WorkflowExecutionList{
			TypeMeta: listed("WorkflowExecution", v1alpha1.SchemeGroupVersion.String()), Items: []v1alpha1.WorkflowExecution{*gone},
		}, deletes: gone},
	}))
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := controller.StartInformers(ctx.Done(), informers...); err != nil {
		t.Fatal(err)
	}
	got := keys(ctx, t, impl, 3)
	want := []string{given.LeaseName, targetlock.LeaseName(anotherTarget), targetlock.LeaseName(aThirdTarget)}
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("Woke %q, want %q", got, want)
	}
}

// keys are the first n names that come into the queue, sorted.
func keys(ctx context.Context, t *testing.T, impl *controller.Impl, n int) []string {
	t.Helper()
	found := make(chan string, n)
	go func() {
		for range n {
			item, shutdown := impl.WorkQueue().Get()
			if shutdown {
				return
			}
			name, ok := item.(types.NamespacedName)
			if ok && name.Namespace == given.SystemNamespace {
				found <- name.Name
			}
			impl.WorkQueue().Done(item)
		}
	}()
	defer impl.WorkQueue().ShutDown()
	var names []string
	for len(names) < n {
		select {
		case name := <-found:
			names = append(names, name)
		case <-ctx.Done():
			t.Fatalf("Only %q came into the queue", names)
		}
	}
	slices.Sort(names)
	return names
}

func onTarget(target string) given.ExecutionOption {
	return func(wfe *v1alpha1.WorkflowExecution) {
		wfe.Status.Annotations = map[string]string{workflowexecution.CanonicalTargetAnnotation: target}
	}
}

// The end of an execution is told once, whatever it was; what was over before is known.
func TestOnEnd(t *testing.T) {
	running, ended := execution(given.Started(0)), over()
	for _, test := range []struct {
		name    string
		deliver func(cache.ResourceEventHandler)
		told    bool
	}{
		{"appears", func(h cache.ResourceEventHandler) { h.OnAdd(ended, true) }, false},
		{"ends", func(h cache.ResourceEventHandler) { h.OnUpdate(running, ended) }, true},
		{"goes on", func(h cache.ResourceEventHandler) { h.OnUpdate(running, running) }, false},
		{"was over before", func(h cache.ResourceEventHandler) { h.OnUpdate(ended, ended) }, false},
		{"is gone", func(h cache.ResourceEventHandler) { h.OnDelete(running) }, true},
		{"is gone, which was missed", func(h cache.ResourceEventHandler) {
			h.OnDelete(cache.DeletedFinalStateUnknown{Key: "payments/fix", Obj: running})
		}, true},
		{"is gone, nobody knows what", func(h cache.ResourceEventHandler) { h.OnDelete(cache.DeletedFinalStateUnknown{Key: "payments/fix"}) }, false},
		{"is none", func(h cache.ResourceEventHandler) { h.OnUpdate(&corev1.Pod{}, &corev1.Pod{}) }, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			told := 0
			test.deliver(onEnd(func(wfe *v1alpha1.WorkflowExecution) {
				if wfe.Name != "fix" {
					t.Errorf("Told of %s", wfe.Name)
				}
				told++
			}))
			if want := map[bool]int{true: 1}[test.told]; told != want {
				t.Errorf("Told %d times, want %d", told, want)
			}
		})
	}
}

func TestNameOf(t *testing.T) {
	for want, object := range map[string]any{
		given.LeaseName: given.FreeLease(),
		"missed":        cache.DeletedFinalStateUnknown{Key: "a/b", Obj: &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Name: "missed"}}},
		"":              "nothing",
	} {
		if got := nameOf(object); got != want {
			t.Errorf("nameOf(%v) = %q, want %q", object, got, want)
		}
	}
}

func TestHashOf(t *testing.T) {
	if got, want := hashOf(given.Run(execution())), v1alpha1.TargetHash(given.Target); got != want {
		t.Errorf("hashOf() = %q, want %q", got, want)
	}
	for _, object := range []any{given.Run(execution(), given.Unlabelled), cache.DeletedFinalStateUnknown{}} {
		if got := hashOf(object); got != "" {
			t.Errorf("hashOf(%v) = %q", object, got)
		}
	}
}

// Who leads from now on looks at every target: nothing else may ever wake its Lease, nor tell that it is
// missing while a run works.
func TestPromote(t *testing.T) {
	t.Setenv(system.NamespaceEnvKey, given.SystemNamespace)
	works := given.Run(execution(), given.Running(0))
	works.Labels[workflowexecution.TargetHashLabel] = v1alpha1.TargetHash(anotherTarget)
	listers := given.NewListers([]runtime.Object{given.FreeLease(), works})
	index, err := pipelinerun.NewIndex(listers.Indexers())
	if err != nil {
		t.Fatal(err)
	}
	r := &Reconciler{leases: listers.Leases().Leases(given.SystemNamespace), index: index}
	r.PromoteFunc = r.promote
	var enqueued []string
	err = r.Promote(reconciler.UniversalBucket(), func(_ reconciler.Bucket, name types.NamespacedName) {
		enqueued = append(enqueued, name.String())
	})
	want := []string{key, given.SystemNamespace + "/" + targetlock.LeaseName(anotherTarget)}
	if err != nil || !slices.Equal(enqueued, want) {
		t.Errorf("Promote() = %v and enqueued %q, want %q", err, enqueued, want)
	}
}
