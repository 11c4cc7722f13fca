// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package pipelinerun

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// Pods of the run, as the API server has them, for a namespace that is not watched.
func (r *Runs) Pods(ctx context.Context, ref Ref) ([]*corev1.Pod, error) {
	all, err := r.pods(ctx, ref)
	pods := make([]*corev1.Pod, 0, len(all))
	for i := range all {
		pods = append(pods, &all[i])
	}
	return pods, err
}

// ElsewhereInterval is the time between two looks at a run of which no watch tells.
const ElsewhereInterval = 5 * time.Second

// ErrUnreachable means that the rights of the controller have moved to the new execution namespace, and the run has not.
var ErrUnreachable = errors.New("the run is in a namespace that is not the execution namespace any more")

// WithMissingRights makes a refusal an ErrUnreachable that says what to grant, if the run is not in the execution namespace.
func WithMissingRights(err error, namespace, executionNamespace string) error {
	if namespace == executionNamespace || !apierrors.IsForbidden(err) {
		return err
	}
	return fmt.Errorf("%w: give the controller's ServiceAccount in namespace %s what the Role workflowexecution-controller grants in %s, "+
		"until no execution has a run there: %w", ErrUnreachable, namespace, executionNamespace, err)
}
