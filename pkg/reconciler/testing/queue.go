// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package testing

import (
	"context"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"knative.dev/pkg/controller"
)

// ExpectRetryWithin has a key fail on the work queue of a controller, a hundred times and once more, and waits for it.
func ExpectRetryWithin(t *testing.T, impl *controller.Impl, limit time.Duration) {
	t.Helper()
	queue := impl.WorkQueue()
	t.Cleanup(queue.ShutDown)
	failing, others := types.NamespacedName{Namespace: "payments", Name: "fix"}, types.NamespacedName{Namespace: "payments"}
	for range 100 {
		queue.AddRateLimited(failing)
	}
	for range 1000 {
		// All keys together have no budget that others could have used up.
		queue.AddRateLimited(others)
	}
	got := make(chan any)
	go func() {
		for {
			key, closed := queue.Get()
			if closed {
				return
			}
			queue.Done(key)
			select {
			case got <- key:
			case <-t.Context().Done():
				return
			}
		}
	}()
	// The first failure is due at once, and what came after it was merged with it.
	await(t, got, failing, limit)
	queue.AddRateLimited(failing)
	await(t, got, failing, limit)
}

func await(t *testing.T, got <-chan any, want any, limit time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	for {
		select {
		case key := <-got:
			if key == want {
				return
			}
		case <-ctx.Done():
			t.Fatalf("What fails for the 101st time is not tried again within %s", limit)
		}
	}
}
