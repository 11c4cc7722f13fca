// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"encoding/base64"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/test/install"
)

// What a registry lets in.
const (
	registryUser     = "workflows"
	registryPassword = "let-me-in"
)

// testPrivateRegistry fetches a bundle from a registry that wants a password, which one ServiceAccount has.
func testPrivateRegistry(t *testing.T) {
	address := newPrivateRegistry(t)
	g := newGuide(t, install.ExecutionNamespace,
		"registry.example.com", address, "restart-deployment", "private-registry", "$(IMAGE)", shellImage(),
		"docker-registry workflows", "docker-registry private-registry", `"name":"workflows"`, `"name":"private-registry"`,
		"--docker-username=…", "--docker-username="+registryUser, "--docker-password=…", "--docker-password="+registryPassword)
	newServiceAccount(t, "private-registry")
	newServiceAccount(t, "no-private-registry")
	t.Cleanup(func() {
		secrets := w.Kube.CoreV1().Secrets(install.ExecutionNamespace)
		if err := secrets.Delete(context.Background(), "private-registry", metav1.DeleteOptions{}); err != nil {
			t.Error(err)
		}
	})
	g.follow(t, "docs/authoring.md", "**Private registries.**")
	logIn(t, g, address)
	g.write(t, "pipeline.yaml", privatePipeline)
	g.follow(t, "docs/authoring.md", "## Push it, sign it")

	namespace, bundle := newNamespace(t), address+"/workflows/private-registry:v1"
	ended := awaitEnd(t, submit(t, runAs("private-registry", execution(namespace, "with", bundle))))
	if ended.Status.Phase != v1alpha1.PhaseCompleted {
		t.Errorf("with the password it ended as %s: %+v", ended.Status.Phase, ended.Status.FailureDetails)
	}
	ended = awaitEnd(t, submit(t, runAs("no-private-registry", execution(namespace, "without", bundle))))
	details := ended.Status.FailureDetails
	if details == nil || details.Reason != v1alpha1.FailureConfigurationError || details.WasExecutionFailure ||
		!strings.Contains(details.Message, "UNAUTHORIZED") {
		t.Errorf("without the password it ended as %s: %+v", ended.Status.Phase, details)
	}
}

const privatePipeline = `
apiVersion: tekton.dev/v1
kind: Pipeline
metadata: {name: workflow}
spec:
  tasks:
  - name: work
    taskSpec:
      steps:
      - {name: main, image: $(IMAGE), script: "true"}
`

// newPrivateRegistry starts a registry where Tekton's resolver finds it, and returns its address.
func newPrivateRegistry(t *testing.T) (address string) {
	t.Helper()
	content := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user == registryUser && password == registryPassword {
			content.ServeHTTP(out, r)
			return
		}
		out.Header().Set("WWW-Authenticate", `Basic realm="workflows"`)
		out.WriteHeader(http.StatusUnauthorized)
		_, _ = io.WriteString(out, `{"errors": [{"code": "UNAUTHORIZED", "message": "who are you?"}]}`)
	}))
	host, _, err := net.SplitHostPort(w.Cluster.Registry())
	if err != nil {
		t.Fatal(err)
	}
	if server.Listener, err = (&net.ListenConfig{}).Listen(t.Context(), "tcp", net.JoinHostPort(host, "0")); err != nil {
		t.Fatal(err)
	}
	server.Start()
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// logIn is what "docker login" does.
func logIn(t *testing.T, g *guide, address string) {
	t.Helper()
	credentials := base64.StdEncoding.EncodeToString([]byte(registryUser + ":" + registryPassword))
	g.write(t, ".docker/config.json", `{"auths": {"`+address+`": {"auth": "`+credentials+`"}}}`)
}

func newServiceAccount(t *testing.T, name string) {
	t.Helper()
	accounts := w.Kube.CoreV1().ServiceAccounts(install.ExecutionNamespace)
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: name}}
	if _, err := accounts.Create(t.Context(), account, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := accounts.Delete(context.Background(), name, metav1.DeleteOptions{}); err != nil {
			t.Error(err)
		}
	})
}
