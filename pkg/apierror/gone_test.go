// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package apierror

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	tektonclientset "github.com/tektoncd/pipeline/pkg/client/clientset/versioned"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
)

var pipelineRuns = schema.GroupResource{Group: "tekton.dev", Resource: "pipelineruns"}

func status(s metav1.Status) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(int(s.Code))
		s.TypeMeta = metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}
		_ = json.NewEncoder(w).Encode(s)
	}
}

// TestIsGone asks with a real client, which makes errors of answers that are none.
func TestIsGone(t *testing.T) {
	bare := metav1.Status{Status: metav1.StatusFailure, Code: http.StatusNotFound, Reason: metav1.StatusReasonNotFound}
	for _, test := range []struct {
		name   string
		answer http.HandlerFunc
		want   bool
	}{
		{"the object does not exist", status(apierrors.NewNotFound(pipelineRuns, "fix").ErrStatus), true},
		{"its namespace does not exist", status(apierrors.NewNotFound(schema.GroupResource{Resource: "namespaces"}, "gone").ErrStatus), true},
		{"the path is not served", http.NotFound, false},
		{"a Status that names nothing", status(bare), false},
		{"a Status about the kind", status(apierrors.NewNotFound(pipelineRuns, "").ErrStatus), false},
		{"another refusal", status(apierrors.NewForbidden(pipelineRuns, "fix", errors.New("RBAC")).ErrStatus), false},
		{"no Status at all", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) }, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			server := httptest.NewServer(test.answer)
			defer server.Close()
			client := tektonclientset.NewForConfigOrDie(&rest.Config{Host: server.URL})
			_, err := client.TektonV1().PipelineRuns("kubernaut-workflows").Get(t.Context(), "fix", metav1.GetOptions{})
			if err == nil {
				t.Fatal("no error")
			}
			if got := IsGone(err); got != test.want {
				t.Errorf("IsGone(%v) = %t, want %t", err, got, test.want)
			}
			if got := IsNotServed(err); got != (apierrors.IsNotFound(err) && !test.want) {
				t.Errorf("IsNotServed(%v) = %t", err, got)
			}
			if got := IsGone(fmt.Errorf("failed to read: %w", err)); got != test.want {
				t.Errorf("IsGone() of the wrapped error = %t, want %t", got, test.want)
			}
		})
	}
	for _, other := range []error{nil, errors.New("not found")} {
		if IsGone(other) {
			t.Errorf("IsGone(%v)", other)
		}
	}
}
