// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"slices"
	"strings"
)

const (
	// ReasonAuditPending means that no sink has acknowledged an audit event yet.
	ReasonAuditPending = "Pending"
	// ReasonAuditRefused means that the sink will never take an audit event.
	ReasonAuditRefused = "Refused"
)

// MaxAuditRefusal is the longest refusal of an audit event that is kept, in characters.
const MaxAuditRefusal = 1024

// AuditRecordOf returns what a sink has acknowledged of the event of a type, or nil.
func (s *WorkflowExecutionStatus) AuditRecordOf(eventType string) *AuditRecord {
	i := slices.IndexFunc(s.AuditTrail, func(r AuditRecord) bool { return r.EventType == eventType })
	if i < 0 {
		return nil
	}
	return &s.AuditTrail[i]
}

// MarkAuditAcknowledged notes that a sink has acknowledged an event, once.
func (s *WorkflowExecutionStatus) MarkAuditAcknowledged(record AuditRecord) {
	if s.AuditRecordOf(record.EventType) != nil {
		return
	}
	record.Refusal = Cut(record.Refusal, MaxAuditRefusal)
	s.AuditTrail = append(s.AuditTrail, record)
}

// MarkAudit tells in the condition whether the trail lists the events of these types, which are all
// that there are by now.
func (s *WorkflowExecutionStatus) MarkAudit(eventTypes []string) {
	var pending, refused []string
	for _, eventType := range eventTypes {
		switch record := s.AuditRecordOf(eventType); {
		case record == nil:
			pending = append(pending, eventType)
		case record.Refusal != "":
			refused = append(refused, eventType+": "+record.Refusal)
		}
	}
	manager := conditionSet.Manage(s)
	switch {
	case len(eventTypes) == 0:
	case len(refused) > 0:
		manager.MarkFalse(ConditionAuditRecorded, ReasonAuditRefused,
			"The audit sink refused what the controller's log has in full: %s", strings.Join(refused, "; "))
	case len(pending) > 0:
		manager.MarkUnknown(ConditionAuditRecorded, ReasonAuditPending, "No audit sink has stored yet: %s", strings.Join(pending, ", "))
	default:
		manager.MarkTrue(ConditionAuditRecorded)
	}
}
