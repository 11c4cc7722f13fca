// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package pipelinerun

import (
	"fmt"
	"strings"
	"testing"
	"time"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"

	given "kubernaut.ai/workflowexecution/pkg/reconciler/testing"
	"kubernaut.ai/workflowexecution/pkg/targetlock"
)

func notOver(targetlock.Holder) bool { return false }

func TestDeletedRuns(t *testing.T) {
	ended := given.Run(execution(), given.Running(time.Minute), given.Succeeded(0))
	runs := given.Run(execution(), given.Running(time.Minute))
	for _, test := range []struct {
		name   string
		last   any
		isOver bool
		want   bool
	}{
		{name: "had ended", last: ended, want: true},
		{name: "had ended when it was last seen", last: cache.DeletedFinalStateUnknown{Obj: ended}, want: true},
		{name: "ran", last: runs},
		{name: "ran when it was last seen", last: cache.DeletedFinalStateUnknown{Obj: runs}},
		{name: "had not started", last: given.Run(execution())},
		{name: "had ended, which its execution knows", last: ended, isOver: true},
		{name: "was no run", last: "no run"},
	} {
		deletedRuns := NewDeletedRuns(func(holder targetlock.Holder) bool {
			return test.isOver && holder == HolderOf(ended)
		})
		deletedRuns.Remember(test.last)
		if got := deletedRuns.Of(ended.UID); (got != nil) != test.want || got != nil && !got.IsSuccessful() {
			t.Errorf("One that %s is remembered as %+v", test.name, got)
		}
	}
}

func TestDeletedRunsAreBounded(t *testing.T) {
	deletedRuns := NewDeletedRuns(notOver)
	for i := range maxDeletedRuns + 1 {
		run := given.Run(execution(), given.Running(time.Minute), given.Succeeded(0))
		run.UID = types.UID(fmt.Sprint(i))
		deletedRuns.Remember(run)
	}
	if deletedRuns.Of("0") != nil || deletedRuns.Of("1") == nil {
		t.Error("The first of too many is the one to be forgotten")
	}
}

// What a run was made of takes most of the memory, and explains no end.
func TestDeletedRunsAreSmall(t *testing.T) {
	run := given.Run(execution(), given.Running(time.Minute), given.Failed(0, tektonv1.PipelineRunReasonFailed))
	bulk := strings.Repeat("x", 1000)
	params := tektonv1.Params{{Name: "A", Value: *tektonv1.NewStructuredValues(bulk)}}
	run.Spec.Params = params
	task := &run.Status.PipelineSpec.Tasks[0]
	task.Params, task.TaskSpec = params, &tektonv1.EmbeddedTask{TaskSpec: tektonv1.TaskSpec{Description: bulk}}
	deletedRuns := NewDeletedRuns(notOver)
	deletedRuns.Remember(run)
	kept := deletedRuns.Of(run.UID)
	if strings.Contains(fmt.Sprintf("%+v", kept), bulk) || len(kept.Status.PipelineSpec.Tasks) != len(run.Status.PipelineSpec.Tasks) {
		t.Errorf("Kept is %+v", kept)
	}
	if task.TaskSpec == nil {
		t.Error("What the cache has was changed")
	}
}
