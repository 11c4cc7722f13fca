// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
)

// anyText may hold what a redactor looks for, and what no encoder likes.
func anyText() *rapid.Generator[string] {
	return rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{
		"", "password=hunter2hunter2", "\x00", "Authorization: Bearer abcdefgh", "hunter2hunter2", "<&>", "\u2028",
	}))
}

func anyTime(after metav1.Time) *rapid.Generator[metav1.Time] {
	return rapid.Custom(func(t *rapid.T) metav1.Time {
		return metav1.NewTime(after.Add(time.Duration(rapid.IntRange(-3600, 1<<20).Draw(t, "seconds")) * time.Second))
	})
}

// anyPipelineRunStatus may come at any time: after the end, too, somebody may still look at the run.
func anyPipelineRunStatus(t *rapid.T, wfe *v1alpha1.WorkflowExecution) {
	wfe.Status.PropagatePipelineRunStatus(v1alpha1.PipelineRunStatusSummary{
		Reason: rapid.SampledFrom([]string{"", "Running", "Failed", "Succeeded"}).Draw(t, "reason"), Message: anyText().Draw(t, "message"),
	})
}

func anyEnd(t *rapid.T, wfe *v1alpha1.WorkflowExecution) {
	var failure *v1alpha1.FailureDetails
	at := anyTime(begins).Draw(t, "end")
	if rapid.Bool().Draw(t, "fails") {
		failure = &v1alpha1.FailureDetails{
			Reason:   rapid.SampledFrom([]v1alpha1.FailureReason{v1alpha1.FailureTaskFailed, v1alpha1.FailureUnknown}).Draw(t, "failure"),
			FailedAt: at, FailedTaskName: rapid.SampledFrom([]string{"", "drain"}).Draw(t, "task"),
			Message: anyText().Draw(t, "message"), LogTail: anyText().Draw(t, "log"),
		}
	}
	wfe.Status.MarkReleasing(at, failure)
	anyPipelineRunStatus(t, wfe)
	if rapid.Bool().Draw(t, "seen") {
		wfe.Status.MarkTargetFreed(anyTime(at).Draw(t, "freed"))
	}
	wfe.Status.MarkReleased()
	next := anyTime(at).Draw(t, "next")
	wfe.Status.MarkConsequences(rapid.Int32Range(0, 9).Draw(t, "failures"), &next, rapid.Bool().Draw(t, "blocks"))
}

// anyAftermath is what happens to an execution that is over: its events are noted, its block is lifted,
// somebody annotates and deletes it.
func anyAftermath(t *rapid.T, wfe *v1alpha1.WorkflowExecution) {
	for _, of := range TypesOf(wfe) {
		if rapid.Bool().Draw(t, "noted") {
			Note(wfe, func(id uuid.UUID) (Acknowledgement, bool) {
				return Acknowledgement{At: anyTime(ends).Draw(t, "noted"), Refusal: anyText().Draw(t, "refusal")}, id == ID(wfe.UID, of)
			})
		}
	}
	if wfe.Status.Blocks() && rapid.Bool().Draw(t, "cleared") {
		wfe.Status.BlockClearance = &v1alpha1.BlockClearance{
			ClearedAt: anyTime(ends).Draw(t, "cleared"), ClearedBy: anyText().Draw(t, "by"), ClearReason: anyText().Draw(t, "why"),
			ClearMethod: v1alpha1.ClearMethodStatusPatch,
		}
		wfe.Status.MarkUnblocked()
	}
	if rapid.Bool().Draw(t, "deleted") {
		wfe.DeletionTimestamp = new(anyTime(ends).Draw(t, "deleted"))
	}
	anyPipelineRunStatus(t, wfe)
	wfe.ResourceVersion = anyText().Draw(t, "version")
	wfe.Annotations = map[string]string{"a": anyText().Draw(t, "annotation")}
}

