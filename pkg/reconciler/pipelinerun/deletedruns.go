// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package pipelinerun

import (
	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"
	"k8s.io/utils/lru"

	"kubernaut.ai/workflowexecution/pkg/targetlock"
)

// maxDeletedRuns is how many runs are remembered: as many as may end and be deleted before their executions are looked at.
const maxDeletedRuns = 1024

// DeletedRuns remembers how runs of ours ended that were deleted before their executions had noticed: whoever prunes runs
// within the second of their end is faster than a controller that is behind. It is lost with the process.
type DeletedRuns struct {
	isOver func(targetlock.Holder) bool
	runs   *lru.Cache
}

// NewDeletedRuns remembers nothing yet, and nothing of executions whose outcome is known.
func NewDeletedRuns(isOver func(targetlock.Holder) bool) *DeletedRuns {
	return &DeletedRuns{isOver: isOver, runs: lru.New(maxDeletedRuns)}
}

// Remember takes the last state of a run, as a watch gives it. One that had not ended proves nothing. One that had stays
// as it was, also where the watch has missed what came after.
func (d *DeletedRuns) Remember(object any) {
	if gone, ok := object.(cache.DeletedFinalStateUnknown); ok {
		object = gone.Obj
	}
	if run, ok := object.(*tektonv1.PipelineRun); ok && run.IsDone() && !d.isOver(HolderOf(run)) {
		d.runs.Add(run.UID, endOf(run))
	}
}

// Of is the run as it had ended, nil if that is not known. A nil DeletedRuns remembers none.
func (d *DeletedRuns) Of(run types.UID) *tektonv1.PipelineRun {
	if d == nil {
		return nil
	}
	found, _ := d.runs.Get(run)
	ended, _ := found.(*tektonv1.PipelineRun)
	return ended.DeepCopy()
}

// endOf leaves out what explains no end and takes most of the memory.
func endOf(run *tektonv1.PipelineRun) *tektonv1.PipelineRun {
	kept := run.DeepCopy()
	kept.ManagedFields, kept.Spec.Params, kept.Spec.PipelineSpec = nil, nil, nil
	if spec := kept.Status.PipelineSpec; spec != nil {
		for _, tasks := range [][]tektonv1.PipelineTask{spec.Tasks, spec.Finally} {
			for i := range tasks {
				tasks[i].TaskSpec, tasks[i].Params = nil, nil
			}
		}
	}
	return kept
}
