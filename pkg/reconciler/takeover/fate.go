// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package takeover

import (
	"context"
	"fmt"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/pkg/targetlock"
)

// fate of an execution that holds a target. One that is over or gone is dead: it will never free its
// target itself, and never changes again.
type fate int

const (
	alive fate = iota
	over
	// gone takes somebody who removed its finalizer.
	gone
)

// found is what there is of a holder.
type found struct {
	fate
	// execution is what is there of one that is over.
	execution *v1alpha1.WorkflowExecution
}

func (t *Takeover) find(ctx context.Context, who targetlock.Holder) (found, error) {
	live, err := t.executions.KubernautV1alpha1().WorkflowExecutions(who.Namespace).Get(ctx, who.Name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return found{fate: gone}, nil
	case err != nil:
		return found{}, fmt.Errorf("failed to read the execution %s/%s, which holds the target: %w", who.Namespace, who.Name, err)
	case live.UID != who.UID:
		return found{fate: gone}, nil
	case live.Status.IsTerminal():
		return found{fate: over, execution: live}, nil
	}
	return found{fate: alive}, nil
}

// outcome is what is to be remembered of a dead holder. One that is gone can neither tell nor be
// cleared: if its run may have started, its workflow waits, as after a deletion.
func (t *Takeover) outcome(who found, run *tektonv1.PipelineRun) *targetlock.Outcome {
	switch {
	case who.fate == over:
		return targetlock.OutcomeOf(who.execution)
	case run != nil && run.IsPending():
		return nil
	}
	return &targetlock.Outcome{
		Phase: v1alpha1.PhaseFailed, Reason: v1alpha1.FailureCancelled, Ran: true, Deleted: true,
		Message: "The execution was removed while it held its target", CompletedAt: t.clock.Now(),
	}
}
