// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package observer

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// moment is one entry of a made-up history; its place in the history is its revision, from 1.
type moment struct {
	pod     *corev1.Pod
	deleted bool
}

type trait func(*corev1.Pod)

func pod(name, execution, target string, changes ...trait) *corev1.Pod {
	p := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, UID: types.UID(name), Labels: map[string]string{}},
		Spec:       corev1.PodSpec{RestartPolicy: corev1.RestartPolicyNever, Containers: []corev1.Container{{Name: "a"}, {Name: "b"}}},
		Status:     corev1.PodStatus{Phase: corev1.PodPending},
	}
	if execution != "" {
		p.Labels[executionLabel] = execution
	}
	if target != "" {
		p.Labels[targetLabel] = target
	}
	for _, apply := range changes {
		apply(p)
	}
	return p
}

func bound(p *corev1.Pod) { p.Spec.NodeName = "node" }

func phase(phase corev1.PodPhase) trait {
	return func(p *corev1.Pod) { p.Status.Phase = phase }
}

func running(container string) trait {
	return func(p *corev1.Pod) {
		p.Status.ContainerStatuses = append(p.Status.ContainerStatuses, corev1.ContainerStatus{
			Name: container, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}},
		})
	}
}

func ended(container string) trait {
	return func(p *corev1.Pod) {
		p.Status.ContainerStatuses = append(p.Status.ContainerStatuses, corev1.ContainerStatus{
			Name: container, State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{}},
		})
	}
}

func judged(moments ...moment) *Judge {
	j := &Judge{}
	for i, m := range moments {
		j.Observe(uint64(i+1), m.pod, m.deleted)
	}
	return j
}

func TestWhatCouldWork(t *testing.T) {
	for name, row := range map[string]struct {
		pod  *corev1.Pod
		want bool
	}{
		"never got a node":                            {pod("p", "e", "t"), false},
		"has a node, nothing known yet":               {pod("p", "e", "t", bound), true},
		"one container runs":                          {pod("p", "e", "t", bound, running("a"), ended("b")), true},
		"one container is not mentioned":              {pod("p", "e", "t", bound, ended("a")), true},
		"all containers ended, phase not settled":     {pod("p", "e", "t", bound, phase(corev1.PodRunning), ended("a"), ended("b")), false},
		"ended, but the node starts them again":       {pod("p", "e", "t", bound, ended("a"), ended("b"), restarts), true},
		"failed before any container was made":        {pod("p", "e", "t", bound, phase(corev1.PodFailed)), false},
		"phase failed, though a container still runs": {pod("p", "e", "t", bound, phase(corev1.PodFailed), running("a")), true},
		"an init container has not ended":             {pod("p", "e", "t", bound, ended("a"), ended("b"), withInit), true},
		"a debug container runs":                      {pod("p", "e", "t", bound, ended("a"), ended("b"), debugged), true},
	} {
		t.Run(name, func(t *testing.T) {
			if got := couldWork(row.pod); got != row.want {
				t.Errorf("got %t, want %t", got, row.want)
			}
		})
	}
}

func restarts(p *corev1.Pod) { p.Spec.RestartPolicy = corev1.RestartPolicyAlways }

func withInit(p *corev1.Pod) { p.Spec.InitContainers = []corev1.Container{{Name: "init"}} }

func debugged(p *corev1.Pod) {
	p.Status.EphemeralContainerStatuses = []corev1.ContainerStatus{{
		Name: "debug", State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}},
	}}
}

