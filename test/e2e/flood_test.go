// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
)

// floodPause is between two creations of one target's flood.
const floodPause = 50 * time.Millisecond

// flood is many executions on targets that others hold.
type flood struct {
	namespace      string
	asked, created atomic.Int64
	stop           func()
}

// startFlood creates executions like the given ones, on their targets, until stop. None may be refused.
func startFlood(t *testing.T, holders ...*v1alpha1.WorkflowExecution) *flood {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var creators sync.WaitGroup
	f := &flood{namespace: holders[0].Namespace, stop: func() { cancel(); creators.Wait() }}
	t.Cleanup(f.stop)
	for _, holder := range holders {
		creators.Go(func() {
			for ticker := time.NewTicker(floodPause); ctx.Err() == nil; {
				f.create(t, holder)
				select {
				case <-ctx.Done():
				case <-ticker.C:
				}
			}
		})
	}
	return f
}

func (f *flood) create(t *testing.T, holder *v1alpha1.WorkflowExecution) {
	wfe := execution(holder.Namespace, fmt.Sprintf("flood-%d", f.asked.Add(1)), holder.Spec.WorkflowRef.ContainerImage)
	wfe.Spec.TargetResource = holder.Spec.TargetResource
	wfe.Labels = map[string]string{floodLabel: "true"}
	_, err := w.Executions.KubernautV1alpha1().WorkflowExecutions(holder.Namespace).Create(t.Context(), wfe, metav1.CreateOptions{})
	if err != nil {
		t.Errorf("creating %s: %v", wfe.Name, err)
		return
	}
	f.created.Add(1)
}

const floodLabel = "e2e.kubernaut.ai/flood"

// expectSkipped stops the flood and waits until all its executions are over, which has to be because the targets were
// held.
func (f *flood) expectSkipped(t *testing.T, atLeast int) {
	t.Helper()
	f.stop()
	until(t, "the end of all executions of the flood", patience, func(ctx context.Context) string {
		list, err := w.Executions.KubernautV1alpha1().WorkflowExecutions(f.namespace).List(ctx, metav1.ListOptions{LabelSelector: floodLabel})
		if err != nil {
			return err.Error()
		}
		phases := map[v1alpha1.Phase]int{}
		for _, wfe := range list.Items {
			phases[wfe.Status.Phase]++
		}
		if phases[v1alpha1.PhaseSkipped] < int(f.created.Load()) {
			return fmt.Sprintf("of %d executions these are there: %v", f.created.Load(), phases)
		}
		return ""
	})
	t.Logf("%d executions were created and skipped", f.created.Load())
	if int(f.created.Load()) < atLeast {
		t.Errorf("only %d executions were created; at least %d would show something", f.created.Load(), atLeast)
	}
}
