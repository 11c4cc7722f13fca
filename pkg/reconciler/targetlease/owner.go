// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package targetlease

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/pkg/reconciler/pipelinerun"
	"kubernaut.ai/workflowexecution/pkg/targetlock"
)

// claim is what a run, or what was made for one, may say of itself.
type claim string

const (
	// wanted is of an execution that is not over: its status refers to the run, or the run is a part of that one.
	wanted claim = "wanted"
	// orphaned is of an execution that is gone, and so never had its outcome remembered.
	orphaned claim = "orphaned"
	// stray is all else: copies of runs, whatever name they have, and runs of executions that are over.
	stray claim = "stray"
)

// finder is a way to find an execution, which is nil if there is none.
type finder func(targetlock.Holder) (*v1alpha1.WorkflowExecution, error)

// claimOf goes by the UID that the execution has stored: names, labels and annotations can be copied and lost.
func (r *Reconciler) claimOf(object metav1.Object, hash string, find finder) (claim, error) {
	runUID := pipelinerun.UIDOfRun(object)
	holder := r.holderOf(object, runUID)
	if holder == (targetlock.Holder{}) {
		return stray, nil
	}
	execution, err := find(holder)
	switch {
	case err != nil:
		return "", err
	case execution == nil && pipelinerun.IsOwn(object):
		return orphaned, nil
	case execution == nil || execution.Status.IsTerminal():
		return stray, nil
	}
	if r.isRunOf(execution, object, runUID, hash) {
		return wanted, nil
	}
	return stray, nil
}

func (r *Reconciler) isRunOf(execution *v1alpha1.WorkflowExecution, object metav1.Object, runUID types.UID, hash string) bool {
	ref := execution.Status.PipelineRunRef
	if ref == nil {
		return pipelinerun.IsOwn(object)
	}
	isPart, isKnown := r.index.IsPartOf(runUID, ref.UID, hash)
	return ref.UID == runUID || isPart || !isKnown
}

// holderOf is the execution whose run it is by its UID where the annotations do not say: somebody has removed one.
func (r *Reconciler) holderOf(object metav1.Object, runUID types.UID) targetlock.Holder {
	if holder := pipelinerun.HolderOf(object); r.cached(holder) != nil {
		return holder
	}
	all, err := r.executions.List(labels.Everything())
	if err != nil {
		return pipelinerun.HolderOf(object)
	}
	for _, execution := range all {
		if ref := execution.Status.PipelineRunRef; ref != nil && ref.UID == runUID {
			return targetlock.Holder{Namespace: execution.Namespace, Name: execution.Name, UID: execution.UID}
		}
	}
	return pipelinerun.HolderOf(object)
}
