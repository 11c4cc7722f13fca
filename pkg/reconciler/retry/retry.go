// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

// Package retry says when a reconciler of ours tries again what has failed.
package retry

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/reconciler"
)

const (
	// firstDelay comes after the first failure; each further one doubles it. What collided is repeated at once, and a
	// thousand executions that fail together ask the API server not more than a few thousand times in the first second.
	firstDelay = 20 * time.Millisecond

	// MaxDelay is the longest time between two attempts, however many have failed. A run whose time is up has to be
	// cancelled within 10 s once that is possible again, whatever kept it from being cancelled before: half of that leaves
	// as much for a call that hangs. Knative's own limit, 1000 s, would leave such a run to Tekton's timeout,
	// which skips finally tasks.
	MaxDelay = 5 * time.Second
)

// Reconciler is one that takes part in the election of leaders, as all of ours do.
type Reconciler interface {
	controller.Reconciler
	reconciler.LeaderAware
}

// NewImpl gives a reconciler a work queue with a Limiter of its own. A reconcile that asks to be called later has not
// failed: Knative goes on counting from the failures before it, so that a single one weeks later would wait as long as
// the next one in an outage.
func NewImpl(ctx context.Context, r Reconciler, options controller.ControllerOptions) *controller.Impl {
	options.RateLimiter = Limiter()
	forgetting := &forgetting{Reconciler: r}
	impl := controller.NewContext(ctx, forgetting, options)
	forgetting.forget = impl.WorkQueue().Forget
	return impl
}

// Limiter delays each key by its own failures only. The bucket that Kubernetes and Knative add for all keys together
// would have the last of 200 executions that fail a few times each wait for minutes.
func Limiter() workqueue.TypedRateLimiter[any] {
	return workqueue.NewTypedItemExponentialFailureRateLimiter[any](firstDelay, MaxDelay)
}

// forgetting ends the count of failures with a reconcile that asks to be called later.
type forgetting struct {
	Reconciler

	forget func(key any)
}

// Reconcile implements controller.Reconciler.
func (f *forgetting) Reconcile(ctx context.Context, key string) error {
	err := f.Reconciler.Reconcile(ctx, key)
	if later, _ := controller.IsRequeueKey(err); !later {
		return err
	}
	if namespace, name, split := cache.SplitMetaNamespaceKey(key); split == nil {
		f.forget(types.NamespacedName{Namespace: namespace, Name: name})
	}
	return err
}
