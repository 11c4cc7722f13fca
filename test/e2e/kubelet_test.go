// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution"
	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/pkg/reconciler/pipelinerun/resources"
	"kubernaut.ai/workflowexecution/test/install"
	"kubernaut.ai/workflowexecution/test/processes"
)

// abandonedNode has nothing on it that other tests need: neither Tekton nor the product.
const abandonedNode = 3

// abandoned is an execution whose step works on a node that does not answer.
type abandoned struct {
	*v1alpha1.WorkflowExecution
	ending
}

// testKubeletStopped stops the kubelet of the node where executions work, and then ends them: their containers work
// on, and nobody kills them. Their targets stay locked until a person has decided, or the kubelet is back.
func testKubeletStopped(t *testing.T) {
	node := startNode(t, abandonedNode)
	record := processes.Watch(t.Context(), markVariable)
	namespace := newNamespace(t)
	stubborn, quick := push(t, "stubborn", stubbornTasks), push(t, "quick", quickTasks)
	start := func(name string, e ending) abandoned {
		return abandoned{startStubborn(t, record, namespace, name, stubborn, e), e}
	}

	uncordonOthers := cordonOthers(t, node)
	// The time of the last one begins when the others have started.
	deleted, lost, late := start("deleted", byDeletion), start("lost", byCancellation), start("late", byTimeout)
	// What follows, finally tasks and successors, runs where it can.
	cordon(t, node)
	uncordonOthers()

	kubelet := w.Cluster.Kubelet(node)
	t.Cleanup(func() { _ = kubelet.Resume() })
	if err := kubelet.Pause(); err != nil {
		t.Fatal(err)
	}
	deleted.end(t, deleted.WorkflowExecution)
	lost.end(t, lost.WorkflowExecution)
	for _, execution := range []abandoned{deleted, lost, late} {
		execution.expectToldOf(t, node)
		execution.expectLocked(t, record, quick)
	}
	lost.decide(t, record, quick)
	successor, _ := takeTarget(t, lost.WorkflowExecution, quick)
	lost.expectFreed(t, record, successor)

	if err := kubelet.Resume(); err != nil {
		t.Fatal(err)
	}
	t.Run("Back", func(t *testing.T) {
		for _, execution := range []abandoned{deleted, late} {
			t.Run(execution.Name, func(t *testing.T) {
				t.Parallel()
				execution.expectFreed(t, record, takeTargetInVain(t, execution.WorkflowExecution, quick))
			})
		}
	})
}

// decide does as the message tells a person: sees to it that nothing works there any more, then deletes the pod by
// force. The first alone frees nothing.
func (a abandoned) decide(t *testing.T, record *processes.Record, bundle string) {
	t.Helper()
	if err := processes.Kill(markVariable, markOf(a.WorkflowExecution), workingMark(a.WorkflowExecution)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the end of the step of "+a.Name, func(context.Context) (bool, error) {
		return !record.IsAlive(workingMark(a.WorkflowExecution)), nil
	})
	expectBusy(t, tryTarget(t, a.WorkflowExecution, bundle), a.WorkflowExecution)

	pods := w.Kube.CoreV1().Pods(install.ExecutionNamespace)
	all, err := pods.List(t.Context(), metav1.ListOptions{LabelSelector: resources.SelectChildren(a.UID)})
	if err != nil {
		t.Fatal(err)
	}
	for i := range all.Items {
		if all.Items[i].DeletionTimestamp == nil {
			continue
		}
		if err := pods.Delete(t.Context(), all.Items[i].Name, *metav1.NewDeleteOptions(0)); err != nil {
			t.Error(err)
		}
	}
}

// expectFreed waits for the end of the successor, when nobody has the target any more.
func (a abandoned) expectFreed(t *testing.T, record *processes.Record, successor *v1alpha1.WorkflowExecution) {
	t.Helper()
	expectSuccession(t, record, a.WorkflowExecution, successor, a.ending)
	if holder := holderOf(t, a.WorkflowExecution); holder != "" {
		t.Errorf("the target of %s is held by %q in the end", a.Name, holder)
	}
}

// expectToldOf waits until a person can read, in the condition and in an event, which pod and node keep the target
// locked and what to do.
func (a abandoned) expectToldOf(t *testing.T, node string) {
	t.Helper()
	told := func(message string) bool {
		return strings.Contains(message, "its target stays locked") && strings.Contains(message, "on node "+node) &&
			strings.Contains(message, "Nothing is heard of pod ")
	}
	await(t, a.WorkflowExecution, "word of the node", func(wfe *v1alpha1.WorkflowExecution) bool {
		condition := wfe.Status.GetCondition(v1alpha1.ConditionPipelineRunSucceeded)
		return condition.IsUnknown() && condition.GetReason() == v1alpha1.ReasonReleasing && told(condition.GetMessage())
	})
	eventually(t, "an event of "+a.Name, func(ctx context.Context) (bool, error) {
		events, err := w.Kube.CoreV1().Events(a.Namespace).List(ctx, metav1.ListOptions{FieldSelector: fields.Set{
			"involvedObject.name": a.Name, "reason": "TargetStaysLocked", "type": corev1.EventTypeWarning,
		}.String()})
		return err == nil && len(events.Items) > 0 && told(events.Items[0].Message), err
	})
}

// expectLocked makes sure that the execution works, has its target, and that no other one can have it.
func (a abandoned) expectLocked(t *testing.T, record *processes.Record, bundle string) {
	t.Helper()
	expectBusy(t, tryTarget(t, a.WorkflowExecution, bundle), a.WorkflowExecution)
	want := a.Namespace + "/" + a.Name + "/" + string(a.UID)
	if holder := holderOf(t, a.WorkflowExecution); holder != want {
		t.Errorf("the target of %s is held by %q, want %q", a.Name, holder, want)
	}
	if !record.IsAlive(workingMark(a.WorkflowExecution)) {
		t.Errorf("the step of %s has ended, though no kubelet was there to end it", a.Name)
	}
}

// holderOf is who holds the target of an execution, empty if nobody does.
func holderOf(t *testing.T, wfe *v1alpha1.WorkflowExecution) string {
	t.Helper()
	leases, err := w.Kube.CoordinationV1().Leases(install.SystemNamespace).List(t.Context(), metav1.ListOptions{LabelSelector: workflowexecution.LockLabel + "=" + workflowexecution.LockTarget})
	if err != nil {
		t.Fatal(err)
	}
	target := strings.Replace(wfe.Spec.TargetResource, "/deployment/", "/deployments.apps/", 1)
	for i := range leases.Items {
		lease := &leases.Items[i]
		if lease.Annotations[workflowexecution.TargetAnnotation] == target && lease.Spec.HolderIdentity != nil {
			return *lease.Spec.HolderIdentity
		}
	}
	return ""
}
