// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package pipelinerun

import (
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/client-go/tools/cache"

	given "kubernaut.ai/workflowexecution/pkg/reconciler/testing"
)

func uidsOf(pods []corev1.Pod) string {
	var uids []string
	for i := range pods {
		uids = append(uids, string(pods[i].UID))
	}
	return strings.Join(uids, " ")
}

func withUID(uid string) func(*corev1.Pod) {
	return func(pod *corev1.Pod) { pod.UID = types.UID(uid) }
}

func indexOf(t *testing.T, objects ...runtime.Object) *Index {
	t.Helper()
	listers := given.NewListers(objects)
	index, err := NewIndex(listers.Indexers())
	if err != nil {
		t.Fatal(err)
	}
	return index
}

// A pod that is there is what it is, whatever is remembered of it; one that went is what it was. What was missed of a
// pod's life, or may come yet, makes its copy outdated.
func TestPodsThatAreAndThatWere(t *testing.T) {
	run := given.Run(execution())
	deletedPods := NewDeletedPods()
	deletedPods.Remember(given.Pod(run, "drain", withUID("gone")))
	deletedPods.Remember(cache.DeletedFinalStateUnknown{Obj: given.Pod(run, "drain", withUID("missed"))})
	deletedPods.Remember(given.Pod(run, "drain", withUID("live"), given.PodEnded))
	deletedPods.Remember(given.Pod(given.Run(execution(), given.Again), "drain", withUID("another run's")))
	deletedPods.Remember(given.Pod(run, "drain", withUID("well"), func(pod *corev1.Pod) { pod.Status.Phase = corev1.PodSucceeded }))
	deletedPods.Remember("no pod")
	ctx, r := server(t, []runtime.Object{given.Pod(run, "drain", withUID("live"))})
	cached := indexOf(t,
		given.Pod(run, "drain", withUID("live"), given.PodEnded),
		given.Pod(run, "evict", withUID("gone"), given.PodEnded),
		given.Pod(run, "check", withUID("cached")),
		given.Pod(given.Run(execution(), given.Again), "drain", withUID("another run's")),
	)
	pods, outdated, err := r.SourcesOf(refTo(run, run.UID), cached, deletedPods).Pods(ctx)
	if got := uidsOf(pods); err != nil || got != "live gone missed cached" {
		t.Errorf("Pods() = %q, %v", got, err)
	}
	if want := sets.New[types.UID]("missed", "cached"); !outdated.Equal(want) {
		t.Errorf("Outdated are %v, want %v", outdated, want)
	}
	if pods[0].Status.ContainerStatuses[0].State.Running == nil {
		t.Error("What is remembered hides what is")
	}
}

func TestDeletedPodsAreBounded(t *testing.T) {
	deletedPods := NewDeletedPods()
	for run := range maxRememberedRuns + 1 {
		for i := range maxDeletedPods + 1 {
			pod := given.Pod(given.Run(execution()), "drain", withUID(fmt.Sprint(i)))
			pod.Labels["tekton.dev/pipelineRunUID"] = fmt.Sprint(run)
			deletedPods.Remember(pod)
		}
	}
	if n := len(deletedPods.podsOf("1")); n != maxDeletedPods {
		t.Errorf("%d pods of one run", n)
	}
	if n := len(deletedPods.podsOf("0")); n != 0 {
		t.Errorf("%d pods of the run that was the first of too many", n)
	}
}

func TestLog(t *testing.T) {
	ctx, r := server(t, nil)
	log, err := r.SourcesOf(refTo(given.Run(execution()), ""), nil, nil).Log(ctx, "a", "b", "step-main", 50)
	if log != "fake logs" || err != nil {
		t.Errorf("Log() = %q, %v", log, err)
	}
}

func TestLastBytes(t *testing.T) {
	var end lastBytes
	for i := range 100_000 {
		_, _ = fmt.Fprintf(&end, "%d\n", i)
	}
	if len(end) > maxLogBytes || !strings.HasSuffix(string(end), "\n99998\n99999\n") {
		t.Errorf("%d bytes, the last %q", len(end), end[len(end)-20:])
	}
}
