// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
)

const digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

var (
	// A zone other than UTC, as the API server's times have after they were read.
	zone    = time.FixedZone("CET", 3600)
	begins  = metav1.Date(2026, 3, 1, 13, 0, 0, 0, zone)
	ends    = metav1.Date(2026, 3, 1, 13, 1, 42, 0, zone)
	frees   = metav1.Date(2026, 3, 1, 13, 2, 5, 0, zone)
	clears  = metav1.Date(2026, 3, 1, 14, 30, 0, 0, zone)
	deletes = metav1.Date(2026, 3, 1, 15, 0, 0, 0, zone)
)

type change func(*v1alpha1.WorkflowExecution)

// execution is pending, and then what the changes make of it, with the mutators of the API.
func execution(changes ...change) *v1alpha1.WorkflowExecution {
	wfe := &v1alpha1.WorkflowExecution{
		ObjectMeta: metav1.ObjectMeta{Namespace: "kubernaut-system", Name: "fix-1", UID: "7d2c3d8e-5a41-4b8e-9c1f-0d9a6e3b2f10"},
		Spec: v1alpha1.WorkflowExecutionSpec{
			RemediationRequestRef: corev1.ObjectReference{Name: "rr-1"},
			WorkflowRef: v1alpha1.WorkflowRef{
				WorkflowID: "restart-pod", Version: "1.2.0", ContainerImage: "ghcr.io/kubernaut/restart-pod:1.2.0", ContainerDigest: digest,
			},
			TargetResource: "payment/deployment/api",
			Parameters:     map[string]string{"REASON": "a<b", "DB_PASSWORD": "hunter2hunter2"},
			Confidence:     new(0.92),
			Rationale:      "it leaks memory",
		},
	}
	wfe.Status.InitializeConditions()
	return made(wfe, changes...)
}

func made(wfe *v1alpha1.WorkflowExecution, changes ...change) *v1alpha1.WorkflowExecution {
	for _, change := range changes {
		change(wfe)
	}
	return wfe
}

func running(wfe *v1alpha1.WorkflowExecution) {
	wfe.Status.MarkLockAcquired()
	wfe.Status.MarkPipelineRunCreated(v1alpha1.PipelineRunRef{Namespace: "kubernaut-workflows", Name: "wfe-0d9a", UID: "run"})
	wfe.Status.MarkStarted(begins)
}

func ended(failure *v1alpha1.FailureDetails) change {
	return func(wfe *v1alpha1.WorkflowExecution) {
		wfe.Status.MarkReleasing(ends, failure)
		wfe.Status.MarkTargetFreed(frees)
		wfe.Status.MarkReleased()
	}
}

func completed(wfe *v1alpha1.WorkflowExecution) { made(wfe, running, ended(nil)) }

func failed(wfe *v1alpha1.WorkflowExecution) {
	made(wfe, running, ended(&v1alpha1.FailureDetails{
		Reason: v1alpha1.FailureTaskFailed, Message: "step drain exited with 3", FailedTaskName: "drain", FailedAt: ends,
		WasExecutionFailure: true, LogTail: "what a pod says is in no event",
	}))
	wfe.Status.MarkConsequences(1, nil, true)
}

func refused(wfe *v1alpha1.WorkflowExecution) {
	wfe.Status.MarkLockAcquired()
	wfe.Status.MarkFailedUnstarted(v1alpha1.FailureDetails{
		Reason: v1alpha1.FailureConfigurationError, Message: "the bundle is not allowed", FailedAt: ends,
	})
	wfe.Status.MarkTargetFreed(frees)
}

func busy(wfe *v1alpha1.WorkflowExecution) {
	wfe.Status.MarkSkipped(v1alpha1.SkipDetails{
		Reason: v1alpha1.SkipResourceBusy, Message: "kubernaut-system/fix-0 works on it", SkippedAt: ends,
		ConflictingWorkflow: &v1alpha1.ConflictingWorkflow{Namespace: "kubernaut-system", Name: "fix-0"},
	})
}

