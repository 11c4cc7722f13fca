// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package pipelinerun

import (
	"context"
	"fmt"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	"k8s.io/apimachinery/pkg/types"

	"kubernaut.ai/workflowexecution/pkg/reconciler/pipelinerun/resources"
)

// findNested adds what pipelines in the pipeline have left. Tekton marks that with the UIDs of their own runs, so it is
// looked for by the marks of the execution, which it carries as well. Only a pipeline that has such tasks is looked at, and
// one that nobody can look at any more.
func (r *Runs) findNested(ctx context.Context, ref Ref, run *tektonv1.PipelineRun, l *Leftovers) error {
	if ref.UID == "" || run != nil && !resources.HasPipelinesInPipeline(run) {
		return nil
	}
	marked := Ref{Namespace: ref.Namespace, Execution: ref.Execution}
	list, err := r.tekton.TektonV1().PipelineRuns(marked.Namespace).List(ctx, marked.children())
	if err != nil {
		return fmt.Errorf("failed to list the runs of pipelines in the pipeline: %w", err)
	}
	nested := descendants(ref.UID, list.Items)
	if len(nested) == 0 {
		return nil
	}
	for _, run := range nested {
		if !run.IsDone() {
			l.nested = append(l.nested, describe(run))
		}
	}
	return r.findMadeByNested(ctx, marked, nested, l)
}

// findMadeByNested looks for what those runs have made, in the order in which it is made.
func (r *Runs) findMadeByNested(ctx context.Context, marked Ref, nested map[types.UID]*tektonv1.PipelineRun, l *Leftovers) error {
	taskRuns, err := r.TaskRuns(ctx, marked)
	if err != nil {
		return err
	}
	customRuns, err := r.runningCustomRuns(ctx, marked)
	if err != nil {
		return err
	}
	pods, err := r.livePods(ctx, marked)
	if err != nil {
		return err
	}
	for i := range taskRuns {
		if taskRun := &taskRuns[i]; nested[resources.RunUIDOf(taskRun)] != nil && !taskRun.IsDone() {
			l.nested = append(l.nested, "TaskRun "+taskRun.Name)
		}
	}
	for _, customRun := range customRuns {
		if nested[resources.RunUIDOf(customRun)] != nil {
			l.nested = append(l.nested, "CustomRun "+customRun.Name)
		}
	}
	for _, pod := range pods {
		if nested[resources.RunUIDOf(pod)] != nil {
			l.pods = append(l.pods, pod)
		}
	}
	return nil
}

// descendants are the runs that Tekton has made for pipelines in the pipeline of a run, and in theirs.
func descendants(of types.UID, runs []tektonv1.PipelineRun) map[types.UID]*tektonv1.PipelineRun {
	found := map[types.UID]*tektonv1.PipelineRun{}
	for range runs {
		for i := range runs {
			if parent := resources.RunUIDOf(&runs[i]); parent == of || found[parent] != nil {
				found[runs[i].UID] = &runs[i]
			}
		}
	}
	return found
}
