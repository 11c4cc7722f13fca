// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package pipelinerun

import (
	"context"
	"testing"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	tektonclient "github.com/tektoncd/pipeline/pkg/client/injection/client"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgotesting "k8s.io/client-go/testing"
	kubeclient "knative.dev/pkg/client/injection/kube/client"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	given "kubernaut.ai/workflowexecution/pkg/reconciler/testing"
)

// What was replaced meanwhile is another's, and stays.
func TestDeleteNothingOfAnother(t *testing.T) {
	earlier, another := given.Run(execution()), given.Run(execution(), given.Again)
	for name, remove := range map[string]func(context.Context, *Runs) error{
		"in the foreground": func(ctx context.Context, r *Runs) error { return r.DeleteForeground(ctx, earlier) },
		"unstarted": func(ctx context.Context, r *Runs) error {
			if err := r.DeleteUnstarted(ctx, earlier); !apierrors.IsConflict(err) {
				t.Errorf("Error %v, want a conflict", err)
			}
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, r := server(t, []runtime.Object{another})
			if err := remove(ctx, r); err != nil {
				t.Error(err)
			}
			if _, err := tektonclient.Get(ctx).TektonV1().PipelineRuns(another.Namespace).Get(ctx, another.Name, metav1.GetOptions{}); err != nil {
				t.Error("The other run has to stay:", err)
			}
		})
	}
}

func TestDeleteLeftoversLeavesAnotherPod(t *testing.T) {
	pod := given.Pod(given.Run(execution()), "drain")
	earlier := pod.DeepCopy()
	earlier.UID = "earlier"
	ctx, r := server(t, []runtime.Object{pod})
	if err := r.deleteLeftovers(ctx, Leftovers{pods: []*corev1.Pod{earlier}}); err != nil {
		t.Error(err)
	}
	if _, err := kubeclient.Get(ctx).CoreV1().Pods(pod.Namespace).Get(ctx, pod.Name, metav1.GetOptions{}); err != nil {
		t.Error("The other pod has to stay:", err)
	}
}

func TestDeleteForegroundLeavesTheRunUntilItsChildrenAreGone(t *testing.T) {
	run := given.Run(execution(), given.Running(0), given.Succeeded(0))
	var policy metav1.DeletionPropagation
	ctx, r := server(t, []runtime.Object{run}, func(action clientgotesting.Action) (bool, runtime.Object, error) {
		if deletion, ok := action.(clientgotesting.DeleteActionImpl); ok && deletion.DeleteOptions.PropagationPolicy != nil {
			policy = *deletion.DeleteOptions.PropagationPolicy
		}
		return false, nil, nil
	})
	if err := r.DeleteForeground(ctx, run); err != nil {
		t.Error(err)
	}
	if policy != metav1.DeletePropagationForeground {
		t.Errorf("Deleted by policy %q, want it in the foreground", policy)
	}
}

func TestDeleteUnstartedLeavesWhatStarted(t *testing.T) {
	run := given.Run(execution(), given.NotPending)
	ctx, r := server(t, []runtime.Object{run})
	if err := r.DeleteUnstarted(ctx, run); err == nil {
		t.Error("No error for a run that was started")
	}
	if live, err := r.again(ctx, run); live == nil {
		t.Error("The run has to stay:", err)
	}
}

// Somebody may have started it, and deleted it after it worked.
func TestDeleteUnstartedSaysNothingOfWhatIsGone(t *testing.T) {
	ctx, r := server(t, nil)
	if err := r.DeleteUnstarted(ctx, given.Run(execution())); !apierrors.IsNotFound(err) {
		t.Errorf("DeleteUnstarted() = %v, want that it was not found", err)
	}
}

// Tekton refuses to cancel what has ended. Any other refusal is an error.
func TestCancelRefused(t *testing.T) {
	works := given.Run(execution(), given.Running(0))
	refused := given.Refuse("patch", "pipelineruns", apierrors.NewBadRequest("no"))
	for _, test := range []struct {
		name      string
		live      *tektonv1.PipelineRun
		reactions []clientgotesting.ReactionFunc
		fails     bool
	}{
		{name: "for a run that has ended", live: given.Run(execution(), given.Running(0), given.Succeeded(0))},
		{name: "for a run whose name another has", live: given.Run(execution(), given.Again, given.Running(0))},
		{name: "for a run that is gone"},
		{name: "for a run that works", live: works, fails: true},
		{
			name: "for a run that cannot be read", live: works, fails: true,
			reactions: []clientgotesting.ReactionFunc{given.Refuse("get", "pipelineruns", apierrors.NewInternalError(context.Canceled))},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			var objects []runtime.Object
			if test.live != nil {
				objects = append(objects, test.live)
			}
			ctx, r := server(t, objects, append(test.reactions, refused)...)
			if err := r.cancel(ctx, works, v1alpha1.FailureCancelled, tektonv1.PipelineRunSpecStatusCancelled); (err != nil) != test.fails {
				t.Errorf("cancel() = %v, want an error: %t", err, test.fails)
			}
		})
	}
}
