// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package pipelinerun

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"knative.dev/pkg/logging"
)

// logDeed tells in the log what was done to an object of a run. Of what is rare and cannot be undone, people ask later why
// it was done, and for whom.
func logDeed(ctx context.Context, deed string, object metav1.Object, more ...any) {
	holder := HolderOf(object)
	logging.FromContext(ctx).Infow(deed, append([]any{
		"object", object.GetNamespace() + "/" + object.GetName(), "execution", holder.Namespace + "/" + holder.Name,
	}, more...)...)
}

// logDeletion tells of one that was not too late.
func logDeletion(ctx context.Context, deed string, object metav1.Object, err error) {
	if err == nil {
		logDeed(ctx, deed, object)
	}
}
