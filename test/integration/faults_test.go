// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/test/cluster"
	"kubernaut.ai/workflowexecution/test/install"
)

const (
	faultExecutions = 20
	faultTargets    = 4
	faultNamespaces = 2
	faultRate       = 0.1
	faultSeed       = 20261124

	lagExecutions = 8
	lag           = 3 * time.Second
)

// One call in ten fails, in every way in which a call can.
func TestCallsThatFail(t *testing.T) {
	proxy := newFaultProxy(t)
	replace(t, 1, install.Alone, through(t, proxy))
	s := newStorm(t, faultExecutions, faultTargets, faultNamespaces)
	t.Logf("seed %d", faultSeed)
	proxy.Inject(install.Chaos{Seed: faultSeed, Rate: faultRate, Faults: []install.Fault{
		// Fewer calls can meet a conflict than any other fault.
		install.Conflict, install.Conflict, install.Conflict,
		install.TooManyRequests, install.ServerError, install.Closed, install.AnswerLost,
	}})
	s.chase(t)
	s.submit(t)
	s.awaitEnd(t)
	injected, total := proxy.Calm(), 0
	for _, count := range injected {
		total += count
	}
	t.Logf("injected: %v", injected)
	if total < faultExecutions {
		t.Errorf("%d faults are too few to prove anything", total)
	}
	s.expectSound(t)
}

// A cache that lags behind shows a world that has gone, and only what is read at the API server can be
// trusted.
func TestWatchesThatLag(t *testing.T) {
	proxy := newFaultProxy(t)
	replace(t, 1, install.Alone, through(t, proxy))
	for _, resource := range []string{"workflowexecutions", "pipelineruns", "pods", "leases", install.AllResources} {
		t.Run(resource, func(t *testing.T) {
			s := newStorm(t, lagExecutions, faultTargets, faultNamespaces)
			// Before the storm is cleaned up: that is no part of the test.
			t.Cleanup(func() { proxy.Lag(resource, 0) })
			proxy.Lag(resource, lag)
			s.submit(t)
			s.awaitEnd(t)
			s.expectSound(t)
		})
	}
}

func TestAPIServerRestartInAStorm(t *testing.T) {
	s := newStorm(t, faultExecutions, faultTargets, faultNamespaces)
	s.submit(t)
	err := poll(t, func(context.Context) (bool, error) {
		for uid := range s.created {
			if len(s.Spans(uid)) > 0 {
				return true, nil
			}
		}
		return false, nil
	})
	must(t, err)
	must(t, world.Cluster.RestartAPIServer(t.Context()))
	s.restarted = true
	s.awaitEnd(t)
	s.expectSound(t)
}

// expectPhase knows that an API server answers before it has read who may do what. Tekton takes the refusal of a call
// of its own for a mistake in the task, whose pod is never made then.
func (s *storm) expectPhase(t *testing.T, wfe *v1alpha1.WorkflowExecution) {
	t.Helper()
	details := wfe.Status.FailureDetails
	if s.restarted && details != nil && strings.Contains(details.Message, tektonIsForbidden) && len(s.Spans(wfe.UID)) == 0 {
		return
	}
	expect(t, "phase of "+outcome(wfe), s.repairs[wfe.Spec.WorkflowRef.WorkflowID].ends, wfe.Status.Phase)
}

const tektonIsForbidden = `is forbidden: User "system:serviceaccount:tekton-pipelines:tekton-pipelines-controller" cannot`

const executionLabel = "kubernaut.ai/workflow-execution"

// awaitNoRuns asks once for all runs: hundreds of questions would wait for each other.
func (s *storm) awaitNoRuns(ctx context.Context) error {
	var left []string
	err := pollUntil(ctx, func(ctx context.Context) (bool, error) {
		list, err := world.Tekton.TektonV1().PipelineRuns(install.ExecutionNamespace).List(ctx, metav1.ListOptions{LabelSelector: executionLabel})
		if err != nil {
			return false, err
		}
		left = nil
		for i := range list.Items {
			if run := &list.Items[i]; s.created[types.UID(run.Labels[executionLabel])] != nil {
				left = append(left, run.Name)
			}
		}
		return len(left) == 0, nil
	})
	if err != nil {
		return fmt.Errorf("runs that do not go: %v: %w", left, err)
	}
	return nil
}

// accident is what happens to the holder of a target or to its Lease while its run works.
type accident struct {
	*court

	namespace, elsewhere string
	holder               *v1alpha1.WorkflowExecution
	quick                string
}

// newAccident brings an execution to where a step of it works, which ignores termination for a while.
// It is in a namespace of its own, so that that one can be deleted.
func newAccident(t *testing.T) *accident {
	t.Helper()
	a := &accident{court: observe(t), namespace: newNamespace(t), elsewhere: newNamespace(t)}
	slow, _ := workflow{finally: []string{"uncordon"}, simulate: map[string]string{
		cluster.ForTask(cluster.AnnotationStepDuration, "prepare"): "4s",
		cluster.ForTask(cluster.AnnotationDieAfter, "prepare"):     "2s",
	}}.push(t, bundle(t, "accident"))
	a.quick, _ = workflow{tasks: []string{"repair"}}.push(t, bundle(t, "accident-quick"))
	a.holder = a.submit(t, newExecution(a.namespace, "holder", slow, withTarget(a.target())))
	a.holder = awaitPhase(t, a.holder, v1alpha1.PhaseRunning)
	awaitStep(t, a.holder)
	return a
}

func (a *accident) target() string { return a.elsewhere + "/deployment/api" }

// rival comes from elsewhere for the same target, with another workflow.
func (a *accident) rival(t *testing.T, name string) *v1alpha1.WorkflowExecution {
	t.Helper()
	return awaitTerminal(t, a.submitRival(t, name))
}

