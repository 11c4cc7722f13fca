// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package targetlease

import (
	"context"
	"fmt"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/pkg/reconciler/takeover"
	"kubernaut.ai/workflowexecution/pkg/targetlock"
)

// cached is the execution as the cache knows it, nil if it knows none.
func (r *Reconciler) cached(holder targetlock.Holder) *v1alpha1.WorkflowExecution {
	execution, err := r.executions.WorkflowExecutions(holder.Namespace).Get(holder.Name)
	if err != nil || execution.UID != holder.UID {
		return nil
	}
	return execution
}

// live is the execution at the API server, nil if it is gone.
func (r *Reconciler) live(ctx context.Context, holder targetlock.Holder) (*v1alpha1.WorkflowExecution, error) {
	live, err := takeover.FindHolder(ctx, r.client, holder)
	if err != nil {
		return nil, fmt.Errorf("failed to read the execution %s/%s: %w", holder.Namespace, holder.Name, err)
	}
	return live, nil
}