func TestJudge(t *testing.T) {
	works := func(name, execution, target string) moment {
		return moment{pod: pod(name, execution, target, bound, running("a"), running("b"))}
	}
	dead := func(name, execution, target string) moment {
		return moment{pod: pod(name, execution, target, bound, ended("a"), ended("b"))}
	}
	for name, row := range map[string]struct {
		history []moment
		targets map[types.UID]string
		want    []string
	}{
		"one after the other": {
			history: []moment{works("p1", "1", "t"), dead("p1", "1", "t"), works("p2", "2", "t")},
		},
		"both at once": {
			history: []moment{works("p1", "1", "t"), works("p2", "2", "t"), dead("p1", "1", "t")},
			want:    []string{"p1+p2"},
		},
		"one container of the first is left": {
			history: []moment{
				works("p1", "1", "t"),
				{pod: pod("p1", "1", "t", bound, running("a"), ended("b"))},
				works("p2", "2", "t"),
				dead("p1", "1", "t"),
			},
			want: []string{"p1+p2"},
		},
		"the first ended in the revision in which the second began": {
			history: []moment{works("p1", "1", "t"), {pod: pod("p1", "1", "t", bound, ended("a"), ended("b"))}, works("p2", "2", "t")},
		},
		"two pods of one execution": {
			history: []moment{works("p1", "1", "t"), works("p2", "1", "t")},
		},
		"two targets": {
			history: []moment{works("p1", "1", "t"), works("p2", "2", "u")},
		},
		"labels differ, but the test knows better": {
			history: []moment{works("p1", "1", "t"), works("p2", "2", "u")},
			targets: map[types.UID]string{"1": "same", "2": "same"},
			want:    []string{"p1+p2"},
		},
		"no label of a target": {
			history: []moment{works("p1", "1", ""), works("p2", "2", "")},
		},
		"the second has no label of an execution": {
			history: []moment{works("p1", "1", "t"), works("p2", "", "t")},
			want:    []string{"p1+p2"},
		},
		"the label of the execution is taken away while it works": {
			history: []moment{works("p1", "1", "t"), works("p1", "", ""), works("p2", "2", "t")},
			want:    []string{"p1+p2"},
		},
		"the second waits for a node": {
			history: []moment{works("p1", "1", "t"), {pod: pod("p2", "2", "t")}},
		},
		"the second has a node and has not begun": {
			history: []moment{works("p1", "1", "t"), {pod: pod("p2", "2", "t", bound)}},
			want:    []string{"p1+p2"},
		},
		"the first is deleted after its end": {
			history: []moment{works("p1", "1", "t"), dead("p1", "1", "t"), {pod: dead("p1", "1", "t").pod, deleted: true}, works("p2", "2", "t")},
		},
		"the first is deleted before it began": {
			history: []moment{
				{pod: pod("p1", "1", "t", bound)},
				{pod: pod("p1", "1", "t", bound), deleted: true},
				works("p2", "2", "t"),
			},
		},
		"the first is deleted by force": {
			history: []moment{works("p1", "1", "t"), {pod: works("p1", "1", "t").pod, deleted: true}, works("p2", "2", "t")},
			want:    []string{"p1+p2"},
		},
		"a long one overlaps with several": {
			history: []moment{works("p1", "1", "t"), works("p2", "2", "t"), dead("p2", "2", "t"), works("p3", "3", "t")},
			want:    []string{"p1+p2", "p1+p3"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, overlap := range judged(row.history...).Overlaps(row.targets) {
				got = append(got, overlap.First.Pod+"+"+overlap.Second.Pod)
			}
			if diff := cmp.Diff(row.want, got); diff != "" {
				t.Errorf("overlaps (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSpans(t *testing.T) {
	j := judged(
		moment{pod: pod("p1", "1", "t")},
		moment{pod: pod("p1", "1", "t", bound)},
		moment{pod: pod("p2", "", "")},
		moment{pod: pod("p1", "1", "t", bound, ended("a"), ended("b"))},
		moment{pod: pod("p2", "", "", bound)},
	)
	if diff := cmp.Diff([]Span{{Pod: "p1", Execution: "1", Target: "t", From: 2, Until: 4}}, j.Spans("1")); diff != "" {
		t.Errorf("spans (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]Span{{Pod: "p2", From: 5, Until: math.MaxUint64}}, j.Strays()); diff != "" {
		t.Errorf("strays (-want +got):\n%s", diff)
	}
}
