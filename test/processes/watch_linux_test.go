// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package processes

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

const variable = "WORKFLOWEXECUTION_TEST_MARK"

func await(t *testing.T, what string, is func() bool) {
	t.Helper()
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	deadline := time.After(time.Minute)
	for !is() {
		select {
		case <-ticker.C:
		case <-deadline:
			t.Fatalf("waited a minute for %s", what)
		}
	}
}

func TestWatch(t *testing.T) {
	record := Watch(t.Context(), variable)
	// The shell has a child, which has the mark from it.
	marked := exec.CommandContext(t.Context(), "sh", "-c", "sleep 60; :")
	marked.Env = append(os.Environ(), variable+"=mine")
	if err := marked.Start(); err != nil {
		t.Fatal(err)
	}
	await(t, "the process to be seen", func() bool { return record.IsAlive("mine") })
	if record.Saw("min") || record.Saw("another") {
		t.Error("saw a mark that no process had")
	}
	if err := marked.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = marked.Wait()
	before, _ := record.Samples()
	await(t, "two more looks", func() bool {
		samples, _ := record.Samples()
		return len(samples) > len(before)+1
	})
	if !record.IsAlive("mine") {
		t.Error("the child is not seen any more, though it has outlived the shell")
	}
	killMarked(t, "min")
	if !record.IsAlive("mine") {
		t.Error("a process of another mark was killed")
	}
	killMarked(t, "another", "mine")
	await(t, "the end to be seen", func() bool { return !record.IsAlive("mine") })
	if !record.Saw("mine") {
		t.Error("what was alive once is forgotten")
	}
}

// killMarked does not mind processes of the computer that may not be looked at.
func killMarked(t *testing.T, marks ...string) {
	t.Helper()
	if err := Kill(variable, marks...); err != nil && !errors.Is(err, fs.ErrPermission) {
		t.Error(err)
	}
}

func TestEndedProcessHasNoMark(t *testing.T) {
	if mark, found, err := markIn(filepath.Join(t.TempDir(), "environ"), variable); found || err != nil {
		t.Errorf("got %q, %v", mark, err)
	}
}
