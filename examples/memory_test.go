// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build unix

package examples_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	// killedPods, and with them what the Deployment says: container api was OOM-killed and is the second one.
	killedPods = "*get\\ pods*) echo 'api api' ;;\n"
	selector   = "*--subresource=scale*) echo app=api ;;\n"
	containers = "*containers\\[\\*\\]*) echo 'proxy=64Mi api=256Mi ' ;;\n"
	trial      = "*--dry-run=server*) printf 512Mi ;;\n"
	memoryFine = selector + killedPods + containers + trial
)

func memory(task, answers string, env map[string]string) step {
	all := map[string]string{
		targetParameter: "shop/deployment/api", "MEMORY_LIMIT": "512Mi", "MEMORY_MAXIMUM": "1Gi", "SETTLE_SECONDS": "0",
		"ROLLOUT_TIMEOUT": "3m", "CONTAINER": "api", "INDEX": "1", "BEFORE": "256Mi", "AFTER": "512Mi", "STATUS": "Failed",
	}
	maps.Copy(all, env)
	return step{folder: "increase-memory", task: task, answers: answers, env: all}
}

func TestMemoryIsRaisedForGoodReasonsOnly(t *testing.T) {
	for _, row := range []struct {
		name, answers string
		env           map[string]string
		says          string
	}{
		{
			name: "not OOM-killed", answers: selector + "*get\\ pods*) ;;\n" + containers,
			says: "no container of deployment/api of shop was OOM-killed when it last ended: nothing was changed",
		},
		{
			name: "two were OOM-killed", answers: selector + "*get\\ pods*) echo 'proxy api' ;;\n" + containers,
			says: "both proxy and api were OOM-killed: a person has to choose",
		},
		{
			name: "no limit", answers: selector + killedPods + "*containers\\[\\*\\]*) echo 'proxy=64Mi api= ' ;;",
			says: "container api has no memory limit in deployment/api",
		},
		{
			name: "a limit that is there already", answers: memoryFine, env: map[string]string{"MEMORY_LIMIT": "256Mi"},
			says: "container api has a limit of 256Mi already, not less than MEMORY_LIMIT 256Mi",
		},
		{
			name: "a lower limit in other units", answers: memoryFine, env: map[string]string{"MEMORY_LIMIT": "268435k"},
			says: "not less than MEMORY_LIMIT 268435k",
		},
		{
			name: "above the maximum", answers: memoryFine, env: map[string]string{"MEMORY_LIMIT": "1025Mi"},
			says: "MEMORY_LIMIT 1025Mi is above MEMORY_MAXIMUM 1Gi",
		},
		{
			name: "no number", answers: memoryFine, env: map[string]string{"MEMORY_LIMIT": "Mi"},
			says: "Mi is no quantity of memory: it has to begin with a number from 1",
		},
		{
			name: "an octal number", answers: memoryFine, env: map[string]string{"MEMORY_LIMIT": "0512Mi"},
			says: "0512Mi is no quantity of memory",
		},
		{
			name: "JSON", answers: memoryFine, env: map[string]string{"MEMORY_LIMIT": `512Mi"}]`},
			says: `512Mi"}] is no quantity of memory: write a whole number with k, M, G, Ki, Mi, Gi or no unit`,
		},
		{
			name: "more than a number holds", answers: memoryFine, env: map[string]string{"MEMORY_LIMIT": "9999999999Gi"},
			says: "9999999999Gi is more memory than any machine has",
		},
		{
			name: "a maximum that is none", answers: memoryFine, env: map[string]string{"MEMORY_MAXIMUM": "lots"},
			says: "lots is no quantity of memory",
		},
		{
			name: "a limit that it cannot read", answers: selector + killedPods + "*containers\\[\\*\\]*) echo api=1e9 ;;",
			says: "1e9 is no quantity of memory",
		},
		{
			name: "no time to settle", answers: memoryFine, env: map[string]string{"SETTLE_SECONDS": "1m"},
			says: "SETTLE_SECONDS is 1m: write a whole number",
		},
		{name: "pods cannot be listed", answers: selector + "*get\\ pods*) echo refused >&2; exit 1 ;;", says: "refused"},
		{name: "no selector", answers: "*--subresource=scale*) ;;", says: "deployment/api of shop selects no pods"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			inEachShell(t, func(t *testing.T, shell []string) {
				memory("check", row.answers, row.env).run(t, shell).want(t, 1, "", row.says)
			})
		})
	}
}

