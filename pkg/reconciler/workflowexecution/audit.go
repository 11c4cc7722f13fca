// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package workflowexecution

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"
	"k8s.io/apimachinery/pkg/types"
	"knative.dev/pkg/reconciler"

	"kubernaut.ai/workflowexecution/pkg/apis/config"
	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution"
	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/pkg/audit"
)

// Audit is what the reconciler needs of audit.Recorder. None of it waits for a sink.
type Audit interface {
	Record(types.NamespacedName)
	Acknowledged(uuid.UUID) (audit.Acknowledgement, bool)
	Forget(...uuid.UUID)
	LogInFull(context.Context, []audit.Event)
}

// enqueueEvents has the recorder write what is stored and not recorded. It comes first in a reconcile: what that
// is going to change is an event only after it is stored, which brings another reconcile.
func (r *Reconciler) enqueueEvents(_ context.Context, s *state) (bool, reconciler.Event) {
	wfe := s.wfe
	for _, record := range wfe.Status.AuditTrail {
		r.audit.Forget(audit.ID(wfe.UID, audit.Type(record.EventType)))
	}
	if len(audit.Unrecorded(wfe, r.audit.Acknowledged)) > 0 {
		r.audit.Record(types.NamespacedName{Namespace: wfe.Namespace, Name: wfe.Name})
	}
	return false, nil
}

// acknowledgements are those that a reconcile notes: all of them with a status that is written anyway, and otherwise
// those that have waited for one long enough.
func (r *Reconciler) acknowledgements(written bool) func(uuid.UUID) (audit.Acknowledgement, bool) {
	return func(id uuid.UUID) (audit.Acknowledgement, bool) {
		acknowledgement, ok := r.audit.Acknowledged(id)
		return acknowledgement, ok && (written || r.clock.Since(acknowledgement.At.Time) >= acknowledgementDelay)
	}
}

// awaitAudit keeps a deleted execution until its events are recorded, for as long as the configuration says.
// Then they go to the log in full.
func (r *Reconciler) awaitAudit(ctx context.Context, wfe *v1alpha1.WorkflowExecution) reconciler.Event {
	unrecorded := audit.Unrecorded(wfe, r.audit.Acknowledged)
	// Where another finalizer keeps the execution, its events are recorded or in the log by now.
	if len(unrecorded) == 0 || !slices.Contains(wfe.Finalizers, workflowexecution.FinalizerName) {
		return nil
	}
	wait := config.FromContextOrDefaults(ctx).Audit.DeletionWait
	if remaining := waitsSince(wfe).Add(wait).Sub(r.clock.Now()); remaining > 0 {
		return r.after(remaining)
	}
	r.audit.LogInFull(ctx, audit.EventsOf(wfe, unrecorded))
	return nil
}

// waitsSince is when only the audit trail was left to wait for.
func waitsSince(wfe *v1alpha1.WorkflowExecution) time.Time {
	since := wfe.DeletionTimestamp.Time
	if over := wfe.Status.GetCondition(v1alpha1.ConditionSucceeded); over != nil && over.LastTransitionTime.Inner.After(since) {
		since = over.LastTransitionTime.Inner.Time
	}
	return since
}