func (a *accident) submitRival(t *testing.T, name string) *v1alpha1.WorkflowExecution {
	t.Helper()
	return a.submit(t, newExecution(a.elsewhere, name, a.quick, withTarget(a.target()), withWorkflow("other")))
}

// expectRefused checks that a rival is told who has the target.
func (a *accident) expectRefused(t *testing.T, name string) {
	t.Helper()
	rival := a.rival(t, name)
	expect(t, "outcome of the rival", "other Skipped ResourceBusy", outcome(rival))
	if skip := rival.Status.SkipDetails; skip != nil && skip.ConflictingWorkflow != nil {
		expect(t, "holder", a.holder.Namespace+"/"+a.holder.Name, skip.ConflictingWorkflow.Namespace+"/"+skip.ConflictingWorkflow.Name)
	}
}

// expectEnd checks that the target becomes free without anybody asking for it, and stays usable.
func (a *accident) expectEnd(t *testing.T) {
	t.Helper()
	awaitFree(t, a.holder)
	expect(t, "outcome of the next one", "other Completed", outcome(a.rival(t, "next")))
	a.catchUp(t)
	held := a.tenures(a.holder)
	for _, span := range a.Spans(a.holder.UID) {
		if len(held) == 0 || span.Until >= held[len(held)-1].Until {
			t.Errorf("%s, but its execution held the target %v", span, held)
		}
	}
}

func (a *accident) changeLease(t *testing.T, patch string) {
	t.Helper()
	_, err := world.Kube.CoordinationV1().Leases(install.SystemNamespace).Patch(t.Context(), leaseName(a.holder),
		types.MergePatchType, []byte(patch), metav1.PatchOptions{})
	must(t, err)
}

// The run of an execution that is gone is ended, in the way of a deletion, and does not stay.
func TestFinalizerRemovedByForce(t *testing.T) {
	t.Parallel()
	a := newAccident(t)
	removeWithoutFinalizer(t, a.holder)
	awaitNoRun(t, a.holder)
	a.expectEnd(t)
}

func TestHolderDeleted(t *testing.T) {
	t.Parallel()
	a := newAccident(t)
	deleteExecution(t, a.holder)
	a.expectRefused(t, "rival")
	a.expectGone(t)
}

func TestNamespaceOfTheHolderDeleted(t *testing.T) {
	t.Parallel()
	a := newAccident(t)
	must(t, world.Kube.CoreV1().Namespaces().Delete(t.Context(), a.namespace, metav1.DeleteOptions{}))
	a.expectRefused(t, "rival")
	a.expectGone(t)
}

// expectGone is the end of an accident that takes the holder away.
func (a *accident) expectGone(t *testing.T) {
	t.Helper()
	awaitNoExecution(t, a.holder)
	awaitNoRun(t, a.holder)
	a.expectEnd(t)
}

// Whoever deletes a Lease does not free its target: what works there counts.
func TestLeaseDeletedByHand(t *testing.T) {
	t.Parallel()
	a := newAccident(t)
	must(t, world.Kube.CoordinationV1().Leases(install.SystemNamespace).Delete(t.Context(), leaseName(a.holder), metav1.DeleteOptions{}))
	a.expectRefused(t, "rival")
	err := poll(t, func(context.Context) (bool, error) { return holderOf(t, a.holder) == identity(a.holder), nil })
	if err != nil {
		t.Errorf("the Lease does not come back; its holder is %q", holderOf(t, a.holder))
	}
	a.expectRefused(t, "rival-of-the-new-lease")
	awaitPhase(t, a.holder, v1alpha1.PhaseCompleted)
	a.expectEnd(t)
}

// Whatever somebody writes into a Lease, nobody runs beside the run that works there.
func TestLeaseEditedByHand(t *testing.T) {
	t.Parallel()
	accidents := map[string]*accident{}
	for name, identity := range map[string]string{
		"garbage":           `"somebody"`,
		"nobody":            `null`,
		"empty":             `""`,
		"an execution":      `"default/no-such-execution/b5f0bb4b-70cb-4f6b-9e02-3d4f9d2c6a11"`,
		"another execution": `"default/holder/b5f0bb4b-70cb-4f6b-9e02-3d4f9d2c6a12"`,
	} {
		accidents[name] = newAccident(t)
		accidents[name].changeLease(t, `{"spec":{"holderIdentity":`+identity+`}}`)
		accidents[name].submitRival(t, "rival")
	}
	for name, a := range accidents {
		t.Run(name, func(t *testing.T) {
			holder := awaitTerminal(t, a.holder)
			rival, err := world.Executions.KubernautV1alpha1().WorkflowExecutions(a.elsewhere).Get(t.Context(), "rival", metav1.GetOptions{})
			must(t, err)
			expect(t, "outcome of the holder", "repair Completed", outcome(holder))
			expect(t, "outcome of the rival", "other Skipped ResourceBusy", outcome(rival))
			awaitFree(t, holder)
			expect(t, "number of runs of the holder", 1, len(runsOf(t, holder)))
			a.repair(t, rival)
		})
	}
}

// repair is what a person does in the end; nothing is to be left that others would have to wait for.
func (a *accident) repair(t *testing.T, rival *v1alpha1.WorkflowExecution) {
	t.Helper()
	err := world.Kube.CoordinationV1().Leases(install.SystemNamespace).Delete(t.Context(), leaseName(rival), metav1.DeleteOptions{})
	if !apierrors.IsNotFound(err) {
		must(t, err)
	}
	deleteExecution(t, rival)
	awaitNoExecution(t, rival)
}
