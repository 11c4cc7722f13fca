// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package takeover

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubernaut.ai/workflowexecution/pkg/apierror"
	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/pkg/client/clientset/versioned"
	"kubernaut.ai/workflowexecution/pkg/targetlock"
)

// FindHolder reads the execution at the API server, nil if it is gone, though another may have its name. The
// error is that of the client: what the execution was wanted for, the caller knows.
func FindHolder(ctx context.Context, client versioned.Interface, holder targetlock.Holder) (*v1alpha1.WorkflowExecution, error) {
	live, err := client.KubernautV1alpha1().WorkflowExecutions(holder.Namespace).Get(ctx, holder.Name, metav1.GetOptions{})
	switch {
	case apierror.IsGone(err):
		return nil, nil
	case err != nil:
		return nil, err
	case live.UID != holder.UID:
		return nil, nil
	}
	return live, nil
}
