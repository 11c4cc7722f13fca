// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package workflowexecution

import (
	"context"
	"fmt"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/pkg/audit"
	listers "kubernaut.ai/workflowexecution/pkg/client/listers/workflowexecution/v1alpha1"
	given "kubernaut.ai/workflowexecution/pkg/reconciler/testing"
)

// trail is a recorder that knows what its sink has stored, which answers at once; or that has no sink.
type trail struct {
	executions listers.WorkflowExecutionLister
	clock      clock.PassiveClock
	// sink holds what is stored; nil is none.
	sink         map[uuid.UUID]audit.Event
	acknowledged map[uuid.UUID]audit.Acknowledgement
}

func newTrail(executions listers.WorkflowExecutionLister, now clock.PassiveClock, sink map[uuid.UUID]audit.Event) *trail {
	s := &trail{executions: executions, clock: now, sink: sink, acknowledged: map[uuid.UUID]audit.Acknowledgement{}}
	for id := range sink {
		s.acknowledged[id] = audit.Acknowledgement{At: metav1.NewTime(now.Now().Add(-acknowledgementDelay))}
	}
	return s
}

func (s *trail) Record(key types.NamespacedName) {
	wfe, err := s.executions.WorkflowExecutions(key.Namespace).Get(key.Name)
	if err != nil || s.sink == nil {
		return
	}
	for _, e := range audit.EventsOf(wfe, audit.Outstanding(wfe)) {
		if before, ok := s.sink[e.ID]; ok && !cmp.Equal(before, e) {
			panic(fmt.Sprintf("an event has changed: before %+v, now %+v", before, e))
		}
		s.sink[e.ID] = e
		s.acknowledged[e.ID] = audit.Acknowledgement{At: metav1.NewTime(s.clock.Now())}
	}
}

func (s *trail) Acknowledged(id uuid.UUID) (audit.Acknowledgement, bool) {
	acknowledgement, ok := s.acknowledged[id]
	return acknowledgement, ok
}

func (s *trail) Forget(ids ...uuid.UUID) {
	for _, id := range ids {
		delete(s.acknowledged, id)
	}
}

func (*trail) LogInFull(context.Context, []audit.Event) {}

// recorded is an execution whose events a sink has acknowledged.
func recorded(wfe *v1alpha1.WorkflowExecution) *v1alpha1.WorkflowExecution {
	given.Audited(wfe)
	return wfe
}
