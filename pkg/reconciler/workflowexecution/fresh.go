// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package workflowexecution

import (
	"context"
	"errors"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubernaut.ai/workflowexecution/pkg/apierror"
	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
)

// errCacheLags ends a reconcile that was found to rest on an old copy of the execution. The copy that is
// on its way brings the next one.
var errCacheLags = errors.New("the cache lags behind the API server")

// ensureFresh reads the execution at the API server. It fails with errCacheLags if the copy that the reconcile
// rests on is older in a way that matters: the execution is gone or another one, or isStale says so of what is stored.
func (r *Reconciler) ensureFresh(
	ctx context.Context, wfe *v1alpha1.WorkflowExecution, isStale func(live *v1alpha1.WorkflowExecution) bool,
) error {
	live, err := r.executions.KubernautV1alpha1().WorkflowExecutions(wfe.Namespace).Get(ctx, wfe.Name, metav1.GetOptions{})
	switch {
	case apierror.IsGone(err):
		return errCacheLags
	case err != nil:
		return fmt.Errorf("failed to read the execution: %w", err)
	case live.UID != wfe.UID || isStale(live):
		return errCacheLags
	}
	return nil
}

// hasLockOrOutcome, for a copy that has neither. With an old copy, an execution that is over would take the target
// again, and nobody would ever free it.
func hasLockOrOutcome(live *v1alpha1.WorkflowExecution) bool {
	return live.DeletionTimestamp != nil || live.Status.HasOutcome() || live.Status.GetCondition(v1alpha1.ConditionLockAcquired).IsTrue()
}

// hasRunOrOutcome, for a copy that has neither.
func hasRunOrOutcome(live *v1alpha1.WorkflowExecution) bool {
	return live.Status.PipelineRunRef != nil || live.Status.HasOutcome()
}

// hasOutcome, for a copy that has none.
func hasOutcome(live *v1alpha1.WorkflowExecution) bool {
	return live.Status.HasOutcome()
}

// hasStarted, for a copy in which no start is noted.
func hasStarted(live *v1alpha1.WorkflowExecution) bool {
	return live.Status.HasStarted()
}
