// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package runinformers

import (
	"context"

	"knative.dev/pkg/logging"

	"kubernaut.ai/workflowexecution/pkg/reconciler/runs"
)

// Index finds what both informers know by its target. It has to be called before they are started.
func Index(ctx context.Context) *runs.Index {
	index, err := runs.NewIndex(PipelineRuns(ctx).Informer().GetIndexer(), Pods(ctx).Informer().GetIndexer())
	if err != nil {
		logging.FromContext(ctx).Fatalw("Failed to index the runs by their targets", "error", err)
	}
	return index
}
