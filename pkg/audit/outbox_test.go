// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
)

// answers are those of a sink that has been asked about some events.
type answers map[uuid.UUID]Acknowledgement

func (a answers) answer(id uuid.UUID) (Acknowledgement, bool) {
	found, ok := a[id]
	return found, ok
}

func answered(wfe *v1alpha1.WorkflowExecution, at metav1.Time, some ...Type) answers {
	a := answers{}
	for _, of := range some {
		a[ID(wfe.UID, of)] = Acknowledgement{At: at}
	}
	return a
}

func expectAudit(t *testing.T, wfe *v1alpha1.WorkflowExecution, status corev1.ConditionStatus, reason, message string) {
	t.Helper()
	switch c := wfe.Status.GetCondition(v1alpha1.ConditionAuditRecorded); {
	case c == nil:
		t.Error("there is no condition AuditRecorded")
	case c.Status != status || c.Reason != reason || c.Message != message:
		t.Errorf("AuditRecorded = %s, %q, %q, want %s, %q, %q", c.Status, c.Reason, c.Message, status, reason, message)
	}
}

func expectTrail(t *testing.T, wfe *v1alpha1.WorkflowExecution, want ...Type) {
	t.Helper()
	var got []Type
	for _, record := range wfe.Status.AuditTrail {
		got = append(got, Type(record.EventType))
		if id := ID(wfe.UID, Type(record.EventType)).String(); record.EventID != id {
			t.Errorf("%s is listed with id %s, want %s", record.EventType, record.EventID, id)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error("status.auditTrail (-want, +got):", diff)
	}
}

func TestNothingIsNotedBeforeThereIsAnEvent(t *testing.T) {
	wfe := execution()
	before := wfe.DeepCopy()
	Note(wfe, answered(wfe, ends, WorkflowStarted, WorkflowCompleted).answer)
	if diff := cmp.Diff(before, wfe); diff != "" {
		t.Error("Note() (-want, +got):", diff)
	}
}

// TestTheTrailOfAnExecution tells of one that runs, fails and is cleared, beside a sink that lags.
func TestTheTrailOfAnExecution(t *testing.T) {
	wfe := execution(running)
	Note(wfe, Unacknowledged)
	expectTrail(t, wfe)
	expectAudit(t, wfe, corev1.ConditionUnknown, v1alpha1.ReasonAuditPending, "No audit sink has stored yet: workflowexecution.workflow.started")

	Note(wfe, answered(wfe, begins, WorkflowStarted).answer)
	expectTrail(t, wfe, WorkflowStarted)
	expectAudit(t, wfe, corev1.ConditionTrue, "", "")

	// Its end makes the list incomplete again, also while nothing can be asked.
	made(wfe, ended(&v1alpha1.FailureDetails{Reason: v1alpha1.FailureTaskFailed, FailedAt: ends}))
	wfe.Status.MarkConsequences(1, nil, true)
	cleared(wfe)
	Note(wfe, Unacknowledged)
	expectAudit(t, wfe, corev1.ConditionUnknown, v1alpha1.ReasonAuditPending,
		"No audit sink has stored yet: workflowexecution.workflow.failed, workflowexecution.block.cleared")

	Note(wfe, answered(wfe, clears, BlockCleared).answer)
	expectTrail(t, wfe, WorkflowStarted, BlockCleared)
	if diff := cmp.Diff([]Type{WorkflowFailed}, Outstanding(wfe)); diff != "" {
		t.Error("Outstanding() (-want, +got):", diff)
	}
	Note(wfe, answered(wfe, clears, WorkflowFailed).answer)
	expectTrail(t, wfe, WorkflowStarted, BlockCleared, WorkflowFailed)
	expectAudit(t, wfe, corev1.ConditionTrue, "", "")
}

// TestTheFirstAnswerStands: a second one, because the first was forgotten meanwhile, is no news.
func TestTheFirstAnswerStands(t *testing.T) {
	wfe := execution(completed)
	Note(wfe, answered(wfe, ends, WorkflowStarted, WorkflowCompleted).answer)
	for i := range wfe.Status.Conditions {
		wfe.Status.Conditions[i].LastTransitionTime.Inner = begins
	}
	before := wfe.DeepCopy()
	later := answers{ID(wfe.UID, WorkflowStarted): {At: clears, Refusal: "too late"}, ID(wfe.UID, WorkflowCompleted): {At: clears}}
	Note(wfe, later.answer)
	Note(wfe, Unacknowledged)
	if diff := cmp.Diff(before, wfe); diff != "" {
		t.Error("Note() (-want, +got):", diff)
	}
	for _, record := range wfe.Status.AuditTrail {
		if !record.RecordedAt.Equal(&ends) {
			t.Errorf("%s is listed with the time %s, want that of the answer", record.EventType, record.RecordedAt)
		}
	}
}

// TestAPendingTrailIsUnchangedToo, or a controller beside a dead sink would write for ever.
func TestAPendingTrailIsUnchangedToo(t *testing.T) {
	wfe := execution(failed)
	Note(wfe, answered(wfe, ends, WorkflowStarted).answer)
	for i := range wfe.Status.Conditions {
		wfe.Status.Conditions[i].LastTransitionTime.Inner = begins
	}
	before := wfe.DeepCopy()
	Note(wfe, Unacknowledged)
	if diff := cmp.Diff(before, wfe); diff != "" {
		t.Error("Note() (-want, +got):", diff)
	}
}

// TestARefusalIsShown, and is not covered by what is stored or outstanding beside it.
func TestARefusalIsShown(t *testing.T) {
	wfe := execution(completed)
	Note(wfe, answers{ID(wfe.UID, WorkflowStarted): {At: ends, Refusal: "event_data: too large"}}.answer)
	const message = "The audit sink refused what the controller's log has in full: workflowexecution.workflow.started: event_data: too large"
	expectAudit(t, wfe, corev1.ConditionFalse, v1alpha1.ReasonAuditRefused, message)
	expectTrail(t, wfe, WorkflowStarted)

	Note(wfe, answered(wfe, ends, WorkflowCompleted).answer)
	expectAudit(t, wfe, corev1.ConditionFalse, v1alpha1.ReasonAuditRefused, message)
	if got := Outstanding(wfe); len(got) > 0 {
		t.Error("Outstanding() =", got)
	}
	if c := wfe.Status.GetCondition(v1alpha1.ConditionSucceeded); !c.IsTrue() {
		t.Error("a refused event bears on Succeeded:", c)
	}
}

func TestALongRefusalIsCut(t *testing.T) {
	tests := []struct {
		name, refusal string
		bytes         int
	}{
		{"fits", strings.Repeat("x", v1alpha1.MaxAuditRefusal), v1alpha1.MaxAuditRefusal},
		{"one too many", strings.Repeat("x", v1alpha1.MaxAuditRefusal+1), v1alpha1.MaxAuditRefusal},
		{"very long", strings.Repeat("\U0001F600", 100_000), v1alpha1.MaxAuditRefusal - 3},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			wfe := execution(completed)
			Note(wfe, answers{ID(wfe.UID, WorkflowStarted): {At: ends, Refusal: tc.refusal}}.answer)
			got := wfe.Status.AuditRecordOf(string(WorkflowStarted)).Refusal
			kept := strings.TrimSuffix(got, "… (cut)")
			if len(got) != tc.bytes || !utf8.ValidString(got) || !strings.HasPrefix(tc.refusal, kept) {
				t.Errorf("%d bytes of the refusal are kept, want the first %d", len(got), tc.bytes)
			}
		})
	}
}
