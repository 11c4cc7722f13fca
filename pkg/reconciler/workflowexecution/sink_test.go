// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package workflowexecution

import (
	"context"

	"github.com/google/uuid"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/pkg/audit"
	listers "kubernaut.ai/workflowexecution/pkg/client/listers/workflowexecution/v1alpha1"
	given "kubernaut.ai/workflowexecution/pkg/reconciler/testing"
)

// trail is a recorder whose sink answers at once for what is stored, or that has no sink.
type trail struct {
	executions listers.WorkflowExecutionLister
	clock      clock.PassiveClock
	away       bool

	answered map[uuid.UUID]audit.Answer
	// written are the events that the sink has stored, givenUp those that the log has.
	written, givenUp map[uuid.UUID]audit.Event
}

func newTrail(executions listers.WorkflowExecutionLister, now clock.PassiveClock, away bool) *trail {
	return &trail{
		executions: executions, clock: now, away: away,
		answered: map[uuid.UUID]audit.Answer{}, written: map[uuid.UUID]audit.Event{}, givenUp: map[uuid.UUID]audit.Event{},
	}
}

func (s *trail) Record(key types.NamespacedName) {
	wfe, err := s.executions.WorkflowExecutions(key.Namespace).Get(key.Name)
	if err != nil || s.away {
		return
	}
	for _, e := range audit.EventsOf(wfe, audit.Outstanding(wfe)) {
		s.written[e.ID] = e
		s.answered[e.ID] = audit.Answer{At: metav1.NewTime(s.clock.Now())}
	}
}

func (s *trail) Answer(id uuid.UUID) (audit.Answer, bool) {
	answer, ok := s.answered[id]
	return answer, ok
}

func (s *trail) Forget(ids ...uuid.UUID) {
	for _, id := range ids {
		delete(s.answered, id)
	}
}

func (s *trail) GiveUp(_ context.Context, events []audit.Event) {
	for _, e := range events {
		s.givenUp[e.ID] = e
	}
}

// recorded is an execution whose events a sink has answered for.
func recorded(wfe *v1alpha1.WorkflowExecution) *v1alpha1.WorkflowExecution {
	given.Audited(wfe)
	return wfe
}
