// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package observer

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
)

// The labels by which the pods of an execution are known. They are part of what people rely on, so
// they are written out here and not taken from the product.
const (
	executionLabel = "kubernaut.ai/workflow-execution"
	targetLabel    = "kubernaut.ai/target"
)

// Span is a time, in revisions of the store, in which something of a pod could work.
type Span struct {
	Pod string
	// Execution is the UID of the execution that the pod belongs to, empty if its label does not say.
	Execution types.UID
	// Target is what the pod's label says, a hash; empty if there is none.
	Target string
	// From is the first revision of the span, Until the first one after it.
	From, Until uint64
}

func (s Span) String() string {
	until := "now"
	if s.Until != math.MaxUint64 {
		until = fmt.Sprint(s.Until)
	}
	return fmt.Sprintf("pod %s of execution %s, revisions %d to %s", s.Pod, s.Execution, s.From, until)
}

// Overlap is a time in which something of two executions could work on one target.
type Overlap struct {
	First, Second Span
}

func (o Overlap) String() string {
	return fmt.Sprintf("%s; and %s", o.First, o.Second)
}

// Judge turns the history of pods into spans. The zero value is ready; it is not safe for concurrent
// use.
type Judge struct {
	spans []Span
	open  map[types.UID]int
}

// Observe takes the next change of a pod, in the order of revisions.
func (j *Judge) Observe(revision uint64, pod *corev1.Pod, deleted bool) {
	index, isOpen := j.open[pod.UID]
	// A pod that vanished while a container ran was deleted by force: nobody has seen it end.
	working := couldWork(pod) && (!deleted || isRunning(pod))
	switch {
	case working && !isOpen:
		j.begin(revision, pod)
	case !working && isOpen:
		j.spans[index].Until = revision
		delete(j.open, pod.UID)
	case isOpen:
		// Labels may come late, or be taken away; the first word counts.
		j.spans[index].Execution = cmp.Or(j.spans[index].Execution, types.UID(pod.Labels[executionLabel]))
		j.spans[index].Target = cmp.Or(j.spans[index].Target, pod.Labels[targetLabel])
	}
}

func (j *Judge) begin(revision uint64, pod *corev1.Pod) {
	if j.open == nil {
		j.open = map[types.UID]int{}
	}
	j.open[pod.UID] = len(j.spans)
	j.spans = append(j.spans, Span{
		Pod: pod.Name, Execution: types.UID(pod.Labels[executionLabel]), Target: pod.Labels[targetLabel],
		From: revision, Until: math.MaxUint64,
	})
}

// Spans are those of one execution.
func (j *Judge) Spans(execution types.UID) []Span {
	var spans []Span
	for _, span := range j.spans {
		if span.Execution == execution {
			spans = append(spans, span)
		}
	}
	return spans
}

// Overlaps are all that there were. What targets says of an execution counts beside the labels of its
// pods: two spans are on one target if either says so.
func (j *Judge) Overlaps(targets map[types.UID]string) []Overlap {
	spans := slices.SortedStableFunc(slices.Values(j.spans), func(a, b Span) int { return cmp.Compare(a.From, b.From) })
	var overlaps []Overlap
	for i, first := range spans {
		for _, second := range spans[i+1:] {
			if second.From >= first.Until {
				break
			}
			if first.Execution != second.Execution && onOneTarget(first, second, targets) {
				overlaps = append(overlaps, Overlap{First: first, Second: second})
			}
		}
	}
	return overlaps
}

func onOneTarget(a, b Span, targets map[types.UID]string) bool {
	given := targets[a.Execution] != "" && targets[a.Execution] == targets[b.Execution]
	return given || a.Target != "" && a.Target == b.Target
}

// Strays are the spans of pods that no label gives to an execution.
func (j *Judge) Strays() []Span { return j.Spans("") }
