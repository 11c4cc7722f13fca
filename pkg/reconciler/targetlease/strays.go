// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package targetlease

import (
	"context"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"knative.dev/pkg/logging"
	"knative.dev/pkg/system"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution"
	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/pkg/reconciler/pipelinerun"
	"kubernaut.ai/workflowexecution/pkg/reconciler/pipelinerun/resources"
	"kubernaut.ai/workflowexecution/pkg/targetlock"
)

// eventStrayRun tells of a run that no lock allows.
const eventStrayRun = "StrayRun"

// endStrays ends what is on a target and is of no execution that is still on its way: somebody has copied one of our
// runs, with its labels and annotations, as the rerun of a dashboard does, or has restored one. Until it has ended it counts
// as work on the target, and nobody else starts. What a dead holder left is ended by way of its lock.
func (r *Reconciler) endStrays(ctx context.Context, lock *targetlock.Lock, name, hash string) (pipelinerun.Progress, error) {
	if known, err := r.straysIn(r.cachedWork(hash), lock, hash, r.findCached); !known.Any() || err != nil {
		return pipelinerun.Progress{Ended: err == nil}, err
	}
	work, err := r.runs.Work(ctx, hash, pipelinerun.Ref{})
	if err != nil {
		return pipelinerun.Progress{}, err
	}
	strays, err := r.straysIn(work, lock, hash, r.findLive(ctx))
	if err != nil {
		return pipelinerun.Progress{}, err
	}
	for _, run := range strays.Runs {
		r.tellOfStray(ctx, name, run)
	}
	return r.runs.EndAll(ctx, strays, pipelinerun.Ending{
		// Where somebody has the target, nothing else may run there, no finally task either.
		Reason: v1alpha1.FailureCancelled, SkipsFinally: isHeld(lock),
	})
}

func (r *Reconciler) straysIn(work pipelinerun.Work, lock *targetlock.Lock, hash string, find finder) (pipelinerun.Work, error) {
	var failed error
	strays := work.Where(func(object metav1.Object) bool {
		claim, err := r.claimOf(object, hash, find)
		if err != nil {
			failed = err
		}
		isHolders := lock.Holder != nil && lock.Holder.Holder == pipelinerun.HolderOf(object)
		switch {
		case claim == wanted, isHolders && pipelinerun.IsOwn(object):
			return false
		case claim == orphaned:
			return !mayRestore(lock, object)
		}
		return claim == stray
	})
	return strays, failed
}

// mayRestore tells whether the target is given back to a run whose execution is gone: where somebody has deleted the Lease.
// What a Lease remembers is not for a run that may be older.
func mayRestore(lock *targetlock.Lock, object metav1.Object) bool {
	run, isRun := object.(*tektonv1.PipelineRun)
	return !lock.Exists() && (!isRun || !resources.IsUnstarted(run))
}

// cachedWork is the work on a target as far as the caches know.
func (r *Reconciler) cachedWork(hash string) (work pipelinerun.Work) {
	runs, err := r.index.Runs(hash)
	if err != nil {
		return work
	}
	pods, err := r.index.Pods(hash)
	if err != nil {
		return work
	}
	for _, run := range runs {
		if !run.IsDone() {
			work.Runs = append(work.Runs, run)
		}
	}
	for _, pod := range pods {
		if !resources.PodHasEnded(pod) {
			work.Pods = append(work.Pods, pod)
		}
	}
	return work
}

func (r *Reconciler) findCached(holder targetlock.Holder) (*v1alpha1.WorkflowExecution, error) {
	return r.cached(holder), nil
}

func (r *Reconciler) findLive(ctx context.Context) finder {
	return func(holder targetlock.Holder) (*v1alpha1.WorkflowExecution, error) { return r.live(ctx, holder) }
}

// tellOfStray tells a person of a run that runs without a lock, when it is about to be cancelled. One of ours that was
// created late, after its execution had ended, never runs.
func (r *Reconciler) tellOfStray(ctx context.Context, name string, run *tektonv1.PipelineRun) {
	if resources.IsCancelled(run) || resources.IsUnstarted(run) && pipelinerun.IsOwn(run) {
		return
	}
	logging.FromContext(ctx).Warnw("Ends a run that no lock allows", "pipelineRun", run.Namespace+"/"+run.Name)
	r.events.Eventf(leaseNamed(name), corev1.EventTypeWarning, eventStrayRun,
		"PipelineRun %s/%s is on target %s without its lock: it is of no execution that is still on its way, somebody has made it. "+
			"It is ended; to repeat a workflow, create a WorkflowExecution",
		run.Namespace, run.Name, run.Annotations[workflowexecution.TargetAnnotation])
}

// leaseNamed stands for a Lease, which need not exist, in an event.
func leaseNamed(name string) *coordinationv1.Lease {
	return &coordinationv1.Lease{
		TypeMeta:   metav1.TypeMeta{APIVersion: coordinationv1.SchemeGroupVersion.String(), Kind: "Lease"},
		ObjectMeta: metav1.ObjectMeta{Namespace: system.Namespace(), Name: name},
	}
}
