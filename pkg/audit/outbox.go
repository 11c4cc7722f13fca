// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"slices"

	"github.com/google/uuid"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
)

// Answer is what a sink has said of one event.
type Answer struct {
	At metav1.Time
	// Refusal is why the sink will never take the event; empty if it is stored.
	Refusal string
}

// Outstanding are the types of those events of an execution that its status does not list.
func Outstanding(wfe *v1alpha1.WorkflowExecution) []Type {
	return slices.DeleteFunc(TypesOf(wfe), func(t Type) bool { return wfe.Status.AuditRecordOf(string(t)) != nil })
}

// Unrecorded are those of the outstanding that no sink has answered for either.
func Unrecorded(wfe *v1alpha1.WorkflowExecution, answer func(uuid.UUID) (Answer, bool)) []Type {
	return slices.DeleteFunc(Outstanding(wfe), func(t Type) bool {
		_, answered := answer(ID(wfe.UID, t))
		return answered
	})
}

// Note lists in the status which events the sink has answered for since the last time, and tells in the
// AuditRecorded condition whether any are outstanding.
func Note(wfe *v1alpha1.WorkflowExecution, answer func(uuid.UUID) (Answer, bool)) {
	for _, t := range Outstanding(wfe) {
		id := ID(wfe.UID, t)
		if a, ok := answer(id); ok {
			wfe.Status.MarkAuditAnswered(v1alpha1.AuditRecord{
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

// Unanswered is the answer to all events that no sink has been asked about.
func Unanswered(uuid.UUID) (Answer, bool) { return Answer{}, false }
