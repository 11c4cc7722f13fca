// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package workflowexecution

import (
	"context"
	"errors"

	corev1 "k8s.io/api/core/v1"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/reconciler"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/pkg/reconciler/pipelinerun"
)

// isElsewhere tells whether the run is in a namespace that was the execution namespace when the run was created, and is
// not any more.
func (r *Reconciler) isElsewhere(wfe *v1alpha1.WorkflowExecution) bool {
	ref := wfe.Status.PipelineRunRef
	return ref != nil && ref.Namespace != r.runNamespace
}

// followElsewhere has an execution looked at again soon whose run is elsewhere. It is the one exception to the rule that
// only watches and deadlines bring reconciles: an informer there may lack the rights to list, and one that never syncs
// would keep the controller from becoming ready at all.
func (r *Reconciler) followElsewhere(wfe *v1alpha1.WorkflowExecution, event reconciler.Event) reconciler.Event {
	if !r.isElsewhere(wfe) || wfe.Status.IsTerminal() {
		return event
	}
	event = pipelinerun.WithMissingRights(event, wfe.Status.PipelineRunRef.Namespace, r.runNamespace)
	later, delay := controller.IsRequeueKey(event)
	switch {
	case later:
		return r.after(min(delay, pipelinerun.ElsewhereInterval))
	case event == nil || controller.IsSkipKey(event):
		return r.after(pipelinerun.ElsewhereInterval)
	case errors.Is(event, pipelinerun.ErrUnreachable):
		wfe.Status.MarkUnreachable(event.Error())
	}
	return event
}

// podsOf the execution's run, as far as they are known. Those of a run elsewhere are not watched.
func (r *Reconciler) podsOf(ctx context.Context, wfe *v1alpha1.WorkflowExecution) ([]*corev1.Pod, error) {
	if r.isElsewhere(wfe) {
		return r.runs.Pods(ctx, r.refOf(wfe))
	}
	return r.index.PodsOf(wfe.UID)
}
