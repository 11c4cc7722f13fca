// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build unix

package examples_test

import (
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

const stepDeadline = 30 * time.Second

// step runs the script of one step of an example, as Tekton's entrypoint does: in a process group of its own, which
// gets all signals.
type step struct {
	folder, task string
	env          map[string]string
	// answers is the body of a case over the arguments of kubectl.
	answers string
}

// kubectl notes on one line how it was called before it answers.
const kubectl = `#!/bin/sh
echo "kubectl $(echo "$*" | tr '\n' ' ')" >>"$KUBECTL_CALLS"
case "$*" in
`

// outcome is what became of a step.
type outcome struct {
	code    int
	calls   []string
	output  string
	results map[string]string
}

// running is a step under way.
type running struct {
	*exec.Cmd
	calls, results, output string
}

// inEachShell runs a test with the shells that are there: sh always, and busybox's where it is installed.
func inEachShell(t *testing.T, test func(t *testing.T, shell []string)) {
	t.Helper()
	shells := map[string][]string{"sh": {"sh"}}
	if busybox, err := exec.LookPath("busybox"); err == nil {
		shells["busybox"] = []string{busybox, "sh"}
	}
	for name, shell := range shells {
		t.Run(name, func(t *testing.T) { test(t, shell) })
	}
}

func (s step) run(t *testing.T, shell []string) outcome {
	t.Helper()
	return s.start(t, shell).wait(t)
}

func (s step) start(t *testing.T, shell []string) *running {
	t.Helper()
	folder := t.TempDir()
	calls, results, script := filepath.Join(folder, "calls"), filepath.Join(folder, "results"), filepath.Join(folder, "script")
	write(t, calls, "", 0o600)
	write(t, script, s.script(t, results), 0o600)
	write(t, filepath.Join(folder, "kubectl"), kubectl+s.answers+"\nesac\n", 0o700)
	if err := os.Mkdir(results, 0o700); err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), shell[0], append(slices.Clone(shell[1:]), script)...)
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	command.Env = []string{"PATH=" + folder + ":" + os.Getenv("PATH"), "KUBECTL_CALLS=" + calls}
	for _, name := range slices.Sorted(maps.Keys(s.env)) {
		command.Env = append(command.Env, name+"="+s.env[name])
	}
	// A file, since a pipe would be waited for as long as any child holds it.
	output, err := os.Create(filepath.Join(folder, "output"))
	if err != nil {
		t.Fatal(err)
	}
	defer output.Close()
	command.Stdout, command.Stderr = output, output
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Kill(-command.Process.Pid, syscall.SIGKILL) })
	return &running{Cmd: command, calls: calls, results: results, output: output.Name()}
}

// script is the step's, with the paths of results that Tekton puts in.
func (s step) script(t *testing.T, results string) string {
	t.Helper()
	for _, task := range tasks(readPipeline(t, s.folder)) {
		if task.Name == s.task {
			path := regexp.MustCompile(`\$\(results\.([a-z]+)\.path\)`)
			return path.ReplaceAllString(task.TaskSpec.Steps[0].Script, results+"/$1")
		}
	}
	t.Fatalf("%s has no task %s", s.folder, s.task)
	return ""
}

// awaitCall waits until kubectl was called with these words.
func (r *running) awaitCall(t *testing.T, words string) {
	t.Helper()
	for deadline := time.Now().Add(stepDeadline); !strings.Contains(readFile(t, r.calls), words); {
		if time.Now().After(deadline) {
			t.Fatalf("kubectl %s was not called, only:\n%s", words, readFile(t, r.calls))
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func (r *running) wait(t *testing.T) outcome {
	t.Helper()
	ended := time.AfterFunc(stepDeadline, func() { _ = syscall.Kill(-r.Process.Pid, syscall.SIGKILL) })
	err := r.Wait()
	if !ended.Stop() {
		t.Fatalf("the step did not end within %s:\n%s", stepDeadline, readFile(t, r.output))
	}
	if failed := (*exec.ExitError)(nil); err != nil && !errors.As(err, &failed) {
		t.Fatal("Wait() =", err)
	}
	o := outcome{code: r.ProcessState.ExitCode(), output: readFile(t, r.output), results: map[string]string{}}
	if calls := strings.ReplaceAll(strings.TrimSpace(readFile(t, r.calls)), " \n", "\n"); calls != "" {
		o.calls = strings.Split(calls, "\n")
	}
	files, err := filepath.Glob(filepath.Join(r.results, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		o.results[filepath.Base(file)] = readFile(t, file)
	}
	return o
}

// verbs are the calls by their first word, without those that only read.
func (o outcome) verbs() string {
	var verbs []string
	for _, call := range o.calls {
		if verb := verb(call); verb != "get" {
			verbs = append(verbs, verb)
		}
	}
	return strings.Join(verbs, " ")
}

// verb is the first word of a call that is no option.
func verb(call string) string {
	for _, word := range strings.Fields(call)[1:] {
		if !strings.HasPrefix(word, "-") {
			return word
		}
	}
	return ""
}

// want checks code, what was written to the cluster, and some words of the output.
func (o outcome) want(t *testing.T, code int, verbs, says string) {
	t.Helper()
	if o.code != code || o.verbs() != verbs || !strings.Contains(o.output, says) {
		t.Errorf("ended with code %d after %q, want %d after %q, saying %q:\n%s\n%s",
			o.code, o.verbs(), code, verbs, says, strings.Join(o.calls, "\n"), o.output)
	}
}

func write(t *testing.T, file, content string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(file, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
}