func coolingDown(wfe *v1alpha1.WorkflowExecution) {
	wfe.Status.MarkSkipped(v1alpha1.SkipDetails{
		Reason: v1alpha1.SkipRecentlyRemediated, Message: "cooldown for 3m", SkippedAt: ends,
		RecentRemediation: &v1alpha1.RecentRemediation{Namespace: "other", Name: "fix-00"},
	})
}

func cleared(wfe *v1alpha1.WorkflowExecution) {
	wfe.Status.BlockClearance = &v1alpha1.BlockClearance{
		ClearedAt: clears, ClearedBy: "alice@example.com", ClearReason: "looked at it", ClearMethod: v1alpha1.ClearMethodStatusPatch,
	}
}

func deleted(wfe *v1alpha1.WorkflowExecution) { wfe.DeletionTimestamp = &deletes }

// literal are the situations of which testdata has the event in full.
var literal = []struct {
	name string
	of   Type
	wfe  *v1alpha1.WorkflowExecution
}{
	{"started", WorkflowStarted, execution(running)},
	{"completed", WorkflowCompleted, execution(completed)},
	{"failed", WorkflowFailed, execution(failed)},
	{"refused", WorkflowFailed, execution(refused)},
	{"busy", WorkflowSkipped, execution(busy)},
	{"cooldown", WorkflowSkipped, execution(coolingDown)},
	{"cleared", BlockCleared, execution(failed, cleared)},
	{"deleted", BlockCleared, execution(failed, deleted)},
}

func TestEventsAreWhatTheContractSays(t *testing.T) {
	for _, tc := range literal {
		t.Run(tc.name, func(t *testing.T) {
			want, err := os.ReadFile(filepath.Join("testdata", tc.name+".json"))
			if err != nil {
				t.Fatal("ReadFile() =", err)
			}
			raw := inJSON(t, tc.wfe, tc.of)
			var got bytes.Buffer
			if err := json.Indent(&got, raw, "", "  "); err != nil {
				t.Fatal("Indent() =", err)
			}
			got.WriteByte('\n')
			if diff := cmp.Diff(string(want), got.String()); diff != "" {
				t.Error("(-want, +got):", diff)
			}
		})
	}
}

// inJSON is one event as a sink writes it.
func inJSON(t testing.TB, wfe *v1alpha1.WorkflowExecution, of ...Type) []byte {
	t.Helper()
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	for _, event := range EventsOf(wfe, of) {
		if err := encoder.Encode(&event); err != nil {
			t.Fatal("Encode() =", err)
		}
	}
	return bytes.TrimRight(b.Bytes(), "\n")
}

func TestTypesOf(t *testing.T) {
	requested := func(wfe *v1alpha1.WorkflowExecution) {
		wfe.Status.BlockClearanceRequest = &v1alpha1.BlockClearanceRequest{Reason: "looked at it"}
	}
	reviewed := func(wfe *v1alpha1.WorkflowExecution) { wfe.Status.FailureDetails.RequiresManualReview = false }
	tests := []struct {
		name string
		wfe  *v1alpha1.WorkflowExecution
		want []Type
	}{
		{"unseen", &v1alpha1.WorkflowExecution{}, nil},
		{"pending", execution(), nil},
		{"pending and deleted", execution(deleted), nil},
		{"running", execution(running), []Type{WorkflowStarted}},
		{"running and deleted", execution(running, deleted), []Type{WorkflowStarted}},
		// The outcome is told once the target is free, not before.
		{"releasing", execution(running, func(wfe *v1alpha1.WorkflowExecution) { wfe.Status.MarkReleasing(ends, nil) }), []Type{WorkflowStarted}},
		{"completed", execution(completed), []Type{WorkflowStarted, WorkflowCompleted}},
		{"completed and deleted", execution(completed, deleted), []Type{WorkflowStarted, WorkflowCompleted}},
		{"failed", execution(failed), []Type{WorkflowStarted, WorkflowFailed}},
		{"failed, clearance requested", execution(failed, requested), []Type{WorkflowStarted, WorkflowFailed}},
		{"failed, cleared", execution(failed, cleared), []Type{WorkflowStarted, WorkflowFailed, BlockCleared}},
		{"failed, deleted", execution(failed, deleted), []Type{WorkflowStarted, WorkflowFailed, BlockCleared}},
		{"failed, cleared, deleted", execution(failed, cleared, deleted), []Type{WorkflowStarted, WorkflowFailed, BlockCleared}},
		{"failed without a block, deleted", execution(failed, reviewed, deleted), []Type{WorkflowStarted, WorkflowFailed}},
		{"refused", execution(refused), []Type{WorkflowFailed}},
		{"skipped", execution(busy), []Type{WorkflowSkipped}},
		{"skipped and deleted", execution(coolingDown, deleted), []Type{WorkflowSkipped}},
	}
	phases := map[v1alpha1.Phase]bool{}
	for _, tc := range tests {
		phases[tc.wfe.Status.Phase] = true
		t.Run(tc.name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, TypesOf(tc.wfe)); diff != "" {
				t.Error("TypesOf() (-want, +got):", diff)
			}
		})
	}
	for _, phase := range []v1alpha1.Phase{
		"", v1alpha1.PhasePending, v1alpha1.PhaseRunning, v1alpha1.PhaseCompleted, v1alpha1.PhaseFailed, v1alpha1.PhaseSkipped,
	} {
		if !phases[phase] {
			t.Errorf("this test has no execution that is %q", phase)
		}
	}
}

