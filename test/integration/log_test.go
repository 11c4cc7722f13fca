// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/test/cluster"
)

// A log that is read by machines is JSON from its first line to its last, whoever writes it, and on a
// day on which nothing goes wrong nobody is warned of anything.
func TestLogOfAHealthyDay(t *testing.T) {
	kill(t)
	t.Cleanup(func() { restart(t) })
	stopWebhook(t)
	webhook, err := world.Webhook.Start(t.Context())
	must(t, err)
	world.Admission = webhook
	controller, err := world.Controller.Start(t.Context())
	must(t, err)
	t.Cleanup(func() { must(t, controller.Kill()) })

	liveThroughADay(t)
	for _, process := range []*cluster.Process{controller, webhook} {
		end(t, process)
		lines := strings.Split(strings.TrimSuffix(contents(t, process), "\n"), "\n")
		for i, line := range lines {
			expectHealthy(t, process.Name(), i == 0, line)
		}
		t.Logf("%s wrote %d lines", process.Name(), len(lines))
	}
}

// liveThroughADay has one success, one failure and one skip, of which one follows the other, and some
// side by side.
func liveThroughADay(t *testing.T) {
	t.Helper()
	good, _ := workflow{}.push(t, bundle(t, "good"))
	bad, _ := workflow{simulate: map[string]string{cluster.AnnotationFailTask: "repair"}}.push(t, bundle(t, "bad"))
	namespace := newNamespace(t)
	same := withTarget(namespace + "/deployment/api")
	completed := submit(t, newExecution(namespace, "completed", good, same))
	failed := submit(t, newExecution(namespace, "failed", bad))
	removed := submit(t, newExecution(namespace, "removed", good))
	awaitPhase(t, completed, v1alpha1.PhaseCompleted)
	awaitPhase(t, failed, v1alpha1.PhaseFailed)
	awaitPhase(t, submit(t, newExecution(namespace, "skipped", good, same)), v1alpha1.PhaseSkipped)
	awaitPhase(t, removed, v1alpha1.PhaseCompleted)
	deleteExecution(t, removed)
	awaitNoExecution(t, removed)
}

func end(t *testing.T, process *cluster.Process) {
	t.Helper()
	must(t, process.Interrupt())
	select {
	case <-process.Done():
	case <-time.After(patience):
		t.Fatalf("%s did not end", process.Name())
	}
	expect(t, "exit code of "+process.Name(), 0, process.ExitCode())
}

func contents(t *testing.T, process *cluster.Process) string {
	t.Helper()
	data, err := os.ReadFile(process.Log())
	must(t, err)
	return string(data)
}

func expectHealthy(t *testing.T, program string, isFirst bool, line string) {
	t.Helper()
	var entry map[string]any
	if err := json.Unmarshal([]byte(line), &entry); err != nil {
		t.Errorf("%s: no JSON: %s", program, line)
		return
	}
	wanted := []string{"severity", "timestamp", "logger", "message"}
	_, isEvent := entry["event_type"]
	switch {
	case isEvent:
		// Those of the audit trail are of the platform's form. That a workflow has failed is its severity.
		wanted = []string{"severity", "event_timestamp", "event_id"}
	case isFirst:
		wanted = append(wanted, "version", "commit", "goVersion")
	}
	for _, key := range wanted {
		if text, ok := entry[key].(string); !ok || text == "" {
			t.Errorf("%s: no %s: %s", program, key, line)
		}
	}
	if !isEvent && entry["severity"] != "info" {
		t.Errorf("%s: not healthy: %s", program, line)
	}
}

func TestProgramsSayWhichBuildTheyAre(t *testing.T) {
	t.Parallel()
	form := regexp.MustCompile(`^(\S+) \S+ \(commit \S+, go1\.\S+ \w+/\w+\)\n$`)
	for component, path := range map[string]string{
		"workflowexecution": world.Controller.Path(), "workflowexecution-webhook": world.Webhook.Path(),
	} {
		// Without a cluster, and before anything is checked.
		program := exec.CommandContext(context.WithoutCancel(t.Context()), path, "--version")
		program.Env = []string{}
		output, err := program.Output()
		must(t, err)
		if found := form.FindStringSubmatch(string(output)); len(found) != 2 || found[1] != component {
			t.Errorf("%s says %q", component, output)
		}
	}
}