func anySpec(t *rapid.T, wfe *v1alpha1.WorkflowExecution) {
	wfe.Spec.Rationale = anyText().Draw(t, "rationale")
	wfe.Spec.RemediationRequestRef.Name = anyText().Draw(t, "request")
	wfe.Spec.Parameters = rapid.MapOf(rapid.SampledFrom([]string{"A", "B", "TOKEN", "PASSWORD"}), anyText()).Draw(t, "parameters")
}

// stored is the execution as the API server gives it back.
func stored(t *rapid.T, wfe *v1alpha1.WorkflowExecution) *v1alpha1.WorkflowExecution {
	raw, err := json.Marshal(wfe)
	if err != nil {
		t.Fatal("Marshal() =", err)
	}
	back := &v1alpha1.WorkflowExecution{}
	if err := json.Unmarshal(raw, back); err != nil {
		t.Fatal("Unmarshal() =", err)
	}
	return back
}

// history derives each event of an execution anew, and has it be what it was when it was first derived.
type history map[Type][]byte

func (h history) check(t *rapid.T, wfe *v1alpha1.WorkflowExecution) {
	now := stored(t, wfe)
	for _, of := range TypesOf(now) {
		got, err := json.Marshal(EventsOf(now, []Type{of}))
		if err != nil {
			t.Fatal("Marshal() =", err)
		}
		if was, ok := h[of]; ok && !bytes.Equal(was, got) {
			t.Fatalf("%s was\n%s\nand is\n%s", of, was, got)
		}
		h[of] = got
	}
	for of := range h {
		if !slices.Contains(TypesOf(now), of) {
			t.Fatalf("there is no %s any more", of)
		}
	}
}

// TestAnEventNeverChanges: whatever happens after an event, and whoever derives it how often and when,
// it is the same bytes. A sink that is given it twice has it once.
func TestAnEventNeverChanges(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h, wfe := history{}, execution()
		anySpec(t, wfe)
		running(wfe)
		h.check(t, wfe)
		anyPipelineRunStatus(t, wfe)
		h.check(t, wfe)
		anyEnd(t, wfe)
		h.check(t, wfe)
		anyAftermath(t, wfe)
		h.check(t, wfe)
		h.check(t, wfe)
	})
}

// TestTheEndOfWhatNeverRanNeverChanges is the same for executions that were skipped or refused.
func TestTheEndOfWhatNeverRanNeverChanges(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h, wfe := history{}, execution()
		anySpec(t, wfe)
		rapid.SampledFrom([]change{refused, busy, coolingDown}).Draw(t, "end")(wfe)
		h.check(t, wfe)
		anyAftermath(t, wfe)
		h.check(t, wfe)
	})
}

// TestEventsLeaveTheExecutionAlone because it may be a lister's.
func TestEventsLeaveTheExecutionAlone(t *testing.T) {
	for _, tc := range literal {
		before, err := json.Marshal(tc.wfe)
		if err != nil {
			t.Fatal("Marshal() =", err)
		}
		EventsOf(tc.wfe, TypesOf(tc.wfe))
		if after, err := json.Marshal(tc.wfe); err != nil || !bytes.Equal(before, after) {
			t.Errorf("%s became %s (%v)", before, after, err)
		}
	}
}