func TestNoEventsAreDerivedOfNoTypes(t *testing.T) {
	if got := EventsOf(execution(completed), nil); got != nil {
		t.Errorf("EventsOf() = %v", got)
	}
}

// TestID pins the ids: with others, what is stored already would be stored again after an update.
func TestID(t *testing.T) {
	// Made with the uuid5 of Python's library.
	want := map[Type]string{
		WorkflowStarted:   "569dc207-ed17-5e44-b272-f440a94fce25",
		WorkflowCompleted: "73c6fffc-85ec-5121-8112-bb081b3c8f21",
		WorkflowFailed:    "37326797-9a0c-5155-830b-f6626188cbac",
		WorkflowSkipped:   "db25e847-9d72-54f0-8f13-a11b91196c70",
		BlockCleared:      "380fdb1f-70a7-5dc9-bba6-a6bd6c244a41",
	}
	for of, id := range want {
		got := ID("7d2c3d8e-5a41-4b8e-9c1f-0d9a6e3b2f10", of)
		if got.String() != id {
			t.Errorf("ID(%s) = %s, want %s", of, got, id)
		}
		if got.Version() != 5 {
			t.Errorf("ID(%s) has version %d", of, got.Version())
		}
	}
}

// TestIDOfAnOddUID: no API server gives such a UID, yet two executions must not share an event.
func TestIDOfAnOddUID(t *testing.T) {
	a, b := ID("a", WorkflowStarted), ID("b", WorkflowStarted)
	if a == b || a == ID("a", WorkflowFailed) || a != ID("a", WorkflowStarted) || a.Version() != 5 {
		t.Errorf("ID() = %s for one UID and %s for another", a, b)
	}
}

// TestNULIsReplaced because PostgreSQL can store it neither as text nor in JSON.
func TestNULIsReplaced(t *testing.T) {
	const nul = "a\x00b"
	poison := func(wfe *v1alpha1.WorkflowExecution) {
		wfe.Spec.Rationale, wfe.Spec.WorkflowRef.Version, wfe.Spec.RemediationRequestRef.Name = nul, nul, nul
		wfe.Spec.Parameters = map[string]string{"A": nul}
		if failure := wfe.Status.FailureDetails; failure != nil {
			failure.Message, failure.FailedTaskName = nul, nul
		}
		if skip := wfe.Status.SkipDetails; skip != nil {
			skip.Message = nul
		}
		if c := wfe.Status.BlockClearance; c != nil {
			c.ClearReason, c.ClearedBy, c.ClearMethod = nul, nul, nul
		}
	}
	for _, tc := range literal {
		t.Run(tc.name, func(t *testing.T) {
			got := string(inJSON(t, made(tc.wfe.DeepCopy(), poison), tc.of))
			if strings.Contains(got, `\u0000`) || !strings.Contains(got, "a\uFFFDb") {
				t.Error("the event is", got)
			}
		})
	}
}
