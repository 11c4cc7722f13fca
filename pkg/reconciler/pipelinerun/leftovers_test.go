// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package pipelinerun

import (
	"testing"

	"k8s.io/apimachinery/pkg/runtime"

	given "kubernaut.ai/workflowexecution/pkg/reconciler/testing"
)

func TestLeftovers(t *testing.T) {
	works, ended := given.Run(execution(), given.Running(0)), given.Run(execution(), given.Running(0), given.Succeeded(0))
	name := works.Name
	for _, test := range []struct {
		name                 string
		ended                bool
		objects              []runtime.Object
		text                 string
		any, runs, unwatched bool
	}{
		{name: "nothing", ended: true},
		{name: "what has ended", ended: true, objects: []runtime.Object{
			given.TaskRun(ended, "drain", given.TaskSucceeded), given.Pod(ended, "drain", given.PodEnded),
		}},
		{name: "the run", text: "the PipelineRun", any: true, runs: true, unwatched: true},
		{name: "a pod", ended: true, objects: []runtime.Object{given.Pod(ended, "drain")}, text: "pod " + name + "-drain-pod", any: true},
		{
			name: "a pod without our label", ended: true, objects: []runtime.Object{given.Pod(ended, "drain", given.PodUnlabelled)},
			text: "pod " + name + "-drain-pod", any: true, unwatched: true,
		},
		{
			name: "everything",
			objects: []runtime.Object{
				given.TaskRun(works, "drain"), given.TaskRun(works, "restart"), given.CustomRun(works, "approve"), given.Pod(works, "drain"),
			},
			text: "the PipelineRun, TaskRun " + name + "-drain, TaskRun " + name + "-restart, CustomRun " + name + "-approve, " +
				"pod " + name + "-drain-pod",
			any: true, runs: true, unwatched: true,
		},
		{name: "what another run of that name has", ended: true, objects: []runtime.Object{
			given.TaskRun(given.Run(execution(), given.Again), "drain"), given.Pod(given.Run(execution(), given.Again), "drain"),
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			ctx, r := server(t, test.objects)
			run := works
			if test.ended {
				run = ended
			}
			left, err := r.FindLeftovers(ctx, refTo(run, run.UID), run)
			if err != nil {
				t.Fatal(err)
			}
			if left.String() != test.text {
				t.Errorf("%q is left, want %q", left, test.text)
			}
			if left.Any() != test.any || left.hasRuns() != test.runs || left.hasUnwatched() != test.unwatched {
				t.Errorf("Any %t, Runs %t, Unwatched %t; want %t, %t, %t",
					left.Any(), left.hasRuns(), left.hasUnwatched(), test.any, test.runs, test.unwatched)
			}
		})
	}
}
