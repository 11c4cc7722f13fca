// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// These clusters run beside the shared one, which is how it is shown that several can.

func TestKilledSupervisorLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	detached := Detached{State: t.TempDir()}
	state := up(t, detached)
	mustWork(t, state.Kubeconfig)
	if again := up(t, detached); again != state {
		t.Errorf("a second up: %+v, want %+v", again, state)
	}
	if found := processesOf(detached.State); len(found) < 9 {
		t.Errorf("expected etcd, three of Kubernetes, three of Tekton, kwok, the supervisor: %v", found)
	}
	if err := syscall.Kill(state.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	awaitNoProcess(t, detached.State)
	awaitNotRunning(t, detached)
	// What the dead one has left does not stand in the way of the next.
	up(t, detached)
	if found, err := detached.Down(t.Context()); !found || err != nil {
		t.Errorf("down: %v %v", found, err)
	}
	awaitNoProcess(t, detached.State)
	mustBeGone(t, filepath.Join(detached.State, "cluster"))
}

func TestStopLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	manifest := filepath.Join(dir, "namespace.yaml")
	if err := os.WriteFile(manifest, []byte("apiVersion: v1\nkind: Namespace\nmetadata: {name: early}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Start(t.Context(), Options{Dir: filepath.Join(dir, "state"), Manifests: []string{manifest}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.client.CoreV1().Namespaces().Get(t.Context(), "early", metav1.GetOptions{}); err != nil {
		t.Errorf("the manifest of the options: %v", err)
	}
	guest, err := c.StartProcess("guest", []string{"GREETING=hello"}, "/bin/sh", "-c", "echo $GREETING; exec sleep 1000 # "+c.Dir())
	if err != nil {
		t.Fatal(err)
	}
	if err := c.RestartAPIServer(t.Context()); err != nil {
		t.Errorf("restarting the API server: %v", err)
	}
	mustWork(t, c.Kubeconfig())
	before := c.Process(tektonController)
	after, err := c.Restart(tektonController)
	if err != nil || before.Running() || !after.Running() {
		t.Errorf("restarting Tekton's controller: %v", err)
	}
	if err := c.Stop(); err != nil {
		t.Error(err)
	}
	if guest.Running() {
		t.Error("the guest survived")
	}
	if found := processesOf(c.Dir()); len(found) > 0 {
		t.Errorf("processes survived: %v", found)
	}
	mustBeGone(t, c.Dir())
}

func TestProgramThatDiesEndsTheStartAtOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	program := filepath.Join(dir, "etcd")
	if err := os.WriteFile(program, []byte("#!/bin/sh\necho my disk is full\nexit 3\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	options := Options{Dir: filepath.Join(dir, "state"), Progress: &out}
	started := time.Now()
	_, err := start(t.Context(), options, &Programs{paths: map[string]string{etcd: program}})
	if err == nil {
		t.Fatal("it started")
	}
	if took := time.Since(started); took > 5*time.Second {
		t.Errorf("it took %s to notice", took)
	}
	log := filepath.Join(dir, "state", "logs", "etcd.log")
	for _, want := range []string{"etcd ended unexpectedly", "exit status 3", "my disk is full", log} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error lacks %q: %v", want, err)
		}
	}
	if !strings.Contains(out.String(), "kept in "+filepath.Join(dir, "state")) {
		t.Errorf("the state folder is not named: %s", out.String())
	}
}

func TestServiceAccountHasItsRightsOnly(t *testing.T) {
	t.Parallel()
	config, err := shared.ServiceAccountConfig(t.Context(), "tekton-pipelines", tektonWebhook)
	if err == nil {
		t.Fatalf("a token of a ServiceAccount that does not exist: %v", config)
	}
	config, err = shared.ServiceAccountConfig(t.Context(), "tekton-pipelines", "tekton-pipelines-webhook")
	if err != nil {
		t.Fatal(err)
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.CoreV1().Secrets("tekton-pipelines").Get(t.Context(), "webhook-certs", metav1.GetOptions{}); err != nil {
		t.Errorf("its own Secret: %v", err)
	}
	if _, err := client.CoreV1().Secrets("kube-system").List(t.Context(), metav1.ListOptions{}); err == nil {
		t.Error("it may read Secrets of kube-system")
	}
}

func TestApplyAndDryRun(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	files := map[string]string{
		"100-crd.yaml": `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.test}
spec:
  group: example.test
  names: {kind: Widget, plural: widgets, singular: widget, listKind: WidgetList}
  scope: Namespaced
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, properties: {size: {type: integer, maximum: 3}}}}
`,
		"200-widget.yaml": "apiVersion: example.test/v1\nkind: Widget\nmetadata: {name: first, namespace: default}\nsize: 3\n",
		"ignored.txt":     "this: is no manifest\n",
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := shared.Apply(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	if err := shared.DryRun(t.Context(), dir); err != nil {
		t.Errorf("dry run of what is there: %v", err)
	}
	tooBig := []byte(strings.Replace(files["200-widget.yaml"], "size: 3", "size: 4", 1))
	err := shared.ApplyManifests(t.Context(), ApplyOptions{DryRun: true}, tooBig)
	if err == nil || !strings.Contains(err.Error(), "less than or equal to 3") || !strings.Contains(err.Error(), "Widget first") {
		t.Errorf("dry run of what is wrong: %v", err)
	}
}

// up starts this test program as the supervisor.
func up(t *testing.T, detached Detached) DetachedState {
	t.Helper()
	var out bytes.Buffer
	state, err := detached.Up(t.Context(), &out, "/usr/bin/env", envSupervise+"="+detached.State, os.Args[0])
	if err != nil {
		t.Fatalf("up: %v\n%s", err, out.String())
	}
	return state
}

func mustWork(t *testing.T, kubeconfig string) {
	t.Helper()
	config, err := loadConfig(kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	nodes, err := client.CoreV1().Nodes().List(t.Context(), metav1.ListOptions{})
	if err != nil || len(nodes.Items) != 1 {
		t.Errorf("nodes: %v %v", nodes, err)
	}
}

func awaitNoProcess(t *testing.T, dir string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	err := poll(ctx, "waiting for all processes to end", func(context.Context) error {
		if found := processesOf(dir); len(found) > 0 {
			return fmt.Errorf("%v", found)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// awaitNotRunning waits, since a process that dies loses its arguments a moment before its locks.
func awaitNotRunning(t *testing.T, detached Detached) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	err := poll(ctx, "waiting for the lock of the supervisor", func(context.Context) error {
		_, running, err := detached.Running()
		if err == nil && running {
			err = errors.New("it is still held")
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func mustBeGone(t *testing.T, path string) {
	t.Helper()
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s is still there: %v", path, err)
	}
}

// processesOf are the processes whose arguments or environment name the state folder.
func processesOf(dir string) []string {
	var found []string
	folders, _ := filepath.Glob("/proc/[0-9]*")
	for _, folder := range folders {
		if filepath.Base(folder) == fmt.Sprint(os.Getpid()) {
			continue
		}
		arguments, _ := os.ReadFile(filepath.Join(folder, "cmdline"))
		environment, _ := os.ReadFile(filepath.Join(folder, "environ"))
		if bytes.Contains(arguments, []byte(dir)) || bytes.Contains(environment, []byte(dir)) {
			found = append(found, filepath.Base(folder)+" "+string(bytes.ReplaceAll(arguments, []byte{0}, []byte{' '})))
		}
	}
	return found
}
