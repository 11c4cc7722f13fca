// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package pipelinerun

import (
	"testing"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	"k8s.io/apimachinery/pkg/runtime"

	given "kubernaut.ai/workflowexecution/pkg/reconciler/testing"
)

// child is what Tekton makes for a pipeline in the pipeline of a run: it has the marks of its parent.
func child(parent *tektonv1.PipelineRun, facts ...given.RunOption) *tektonv1.PipelineRun {
	run := given.Run(execution(), facts...)
	run.Name, run.UID = parent.Name+"-child", "child"
	run.Labels["tekton.dev/pipelineRunUID"] = string(parent.UID)
	return run
}

func hasNested(run *tektonv1.PipelineRun) {
	run.Status.PipelineSpec.Tasks = append(run.Status.PipelineSpec.Tasks, tektonv1.PipelineTask{Name: "child", PipelineSpec: &tektonv1.PipelineSpec{}})
}

func refersToNested(run *tektonv1.PipelineRun) {
	run.Status.ChildReferences[0].Kind = "PipelineRun"
}

// Tekton gives what it makes for a pipeline in a pipeline the UID of another run.
func TestLeftoversOfPipelinesInPipeline(t *testing.T) {
	plain := given.Run(execution(), given.Running(0), given.Succeeded(0))
	parent := given.Run(execution(), given.Running(0), hasNested, given.Succeeded(0))
	referring := given.Run(execution(), given.Running(0), refersToNested, given.Succeeded(0))
	ended := child(parent, given.Running(0), given.Succeeded(0))
	grandchild := child(ended, given.Running(0))
	grandchild.Name, grandchild.UID = ended.Name+"-child", "grandchild"
	running, taskRun := child(parent, given.Running(0)), given.TaskRun(ended, "drain")
	for _, test := range []struct {
		name      string
		run       *tektonv1.PipelineRun
		objects   []runtime.Object
		text      string
		unwatched bool
	}{
		{"nothing", parent, []runtime.Object{ended, given.TaskRun(ended, "drain", given.TaskSucceeded)}, "", false},
		{"the run of one", parent, []runtime.Object{running}, "PipelineRun " + running.Name, true},
		{"the run of one that is only referred to", referring, []runtime.Object{running}, "PipelineRun " + running.Name, true},
		{"the run of one whose parent is gone", nil, []runtime.Object{running}, "PipelineRun " + running.Name, true},
		// Tekton says that a run is done before its TaskRuns are.
		{"a TaskRun", parent, []runtime.Object{ended, taskRun}, "TaskRun " + taskRun.Name, true},
		{"the run of one in one", parent, []runtime.Object{ended, grandchild}, "PipelineRun " + grandchild.Name, true},
		{"a CustomRun", parent, []runtime.Object{ended, given.CustomRun(ended, "approve")}, "CustomRun " + ended.Name + "-approve", true},
		{"a pod", parent, []runtime.Object{ended, given.Pod(ended, "drain")}, "pod " + ended.Name + "-drain-pod", false},
		{"a pod of its own", parent, []runtime.Object{given.Pod(parent, "drain")}, "pod " + parent.Name + "-drain-pod", false},
		// Nobody looks for what there cannot be: that would cost every execution four requests.
		{"of a run that has none", plain, []runtime.Object{running, taskRun}, "", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			ctx, r := server(t, test.objects)
			left, err := r.FindLeftovers(ctx, refTo(parent, parent.UID), test.run)
			if err != nil || left.String() != test.text {
				t.Errorf("%q is left, %v; want %q", left, err, test.text)
			}
			if left.Any() != (test.text != "") || left.hasUnwatched() != test.unwatched {
				t.Errorf("Any %t, unwatched %t", left.Any(), left.hasUnwatched())
			}
		})
	}
}
