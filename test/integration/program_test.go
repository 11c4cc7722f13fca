// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/test/install"
)

func TestShippedManifestsAreAccepted(t *testing.T) {
	t.Parallel()
	apply := exec.CommandContext(t.Context(), world.Cluster.Program("kubectl"), "--kubeconfig", world.Cluster.Kubeconfig(),
		"apply", "--dry-run=server", "-f", filepath.Join(world.Root, "config"))
	output, err := apply.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	for _, object := range []string{
		"namespace/kubernaut-workflows", "serviceaccount/workflowexecution-controller", "deployment.apps/workflowexecution-controller",
		"customresourcedefinition.apiextensions.k8s.io/workflowexecutions.kubernaut.ai", "configmap/config-workflowexecution",
	} {
		if !strings.Contains(string(output), object) {
			t.Errorf("%s was not applied:\n%s", object, output)
		}
	}
}

// A controller that cannot work says so in one line and does not claim to have done well.
func TestUnreachableAPIServerIsOneClearLine(t *testing.T) {
	t.Parallel()
	program := exec.CommandContext(t.Context(), world.Controller.Path(), "-server=https://127.0.0.1:1")
	program.Env = append(os.Environ(), "SYSTEM_NAMESPACE="+install.SystemNamespace, "KUBECONFIG=")
	expectOneLine(t, program, "cannot be reached")
}

// The API server is the real one; only the API in question is hidden.
func TestMissingAPIIsOneClearLine(t *testing.T) {
	t.Parallel()
	for path, words := range map[string]string{
		"/apis/tekton.dev/v1":         "is Tekton Pipelines installed?",
		"/apis/kubernaut.ai/v1alpha1": "is the WorkflowExecution CRD installed?",
	} {
		t.Run(words, func(t *testing.T) {
			t.Parallel()
			server := serverWithout(t, path)
			program := exec.CommandContext(t.Context(), world.Controller.Path(), "-server="+server)
			program.Env = append(os.Environ(), "SYSTEM_NAMESPACE="+install.SystemNamespace, "KUBECONFIG=")
			expectOneLine(t, program, words)
		})
	}
}

func serverWithout(t *testing.T, path string) string {
	t.Helper()
	cfg := world.Cluster.Config()
	transport, err := rest.TransportFor(cfg)
	must(t, err)
	target, err := url.Parse(cfg.Host)
	must(t, err)
	proxy := &httputil.ReverseProxy{Transport: transport, Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == path {
			http.NotFound(w, r)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func expectOneLine(t *testing.T, program *exec.Cmd, words string) {
	t.Helper()
	var output bytes.Buffer
	program.Stdout, program.Stderr = &output, &output
	err := program.Run()
	if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) || exit.ExitCode() == 0 {
		t.Errorf("expected a non-zero exit code, got %v", err)
	}
	if lines := strings.Split(strings.TrimSpace(output.String()), "\n"); len(lines) != 1 || !strings.Contains(lines[0], words) {
		t.Errorf("expected one line that says %q, got:\n%s", words, output.String())
	}
}

const (
	foreignRuns     = 2000
	ballastBytes    = 32 << 10
	foreignInFlight = 8
	allowedGrowth   = 24 << 20
)

// Runs that are not ours cost no memory, wherever they are: 2,000 with 32 KiB each would be 62 MiB in
// a cache, and more while they are decoded.
func TestForeignRunsCostNoMemory(t *testing.T) {
	elsewhere := newNamespace(t)
	before := residentBytes(t)
	group, ctx := errgroup.WithContext(t.Context())
	group.SetLimit(foreignInFlight)
	for i := range foreignRuns {
		namespace := elsewhere
		if i%2 == 0 {
			namespace = install.ExecutionNamespace
		}
		group.Go(func() error {
			_, err := world.Tekton.TektonV1().PipelineRuns(namespace).Create(ctx, &tektonv1.PipelineRun{
				ObjectMeta: metav1.ObjectMeta{
					Name:        fmt.Sprintf("foreign-%d", i),
					Labels:      map[string]string{"test": "foreign"},
					Annotations: map[string]string{"ballast": strings.Repeat("x", ballastBytes)},
				},
				Spec: tektonv1.PipelineRunSpec{
					// Tekton leaves alone what another controller manages: it would be busy for minutes.
					ManagedBy:    new("example.com/nobody"),
					Status:       tektonv1.PipelineRunSpecStatusPending,
					PipelineSpec: &tektonv1.PipelineSpec{Tasks: []tektonv1.PipelineTask{pipelineTask("other")}},
				},
			}, metav1.CreateOptions{})
			return err
		})
	}
	must(t, group.Wait())
	t.Cleanup(func() {
		for _, namespace := range []string{elsewhere, install.ExecutionNamespace} {
			_ = world.Tekton.TektonV1().PipelineRuns(namespace).DeleteCollection(t.Context(), metav1.DeleteOptions{},
				metav1.ListOptions{LabelSelector: "test=foreign"})
		}
	})

	// The controller has had the chance to see them: it still works, and was started anew beside them.
	kill(t)
	restart(t)
	image, _ := workflow{}.push(t, bundle(t))
	awaitPhase(t, submit(t, newExecution(newNamespace(t), "api", image)), v1alpha1.PhaseCompleted)
	after := residentBytes(t)
	t.Logf("resident memory: %d KiB before, %d KiB after %d foreign runs", before>>10, after>>10, foreignRuns)
	if after > before+allowedGrowth {
		t.Errorf("memory grew from %d to %d KiB with %d foreign runs", before>>10, after>>10, foreignRuns)
	}
}

func residentBytes(t *testing.T) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", world.Replica.PID()))
	must(t, err)
	for line := range strings.Lines(string(status)) {
		if value, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kib, err := strconv.Atoi(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(value), "kB")))
			must(t, err)
			return kib << 10
		}
	}
	t.Fatal("the kernel does not tell the resident memory")
	return 0
}