// planted are secrets as parameters have them, under a name that gives them away or in a text that does.
// The second of each must be in no event.
var planted = []struct{ name, value, secret string }{
	{"DB_PASSWORD", "correct horse battery", "correct horse battery"},
	{"API_KEY", "k3y-0000-1111-2222", "k3y-0000-1111-2222"},
	{"GITHUB_TOKEN", "ghp_0123456789abcdefghijABCDEFGHIJ012345", "ghp_0123456789abcdefghijABCDEFGHIJ012345"},
	{"CLIENT_SECRET", `quo"ted\secret`, `ted\secret`},
	{"AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "bPxRfiCYEXAMPLEKEY"},
	{"TLS_KEY", "line-one-of-it\nline-two-of-it", "line-two-of-it"},
	{"SENTRY_DSN", "https://abc123def@sentry.io/1", "abc123def"},
	{"AUTH", "dXNlcjpwYXNzd29yZA==", "dXNlcjpwYXNzd29yZA"},
	{"SIGNING_KEY", "<angle&amp>", "<angle&amp>"},
	{"PASSPHRASE", "\u00e4\u00f6\u00fc-passphrase", "\u00e4\u00f6\u00fc-passphrase"},
	{"URL", "postgres://writer:s3cr3tInUrl@db:5432/x", "s3cr3tInUrl"},
	{"HEADER", "Authorization: Bearer b34r3rB34r3r", "b34r3rB34r3r"},
	{"LINE", "retry with password=inlinePassw0rd now", "inlinePassw0rd"},
	{"JSON", `{"apiKey":"jsonApiK3yValue","replicas":3}`, "jsonApiK3yValue"},
	{"YAML", "user: a\ntoken: yamlT0kenValue\n", "yamlT0kenValue"},
	{"ARGS", "deploy --token flagT0kenValue --force", "flagT0kenValue"},
	{"WEBHOOK", "https://hooks.example.com/x?access_token=queryT0kenValue", "queryT0kenValue"},
	{"CERT", "-----BEGIN PRIVATE KEY-----\nMIIEpemB0dyOfTheKey\n-----END PRIVATE KEY-----", "MIIEpemB0dyOfTheKey"},
	{"JWT_OF", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U", "dozjgNryP4J3jVmNHl0w5N"},
	{"AWS", "the key AKIAIOSFODNN7EXAMPLE is used", "AKIAIOSFODNN7EXAMPLE"},
}

// TestNoSecretIsInAnyEvent: neither what a parameter holds, nor its repetition in any text that an
// orchestrator, a workflow or a person can write, in the forms that programs print it in.
func TestNoSecretIsInAnyEvent(t *testing.T) {
	parameters, everything := map[string]string{}, []string{}
	for _, p := range planted {
		parameters[p.name] = p.value
		everything = append(everything, p.value, "it said "+p.value+" and stopped")
		if p.value == p.secret {
			everything = append(everything, base64.StdEncoding.EncodeToString([]byte(p.value)), url.QueryEscape(p.value))
		}
	}
	text := strings.Join(everything, "\n")
	for _, tc := range literal {
		t.Run(tc.name, func(t *testing.T) {
			wfe := tc.wfe.DeepCopy()
			wfe.Spec.Parameters, wfe.Spec.Rationale = parameters, text
			wfe.Spec.WorkflowRef.Version, wfe.Spec.RemediationRequestRef.Name = "v "+text, "rr "+text
			if failure := wfe.Status.FailureDetails; failure != nil {
				failure.Message, failure.LogTail, failure.NaturalLanguageSummary = text, text, text
			}
			if skip := wfe.Status.SkipDetails; skip != nil {
				skip.Message = text
			}
			if c := wfe.Status.BlockClearance; c != nil {
				c.ClearReason = text
			}
			for _, of := range TypesOf(wfe) {
				findNoSecret(t, string(inJSON(t, wfe, of)))
			}
		})
	}
}

func findNoSecret(t *testing.T, event string) {
	t.Helper()
	for _, p := range planted {
		escaped, err := json.Marshal(p.secret)
		if err != nil {
			t.Fatal("Marshal() =", err)
		}
		forms := []string{p.secret, string(escaped[1 : len(escaped)-1]), url.QueryEscape(p.secret)}
		if p.value == p.secret {
			forms = append(forms, base64.StdEncoding.EncodeToString([]byte(p.value)))
		}
		for _, form := range forms {
			if at := strings.Index(event, form); at >= 0 {
				t.Errorf("%s is in the event as %q: …%s…", p.name, form, event[max(0, at-60):min(len(event), at+80)])
			}
		}
	}
}
