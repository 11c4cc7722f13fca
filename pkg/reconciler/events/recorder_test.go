// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package events

import (
	"context"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	fakekube "knative.dev/pkg/client/injection/kube/client/fake"
	logtesting "knative.dev/pkg/logging/testing"

	given "kubernaut.ai/workflowexecution/pkg/reconciler/testing"
)

// The reconciles that end after the context does are heard too.
func TestRecorderOutlivesItsContext(t *testing.T) {
	ctx, end := context.WithCancel(logtesting.TestContextWithLogger(t))
	ctx, kube := fakekube.With(ctx)
	recorder := NewRecorder(ctx, "workflowexecution-controller")
	end()
	recorder.Event(given.Execution("payments/fix"), corev1.EventTypeNormal, "LockReleased", "Freed the target")
	err := wait.PollUntilContextTimeout(t.Context(), 10*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
		told, err := kube.CoreV1().Events("payments").List(ctx, metav1.ListOptions{})
		return err == nil && len(told.Items) == 1 && told.Items[0].Source.Component == "workflowexecution-controller", err
	})
	if err != nil {
		t.Error("The event never came:", err)
	}
}
