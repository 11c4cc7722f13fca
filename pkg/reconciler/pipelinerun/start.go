// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package pipelinerun

import (
	"context"
	"encoding/json"
	"fmt"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"knative.dev/pkg/logging"

	"kubernaut.ai/workflowexecution/pkg/apierror"
)

// Start is the one write that starts a workflow. It changes a run only once: it tests the run's UID
// and that it is still pending. It returns the run as it was started, by this write or before it: by a reconcile before a
// crash, or by somebody else. It returns nil if there is nothing that could have started.
func (r *Runs) Start(ctx context.Context, run *tektonv1.PipelineRun) (started *tektonv1.PipelineRun, isOurs bool, err error) {
	patch, err := json.Marshal([]patchOperation{
		{Op: "test", Path: "/metadata/uid", Value: run.UID},
		{Op: "test", Path: "/spec/status", Value: tektonv1.PipelineRunSpecStatusPending},
		{Op: "remove", Path: "/spec/status"},
	})
	if err != nil {
		return nil, false, err
	}
	started, err = r.tekton.TektonV1().PipelineRuns(run.Namespace).Patch(ctx, run.Name, types.JSONPatchType, patch, metav1.PatchOptions{})
	switch {
	case apierrors.IsInvalid(err) || apierror.IsGone(err):
		started, err = r.startedEarlier(ctx, run, err)
		return started, false, err
	case err != nil:
		return nil, false, fmt.Errorf("failed to start PipelineRun %s/%s: %w", run.Namespace, run.Name, err)
	}
	return started, true, nil
}

// startedEarlier tells a test of the patch that failed, because the cache lags and the run was started, ended or deleted,
// from a refusal by a policy or a schema: then the run is still pending.
func (r *Runs) startedEarlier(ctx context.Context, run *tektonv1.PipelineRun, refused error) (*tektonv1.PipelineRun, error) {
	live, err := r.again(ctx, run)
	switch {
	case err != nil || live == nil:
		return nil, err
	case live.IsPending():
		return nil, fmt.Errorf("failed to start PipelineRun %s/%s: %w", run.Namespace, run.Name, refused)
	}
	logging.FromContext(ctx).Infow("The run is no longer pending", "reason", refused.Error())
	return live, nil
}

type patchOperation struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value,omitempty"`
}
