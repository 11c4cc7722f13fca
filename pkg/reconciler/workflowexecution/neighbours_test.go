// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package workflowexecution

import (
	"fmt"
	"testing"
	"time"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution"
	given "kubernaut.ai/workflowexecution/pkg/reconciler/testing"
)

// Tekton counts a run as done before its children are, and forgets some of them. A rerun has ended so; the pod of its TaskRun
// is yet to come.
func TestNoStartBesideATaskRunOfAnEndedRerun(t *testing.T) {
	rerun := stray(other(), given.Running(time.Minute), given.Failed(0, tektonv1.PipelineRunReasonCancelled))
	for name, child := range map[string]runtime.Object{
		"TaskRun without a pod yet": given.TaskRun(rerun, "drain"), "CustomRun": given.CustomRun(rerun, "drain"),
	} {
		s := scene{
			cached: []runtime.Object{execution(given.RunCreated), given.Run(execution()), given.LockLease(execution(), 0), rerun},
			live:   []runtime.Object{child},
		}.play(t)
		if s.starts() {
			t.Errorf("%s of a run that is not ours works on the target, and ours is started", name)
		}
	}
}

// The same at the release: a pipeline in the pipeline is done, its TaskRun is not.
func TestTaskRunOfAPipelineInThePipelineKeepsTheTarget(t *testing.T) {
	child := stray(execution(), given.Running(time.Minute), given.Failed(0, tektonv1.PipelineRunReasonCancelled))
	s := scene{
		cached: []runtime.Object{endedWell(), succeeded(), given.LockLease(execution(), time.Minute), child},
		live:   []runtime.Object{given.TaskRun(child, "drain")},
	}.play(t)
	if s.status != nil && s.status.Status.IsTerminal() {
		t.Errorf("phase %s, target freed: %q", s.status.Status.Phase, s.leases)
	}
}

// The rest of a child pipeline is one pod, on a node that does not answer. A person is told to delete it by force; "the target
// is freed by itself". Nothing wakes the execution then: it tracks its own run only, and the pod has the name of the other.
func TestPodOfAPipelineInThePipelineIsLookedAtAgain(t *testing.T) {
	child := stray(execution(), given.Running(time.Minute), given.Succeeded(0))
	pod := given.Pod(child, "drain", given.PodDeletedAgo(10*time.Minute))
	pod.Spec.NodeName = "worker-1"
	s := scene{cached: []runtime.Object{endedWell(), succeeded(), given.LockLease(execution(), time.Minute), child, pod}}.play(t)
	if tracked := runName; s.again == 0 && runOf(pod).Name != tracked {
		t.Errorf("no other look is asked for, and the pod wakes who tracks %s, not %s; locked until the resync", runOf(pod).Name, tracked)
	}
}

// Somebody has removed an annotation of the pending run of an execution. It takes its own run for another's work.
func TestOwnRunThatLostAnAnnotationIsNoOthersWork(t *testing.T) {
	own := given.Run(execution(), given.Without(workflowexecution.ExecutionUIDAnnotation))
	s := scene{cached: []runtime.Object{execution(given.RunCreated), own, given.LockLease(execution(), 0)}}.play(t)
	if s.status != nil && s.status.Status.SkipDetails != nil {
		t.Errorf("skipped: %s (and the lock of its target: %q)", s.status.Status.SkipDetails.Message, s.leases)
	}
}

var _ = corev1.Pod{}

// What is left of a child pipeline, or of a rerun, is listed in the order of a cache, which is none. Each other order is another
// message, another write of the status, another Warning, and the write brings the next reconcile at once.
func TestLeftoversHaveAnOrder(t *testing.T) {
	child := stray(execution(), given.Running(time.Minute), given.Succeeded(0))
	objects := []runtime.Object{succeeded(), given.LockLease(execution(), time.Minute), child}
	for i := range 5 {
		pod := given.Pod(child, fmt.Sprintf("drain-%d", i), given.PodDeletedAgo(10*time.Minute))
		pod.Spec.NodeName = "worker-1"
		objects = append(objects, pod)
	}
	wfe, writes, warnings := endedWell(), 0, 0
	for range 20 {
		s := scene{cached: append([]runtime.Object{wfe}, objects...)}.play(t)
		if s.status != nil {
			wfe, writes = s.status, writes+1
		}
		warnings += len(s.events)
	}
	if writes > 1 {
		t.Errorf("%d of 20 reconciles of one and the same state write the status, and record %d events", writes, warnings)
	}
}

// The same of a deleted execution: its finalizer stays until the resync.
func TestPodOfAPipelineInADeletedPipelineIsLookedAtAgain(t *testing.T) {
	child := stray(execution(), given.Running(time.Minute), given.Succeeded(0))
	pod := given.Pod(child, "drain", given.PodDeletedAgo(10*time.Minute))
	pod.Spec.NodeName = "worker-1"
	wfe := endedWell()
	given.Deleted(time.Minute)(wfe)
	s := scene{cached: []runtime.Object{wfe, given.LockLease(execution(), time.Minute), child, pod}}.play(t)
	if s.again == 0 && s.err == nil {
		t.Error("no other look is asked for; execution and target stay until the resync")
	}
}

// Somebody has copied the pending run. The copy is as inert as the run, and is deleted a second later.
func TestPendingCopyOfARunIsNoOthersWork(t *testing.T) {
	s := scene{cached: []runtime.Object{execution(given.RunCreated), given.Run(execution()), stray(execution()), given.LockLease(execution(), 0)}}.play(t)
	if s.status != nil && s.status.Status.SkipDetails != nil {
		t.Error(s.status.Status.SkipDetails.Message)
	}
}
