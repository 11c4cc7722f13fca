// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package startup

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/version"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/rest"
)

// answers is what an API server has to say, by path. What is not listed is not found.
type answers map[string]any

// code stands for an answer that is an error.
type code int

func healthyCluster() answers {
	return answers{
		"/version":                    version.Info{Major: "1", Minor: "32", GitVersion: "v1.32.0"},
		"/apis/tekton.dev/v1":         resources("tekton.dev/v1", "pipelineruns", "taskruns"),
		"/apis/kubernaut.ai/v1alpha1": resources("kubernaut.ai/v1alpha1", "workflowexecutions", "workflowexecutions/status"),
	}
}

func resources(groupVersion string, names ...string) metav1.APIResourceList {
	list := metav1.APIResourceList{TypeMeta: metav1.TypeMeta{Kind: "APIResourceList", APIVersion: "v1"}, GroupVersion: groupVersion}
	for _, name := range names {
		list.APIResources = append(list.APIResources, metav1.APIResource{Name: name})
	}
	return list
}

func serve(t *testing.T, a answers) *rest.Config {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer, known := a[r.URL.Path]
		if !known {
			answer = code(http.StatusNotFound)
		}
		if status, isError := answer.(code); isError {
			w.WriteHeader(int(status))
			answer = metav1.Status{
				TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: "Failure", Code: int32(status),
				Reason:  map[code]metav1.StatusReason{403: metav1.StatusReasonForbidden, 404: metav1.StatusReasonNotFound}[status],
				Message: http.StatusText(int(status)) + ": " + r.URL.Path,
			}
		} else {
			w.Header().Set("Content-Type", "application/json")
		}
		if err := json.NewEncoder(w).Encode(answer); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(server.Close)
	return &rest.Config{Host: server.URL, ContentConfig: rest.ContentConfig{ContentType: "application/json"}}
}

func TestPreflight(t *testing.T) {
	if err := preflight(t.Context(), serve(t, healthyCluster())); err != nil {
		t.Error("preflight() =", err)
	}
}

func TestPreflightSaysWhatIsMissing(t *testing.T) {
	tests := map[string]struct {
		path   string
		answer any
		want   string
	}{
		"no Tekton":        {"/apis/tekton.dev/v1", code(404), "is Tekton Pipelines installed? the API server does not serve pipelineruns of tekton.dev/v1"},
		"half a Tekton":    {"/apis/tekton.dev/v1", resources("tekton.dev/v1", "tasks"), "is Tekton Pipelines installed? the API server does not serve pipelineruns"},
		"no CRD":           {"/apis/kubernaut.ai/v1alpha1", code(404), "is the WorkflowExecution CRD installed? the API server does not serve workflowexecutions of kubernaut.ai/v1alpha1"},
		"forbidden":        {"/apis/tekton.dev/v1", code(403), "failed to discover tekton.dev/v1: Forbidden"},
		"too old":          {"/version", version.Info{GitVersion: "v1.29.3"}, "the API server runs Kubernetes v1.29.3: want 1.30 or newer"},
		"forbidden at all": {"/version", code(403), "Forbidden: /version"},
		"broken":           {"/apis/kubernaut.ai/v1alpha1", code(500), "failed to discover kubernaut.ai/v1alpha1"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			cluster := healthyCluster()
			cluster[tc.path] = tc.answer
			checkOneLine(t, preflight(t.Context(), serve(t, cluster)), tc.want)
		})
	}
}

func TestOldestKubernetes(t *testing.T) {
	for gitVersion, want := range map[string]string{
		"v1.30.0":          "",
		"v1.30.0-eks-1234": "",
		"1.30+":            "",
		"v1.100.0":         "",
		"v2.0.0":           "",
		"v1.29.3":          "the API server runs Kubernetes v1.29.3: want 1.30 or newer",
		"v1.29.3-gke.1":    "the API server runs Kubernetes v1.29.3-gke.1: want 1.30 or newer",
		"1.29+":            "the API server runs Kubernetes 1.29+: want 1.30 or newer",
		"v1.3.0":           "the API server runs Kubernetes v1.3.0: want 1.30 or newer",
		"v0.0.0-master":    `the API server calls its version "v0.0.0-master": want that of Kubernetes 1.30 or newer`,
		"edge":             `the API server calls its version "edge": want that of Kubernetes 1.30 or newer`,
		"":                 `the API server calls its version "": want that of Kubernetes 1.30 or newer`,
	} {
		t.Run(gitVersion, func(t *testing.T) {
			if err := newEnough(&version.Info{GitVersion: gitVersion}); want != "" {
				checkOneLine(t, err, want)
			} else if err != nil {
				t.Error("newEnough() =", err)
			}
		})
	}
	for _, gitVersion := range []string{"", "v0.0.0-master+$Format:%H$"} {
		if err := newEnough(&version.Info{GitVersion: gitVersion, Major: "1", Minor: "30+"}); err != nil {
			t.Errorf("newEnough(%q) = %v", gitVersion, err)
		}
	}
	checkOneLine(t, newEnough(&version.Info{GitVersion: "edge", Major: "1", Minor: "29+"}), "the API server runs Kubernetes 1.29+: want 1.30 or newer")
}

func TestPreflightWithoutAServer(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	checkOneLine(t, preflight(t.Context(), &rest.Config{Host: server.URL}),
		"the Kubernetes API server at "+server.URL+" cannot be reached")
}

// checkOneLine: the program prints the error and exits, so that it is all that an operator sees.
func checkOneLine(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
		t.Errorf("got %v, want one line with %q", err, want)
	}
}

func TestReadyWhileTektonIsServed(t *testing.T) {
	for name, tc := range map[string]struct {
		answer any
		ready  bool
	}{
		"served":      {resources("tekton.dev/v1", "pipelineruns"), true},
		"uninstalled": {code(404), false},
	} {
		t.Run(name, func(t *testing.T) {
			client, err := discovery.NewDiscoveryClientForConfig(serve(t, answers{"/apis/tekton.dev/v1": tc.answer}))
			if err != nil {
				t.Fatal(err)
			}
			if err := TektonServed(client)(t.Context()); (err == nil) != tc.ready {
				t.Error("TektonServed() =", err)
			}
		})
	}
}
