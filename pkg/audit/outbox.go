// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"slices"

	"github.com/google/uuid"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
)

// Acknowledgement is what a sink has said of one event.
type Acknowledgement struct {
	At metav1.Time
	// Refusal is why the sink will never take the event; empty if it is stored.
	Refusal string
}

// Outstanding are the types of those events of an execution that its status does not list.
func Outstanding(wfe *v1alpha1.WorkflowExecution) []Type {
	return slices.DeleteFunc(TypesOf(wfe), func(t Type) bool { return wfe.Status.AuditRecordOf(string(t)) != nil })
}

// Unrecorded are those of the outstanding that no sink has acknowledged either.
func Unrecorded(wfe *v1alpha1.WorkflowExecution, acknowledged func(uuid.UUID) (Acknowledgement, bool)) []Type {
	return slices.DeleteFunc(Outstanding(wfe), func(t Type) bool {
		_, ok := acknowledged(ID(wfe.UID, t))
		return ok
	})
}

// Note lists in the status which events the sink has acknowledged since the last time, and tells in the
// AuditRecorded condition whether any are outstanding.
func Note(wfe *v1alpha1.WorkflowExecution, acknowledged func(uuid.UUID) (Acknowledgement, bool)) {
	for _, t := range Outstanding(wfe) {
		id := ID(wfe.UID, t)
		if a, ok := acknowledged(id); ok {
			wfe.Status.MarkAuditAcknowledged(v1alpha1.AuditRecord{
				EventType: string(t), EventID: id.String(), RecordedAt: a.At, Refusal: a.Refusal,
			})
		}
	}
	all := TypesOf(wfe)
	names := make([]string, len(all))
	for i, t := range all {
		names[i] = string(t)
	}
	wfe.Status.MarkAudit(names)
}

// Unacknowledged is how all events stand that no sink has been asked about.
func Unacknowledged(uuid.UUID) (Acknowledgement, bool) { return Acknowledgement{}, false }
