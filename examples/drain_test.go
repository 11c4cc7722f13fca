// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build unix

package examples_test

import (
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	cordon   = `{"spec":{"unschedulable":true},"metadata":{"annotations":{"kubernaut.ai/cordoned-by":"run-1"}}}`
	uncordon = `{"spec":{"unschedulable":null},"metadata":{"annotations":{"kubernaut.ai/cordoned-by":null}}}`

	schedulable = "get*) echo / ;;\n"
	byUs        = "get*) echo true/run-0 ;;\n"
	byOthers    = "get*) echo true/ ;;\n"
)

func drain(answers string) step {
	return step{folder: "drain-node", task: "drain", answers: answers, env: map[string]string{
		targetParameter: "node/worker-1", "DRAIN_TIMEOUT": "10m", "PIPELINE_RUN": "run-1",
	}}
}

func TestDrainUncordonsHoweverItEnds(t *testing.T) {
	for _, row := range []struct {
		name, answers string
		code          int
		verbs, says   string
	}{
		{name: "the drain ends well", answers: schedulable, verbs: "patch drain patch"},
		{name: "the drain fails", answers: schedulable + "drain*) exit 1 ;;", code: 1, verbs: "patch drain patch"},
		{name: "the cordon fails, or nobody knows whether", answers: schedulable + "*true*) exit 1 ;;", code: 1, verbs: "patch patch"},
		{
			name: "a run before it was killed", answers: byUs, verbs: "patch drain patch",
		},
		{
			name: "somebody else has cordoned the node", answers: byOthers, verbs: "drain",
			says: "node/worker-1 was cordoned before, by somebody else: it will stay so",
		},
		{name: "that node cannot be drained", answers: byOthers + "drain*) exit 1 ;;", code: 1, verbs: "drain"},
		{name: "there is no such node", answers: "get*) exit 1 ;;", code: 1},
		{
			name: "it cannot be uncordoned", answers: schedulable + "*null*) exit 1 ;;", code: 1,
			verbs: "patch drain patch patch patch patch", says: "node/worker-1 is still cordoned after 4 attempts: uncordon it by hand",
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			inEachShell(t, func(t *testing.T, shell []string) {
				got := drain(row.answers).run(t, shell)
				got.want(t, row.code, row.verbs, row.says)
				if patched := strings.Contains(row.verbs, "patch"); patched {
					checkPatches(t, got)
				}
			})
		})
	}
}

// checkPatches wants the first patch to cordon and the others to uncordon, each of the target and nothing else.
func checkPatches(t *testing.T, got outcome) {
	t.Helper()
	wanted := cordon
	for _, call := range got.calls {
		if verb(call) != "patch" {
			continue
		}
		if !strings.Contains(call, wanted) || !strings.HasSuffix(call, " -- node/worker-1") {
			t.Errorf("expected a patch of node/worker-1 with %s, not: %s", wanted, call)
		}
		wanted = uncordon
	}
}

// TestDrainUncordonsWhenItIsStopped: a pod that is deleted has 30 s before it is killed.
func TestDrainUncordonsWhenItIsStopped(t *testing.T) {
	const slow = schedulable + "drain*) exec sleep 600 ;;"
	for _, row := range []struct {
		name, answers string
		// group is whether the whole process group gets the signal, as from Tekton's entrypoint, or the shell alone.
		group bool
		verbs string
	}{
		{name: "all of it", answers: slow, group: true, verbs: "patch drain patch"},
		{name: "the shell", answers: slow, verbs: "patch drain patch"},
		{name: "a node that somebody else has cordoned", answers: byOthers + "drain*) exec sleep 600 ;;", group: true, verbs: "drain"},
		{
			name: "a drain that ignores the signal", group: true, verbs: "patch drain patch",
			answers: schedulable + "drain*) trap '' TERM; sleep 600 ;;",
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			inEachShell(t, func(t *testing.T, shell []string) {
				run := drain(row.answers).start(t, shell)
				run.awaitCall(t, "kubectl drain")
				pid := run.Process.Pid
				if row.group {
					pid = -pid
				}
				stopped := time.Now()
				if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
					t.Fatal(err)
				}
				run.wait(t).want(t, 143, row.verbs, "")
				if took := time.Since(stopped); took > 10*time.Second {
					t.Errorf("it took %s", took)
				}
			})
		})
	}
}

// TestDrainUncordonsWhenItIsStoppedEarly: the signal comes while the answer to the cordon is outstanding.
func TestDrainUncordonsWhenItIsStoppedEarly(t *testing.T) {
	inEachShell(t, func(t *testing.T, shell []string) {
		run := drain(schedulable+"*true*) exec sleep 600 ;;").start(t, shell)
		run.awaitCall(t, cordon)
		if err := syscall.Kill(-run.Process.Pid, syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		run.wait(t).want(t, 143, "patch patch", "")
	})
}

func TestDrainLeavesWhatDrivesIt(t *testing.T) {
	got := drain(schedulable).run(t, []string{"sh"})
	const want = "kubectl drain --ignore-daemonsets --delete-emptydir-data " +
		"--pod-selector=!tekton.dev/taskRun,app.kubernetes.io/part-of notin (kubernaut, tekton-pipelines) " +
		"--timeout=10m -- node/worker-1"
	for _, call := range got.calls {
		if verb(call) == "drain" && call != want {
			t.Errorf("it called\n%s\nwant\n%s", call, want)
		}
	}
	got.want(t, 0, "patch drain patch", "")
}

// TestTheFinallyTaskUncordonsWhatIsOurs and nothing else.
func TestTheFinallyTaskUncordonsWhatIsOurs(t *testing.T) {
	for name, row := range map[string]struct{ answers, verbs string }{
		"the step has uncordoned":         {},
		"the step was killed before that": {answers: "get*jsonpath*) echo run-1 ;;", verbs: "patch"},
	} {
		t.Run(name, func(t *testing.T) {
			inEachShell(t, func(t *testing.T, shell []string) {
				s := step{folder: "drain-node", task: "restore", answers: row.answers, env: map[string]string{targetParameter: "node/worker-1"}}
				s.run(t, shell).want(t, 0, row.verbs, "")
			})
		})
	}
}
