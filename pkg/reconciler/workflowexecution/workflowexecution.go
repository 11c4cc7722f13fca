// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

// Package workflowexecution carries one WorkflowExecution from its creation to its terminal phase.
package workflowexecution

import (
	"context"
	"errors"
	"time"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	tektonclientset "github.com/tektoncd/pipeline/pkg/client/clientset/versioned"
	tektonlisters "github.com/tektoncd/pipeline/pkg/client/listers/pipeline/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/utils/clock"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/logging"
	"knative.dev/pkg/reconciler"
	"knative.dev/pkg/tracker"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/pkg/audit"
	"kubernaut.ai/workflowexecution/pkg/client/clientset/versioned"
	reconcilerv1alpha1 "kubernaut.ai/workflowexecution/pkg/client/injection/reconciler/workflowexecution/v1alpha1/workflowexecution"
	"kubernaut.ai/workflowexecution/pkg/reconciler/pipelinerun"
	"kubernaut.ai/workflowexecution/pkg/reconciler/takeover"
	"kubernaut.ai/workflowexecution/pkg/targetlock"
)

// Locks is what the reconciler needs of targetlock.Store.
type Locks interface {
	Look(ctx context.Context, target string) (*targetlock.Lock, error)
	Take(context.Context, *targetlock.Lock, targetlock.Claim) error
	MayStart(context.Context, targetlock.Claim) (bool, error)
	Fence(context.Context, targetlock.Claim) error
	Release(context.Context, targetlock.Claim, *targetlock.Outcome, targetlock.Policy) (targetlock.Released, error)
	Lift(ctx context.Context, claim targetlock.Claim, cleared bool) (lifted bool, err error)
}

// Targets is what the reconciler needs of targetlock.Resolver.
type Targets interface {
	Canonical(v1alpha1.Target) (string, error)
}

// Reconciler carries executions through their phases. Listers read; clients write, and read where a
// cache may not be trusted.
type Reconciler struct {
	executions versioned.Interface
	tekton     tektonclientset.Interface

	// The listers know our PipelineRuns in the execution namespace, and their pods.
	runLister    tektonlisters.PipelineRunLister
	index        *pipelinerun.Index
	deletedPods  *pipelinerun.DeletedPods
	deletedRuns  *pipelinerun.DeletedRuns
	runNamespace string

	targets  Targets
	locks    Locks
	runs     *pipelinerun.Runs
	takeover *takeover.Takeover
	audit    Audit
	tracker  tracker.Interface
	clock    clock.PassiveClock
}

var (
	_ reconcilerv1alpha1.Interface = (*Reconciler)(nil)
	_ reconcilerv1alpha1.Finalizer = (*Reconciler)(nil)
)

// state is what the steps of one reconcile hand on.
type state struct {
	wfe *v1alpha1.WorkflowExecution
	// claim is known after reconcileClaim.
	claim targetlock.Claim
	// run is known after reconcilePipelineRun and finalizeRun; nil if there is none.
	run *tektonv1.PipelineRun
}

// step is one step of a reconcile. The reconcile ends with its event if it is done, or if the event is an error;
// what was done is in the status. Every step can be repeated after a crash at any instant.
type step func(context.Context, *state) (done bool, event reconciler.Event)

func follow(ctx context.Context, s *state, steps ...step) reconciler.Event {
	for _, step := range steps {
		if done, event := step(ctx, s); done || event != nil {
			return event
		}
	}
	return nil
}

// ReconcileKind is the life of an execution.
func (r *Reconciler) ReconcileKind(ctx context.Context, wfe *v1alpha1.WorkflowExecution) (event reconciler.Event) {
	defer r.settle(ctx, wfe, wfe.Status.DeepCopy(), &event)
	return r.followElsewhere(wfe, follow(ctx, &state{wfe: wfe},
		r.enqueueEvents,
		r.reconcileFinished,
		r.reconcileClaim,
		r.reconcileRelease,
		r.reconcileLock,
		r.reconcilePipelineRun,
		r.reconcileStart,
		r.reconcileProgress,
		r.reconcileDeadline,
		r.reconcileOutcome,
	))
}

// FinalizeKind ends what a deleted execution has running, in a way that lets its finally tasks run,
// and frees its target. The execution stays until its outcome is stored and its events are recorded.
func (r *Reconciler) FinalizeKind(ctx context.Context, wfe *v1alpha1.WorkflowExecution) (event reconciler.Event) {
	defer r.settle(ctx, wfe, wfe.Status.DeepCopy(), &event)
	return r.followElsewhere(wfe, follow(ctx, &state{wfe: wfe},
		r.enqueueEvents,
		r.finalizeFinished,
		r.finalizeClaim,
		r.finalizeRun,
		r.finalizeUnstarted,
		r.finalizeRunning,
		r.finalizeOutcome,
		r.finalizeRelease,
	))
}

// settle announces what a reconcile has changed, and notes what the audit sink has acknowledged. A reconcile of
// an old copy has changed nothing, and what it believes must not be written over what is stored. No text of
// others leaves it at full length.
//
//nolint:gocritic // a deferred call can change what is returned by a pointer only
func (r *Reconciler) settle(
	ctx context.Context, wfe *v1alpha1.WorkflowExecution, before *v1alpha1.WorkflowExecutionStatus, event *reconciler.Event,
) {
	if errors.Is(*event, errCacheLags) {
		logging.FromContext(ctx).Debugw("Nothing done", "reason", (*event).Error())
		wfe.Status = *before
		*event = r.followElsewhere(wfe, controller.NewSkipKey(wfe.Namespace+"/"+wfe.Name))
		if before.ObservedGeneration == 0 {
			// Knative has given conditions to a copy that was never looked at, and would store them.
			wfe.Status.Conditions, wfe.Generation = nil, 0
		}
		return
	}
	audit.Note(wfe, r.acknowledgements(!equality.Semantic.DeepEqual(before, &wfe.Status)))
	wfe.Status.CutTexts()
	announce(ctx, wfe, before)
}

// statusFirst keeps the finalizer until the status is stored: Knative drops a status that is set in
// the reconcile that removes the finalizer. The write itself brings the next reconcile.
func statusFirst(wfe *v1alpha1.WorkflowExecution) reconciler.Event {
	return controller.NewSkipKey(wfe.Namespace + "/" + wfe.Name)
}

func (r *Reconciler) after(d time.Duration) reconciler.Event {
	return controller.NewRequeueAfter(d)
}