func TestMemoryIsTriedFirst(t *testing.T) {
	t.Parallel()
	inEachShell(t, func(t *testing.T, shell []string) {
		got := memory("check", memoryFine, map[string]string{"MEMORY_LIMIT": "524288Ki"}).run(t, shell)
		got.want(t, 0, "patch", "container api of deployment/api of shop was OOM-killed with a limit of 256Mi; it can have 512Mi")
		results := map[string]string{"container": "api", "index": "1", "before": "256Mi", "after": "512Mi"}
		if diff := cmp.Diff(results, got.results); diff != "" {
			t.Errorf("results (-want +got):\n%s", diff)
		}
		last := got.calls[len(got.calls)-1]
		if !strings.Contains(last, "--dry-run=server") || !strings.Contains(last, change("256Mi", "524288Ki")) {
			t.Errorf("the last call is no trial of that change: %s", last)
		}
	})
}

// change is the patch that sets a limit, if the other one is in place.
func change(from, to string) string {
	const at = "/spec/template/spec/containers/1"
	return `[{"op":"test","path":"` + at + `/name","value":"api"},` +
		`   {"op":"test","path":"` + at + `/resources/limits/memory","value":"` + from + `"},` +
		`   {"op":"replace","path":"` + at + `/resources/limits/memory","value":"` + to + `"}]`
}

func TestMemoryIsRaisedAndPutBack(t *testing.T) {
	for _, row := range []struct {
		name, task, answers string
		env                 map[string]string
		code                int
		verbs, patch, says  string
	}{
		{name: "raised", task: "raise", verbs: "patch", patch: change("256Mi", "512Mi"), says: "the memory limit is 512Mi, and was 256Mi"},
		{name: "changed in between", task: "raise", answers: "*patch*) exit 1 ;;", code: 1, verbs: "patch"},
		{
			name: "put back after a failure", task: "restore", answers: "*get*) echo 512Mi ;;",
			verbs: "patch", patch: change("512Mi", "256Mi"), says: "has its old memory limit of 256Mi again",
		},
		{
			name: "put back where it cannot be told what ran", task: "restore", env: map[string]string{"STATUS": "None"},
			answers: "*get*) echo 512Mi ;;", verbs: "patch", patch: change("512Mi", "256Mi"),
		},
		{
			name: "kept after a success", task: "restore", env: map[string]string{"STATUS": "Succeeded"},
			says: "keeps its new memory limit of 512Mi",
		},
		{name: "never raised", task: "restore", answers: "*get*) echo 256Mi ;;", says: "is 256Mi, which this workflow did not set: it stays"},
		{name: "not put back", task: "restore", answers: "*get*) echo 512Mi ;;\n*patch*) exit 1 ;;", code: 1, verbs: "patch"},
		{name: "healthy", task: "verify", answers: selector, verbs: "rollout rollout", says: "deployment/api of shop is healthy"},
		{name: "not ready in time", task: "verify", answers: "*rollout*) exit 1 ;;", code: 1, verbs: "rollout"},
		{
			name: "OOM-killed again", task: "verify", answers: selector + killedPods, code: 1, verbs: "rollout rollout",
			says: "OOM-killed again with the new limit: api",
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			inEachShell(t, func(t *testing.T, shell []string) {
				got := memory(row.task, row.answers, row.env).run(t, shell)
				got.want(t, row.code, row.verbs, row.says)
				if calls := strings.Join(got.calls, "\n"); !strings.Contains(calls, row.patch) {
					t.Errorf("no patch %s in\n%s", row.patch, calls)
				}
			})
		})
	}
}
