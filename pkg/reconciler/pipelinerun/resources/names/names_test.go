// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package names

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation"
	"pgregory.net/rapid"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
)

func named(name, uid string) *v1alpha1.WorkflowExecution {
	return &v1alpha1.WorkflowExecution{ObjectMeta: metav1.ObjectMeta{Name: name, UID: types.UID(uid)}}
}

func TestPipelineRun(t *testing.T) {
	tests := map[string]struct{ name, uid, want string }{
		"short": {"fix-api", "u", "fix-api-0bfe935e70"},
		// What does not fit is replaced by a hash of all of it.
		"long": {strings.Repeat("a", 200), "u", strings.Repeat("a", 20) + "887f30b43b2867f4a9accceee7d16e6c-0bfe935e70"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if got := PipelineRun(named(tc.name, tc.uid)); got != tc.want {
				t.Errorf("PipelineRun() = %q, want %q", got, tc.want)
			}
		})
	}
}

func TestPipelineRunIsAlwaysAName(t *testing.T) {
	execution := rapid.Custom(func(t *rapid.T) string {
		return rapid.StringMatching(`[a-z0-9]([-a-z0-9]{0,40}[a-z0-9])?(\.[a-z0-9]([-a-z0-9]{0,40}[a-z0-9])?){0,4}`).
			Filter(func(s string) bool { return len(s) <= 200 }).Draw(t, "name")
	})
	rapid.Check(t, func(t *rapid.T) {
		name, uid := execution.Draw(t, "execution"), rapid.StringMatching(`[0-9a-f]{8}`).Draw(t, "uid")
		got := PipelineRun(named(name, uid))
		// Tekton demands a subdomain of at most 63 characters, and uses the name as the value of a label.
		if msgs := validation.IsDNS1123Subdomain(got); len(msgs) > 0 || len(got) > 63 {
			t.Fatalf("%q: %v", got, msgs)
		}
		if msgs := validation.IsValidLabelValue(got); len(msgs) > 0 {
			t.Fatalf("%q: %v", got, msgs)
		}
		if again := PipelineRun(named(name, uid)); again != got {
			t.Fatalf("%q the first time, %q the second time", got, again)
		}
		if other := PipelineRun(named(name, uid+"0")); other == got {
			t.Fatalf("two executions share %q", got)
		}
		if other := PipelineRun(named(name+"0", uid)); other == got {
			t.Fatalf("two names share %q", got)
		}
	})
}
