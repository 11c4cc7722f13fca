// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package takeover

import (
	"context"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/pkg/targetlock"
)

// outcome is what is to be remembered of a dead holder; nil is one that is gone. That can neither tell
// nor be cleared: if its run may have started, its workflow waits, as after a deletion.
func (t *Takeover) outcome(
	ctx context.Context, holder *v1alpha1.WorkflowExecution, run *tektonv1.PipelineRun,
) (*targetlock.Outcome, error) {
	if holder != nil {
		return targetlock.OutcomeOf(holder), nil
	}
	if run != nil {
		if isUnstarted, err := t.runs.IsUnstarted(ctx, run); isUnstarted || err != nil {
			return nil, err
		}
	}
	return &targetlock.Outcome{
		Phase: v1alpha1.PhaseFailed, Reason: v1alpha1.FailureCancelled, Ran: true, Deleted: true,
		Message: "The execution was removed while it held its target", CompletedAt: t.clock.Now(),
	}, nil
}
