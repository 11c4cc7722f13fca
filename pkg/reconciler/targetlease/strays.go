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
)

// eventStrayRun tells of a run that no lock allows.
const eventStrayRun = "StrayRun"

// endStrays ends the runs on a target that no execution has made: somebody has copied one of ours, with its labels and
// annotations, as the rerun of a dashboard does. Until it has ended it counts as work on the target, and nobody else starts.
func (r *Reconciler) endStrays(ctx context.Context, name, hash string) (pipelinerun.Progress, error) {
	cached, err := r.index.Runs(hash)
	if err != nil {
		return pipelinerun.Progress{}, err
	}
	progress := pipelinerun.Progress{Ended: true}
	for _, run := range cached {
		if run.IsDone() || pipelinerun.IsOwn(run) {
			continue
		}
		one, err := r.endStray(ctx, name, run)
		if err != nil {
			return progress, err
		}
		progress = progress.With(one)
	}
	return progress, nil
}

func (r *Reconciler) endStray(ctx context.Context, name string, cached *tektonv1.PipelineRun) (pipelinerun.Progress, error) {
	isWanted, err := r.isOfLivePipeline(ctx, cached)
	if isWanted || err != nil {
		return pipelinerun.Progress{Ended: true}, err
	}
	ref := pipelinerun.Ref{Namespace: cached.Namespace, Name: cached.Name, UID: cached.UID, Execution: pipelinerun.HolderOf(cached).UID}
	run, err := r.runs.Get(ctx, ref)
	if err != nil || run == nil {
		return pipelinerun.Progress{Ended: err == nil}, err
	}
	if !run.IsDone() && !resources.IsCancelled(run) {
		logging.FromContext(ctx).Warnw("Ends a run that no lock allows", "pipelineRun", run.Namespace+"/"+run.Name)
		r.events.Eventf(leaseNamed(name), corev1.EventTypeWarning, eventStrayRun,
			"PipelineRun %s/%s is on target %s without its lock: somebody has made it in the likeness of another. It is ended; to "+
				"repeat a workflow, create a WorkflowExecution", run.Namespace, run.Name, run.Annotations[workflowexecution.TargetAnnotation])
	}
	return r.runs.End(ctx, pipelinerun.Ending{Ref: ref, Run: run, Reason: v1alpha1.FailureCancelled, Grace: pipelinerun.GraceOf(run)})
}

// isOfLivePipeline tells whether the run was made by the pipeline of an execution that is not over: it ends with that one.
func (r *Reconciler) isOfLivePipeline(ctx context.Context, run *tektonv1.PipelineRun) (bool, error) {
	if parent := metav1.GetControllerOf(run); parent == nil || parent.Kind != "PipelineRun" {
		return false, nil
	}
	live, err := r.live(ctx, pipelinerun.HolderOf(run))
	return live != nil && !live.Status.IsTerminal(), err
}

// leaseNamed stands for a Lease, which need not exist, in an event.
func leaseNamed(name string) *coordinationv1.Lease {
	return &coordinationv1.Lease{
		TypeMeta:   metav1.TypeMeta{APIVersion: coordinationv1.SchemeGroupVersion.String(), Kind: "Lease"},
		ObjectMeta: metav1.ObjectMeta{Namespace: system.Namespace(), Name: name},
	}
}
