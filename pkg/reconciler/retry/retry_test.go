// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package retry

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/logging"
	logtesting "knative.dev/pkg/logging/testing"
	"knative.dev/pkg/reconciler"
)

var key = types.NamespacedName{Namespace: "payments", Name: "fix"}

// scripted is a reconciler that returns one result after the other for the key. Another key asks for its failures.
type scripted struct {
	reconciler.LeaderAwareFuncs

	results  []error
	failures func() int
	counted  chan int
	again    func()
}

// Reconcile implements controller.Reconciler.
func (s *scripted) Reconcile(_ context.Context, called string) error {
	if called != key.String() {
		s.counted <- s.failures()
		return nil
	}
	if len(s.results) == 0 {
		return nil
	}
	result := s.results[0]
	if s.results = s.results[1:]; len(s.results) == 0 {
		s.again()
	}
	return result
}

// failuresAfter has the results reconciled by one of Knative's own workers, and counts when the last one is settled.
func failuresAfter(t *testing.T, results ...error) int {
	t.Helper()
	ctx, cancel := context.WithCancel(logtesting.TestContextWithLogger(t))
	s := &scripted{results: results, counted: make(chan int, 1)}
	impl := NewImpl(ctx, s, controller.ControllerOptions{
		WorkQueueName: "retry-" + t.Name(), Logger: logging.FromContext(ctx), Concurrency: 1,
	})
	s.failures = func() int { return impl.WorkQueue().NumRequeues(key) }
	s.again = func() { impl.EnqueueKey(types.NamespacedName{Namespace: "payments", Name: "count"}) }
	impl.EnqueueKey(key)
	done := make(chan error, 1)
	go func() { done <- impl.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	select {
	case failures := <-s.counted:
		return failures
	case <-time.After(time.Minute):
		t.Fatal("the key does not come back")
	}
	return 0
}

func TestFailuresCountUntilSomethingSucceeds(t *testing.T) {
	failure := errors.New("the API server is away")
	later := controller.NewRequeueAfter(time.Hour)
	for _, test := range []struct {
		name string
		last error
		want int
	}{
		{"success", nil, 0},
		{"asks to be called at a deadline", later, 0},
		{"asks so by a wrapped error", fmt.Errorf("the grace: %w", later), 0},
		{"skipped", controller.NewSkipKey("payments/fix"), 0},
		{"a repetition cannot help", controller.NewPermanentError(failure), 0},
		{"fails again", failure, 4},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := failuresAfter(t, failure, failure, failure, test.last); got != test.want {
				t.Errorf("%d failures are counted, want %d", got, test.want)
			}
		})
	}
}

func TestDelayDoesNotGrowBeyondItsLimit(t *testing.T) {
	limiter := Limiter()
	var last time.Duration
	for range 1000 {
		delay := limiter.When(key)
		if delay < last || delay > MaxDelay {
			t.Fatalf("%s after %s, want no less and at most %s", delay, last, MaxDelay)
		}
		last = delay
	}
	if last != MaxDelay {
		t.Errorf("%s after 1000 failures, want %s", last, MaxDelay)
	}
	limiter.Forget(key)
	if delay := limiter.When(key); delay != firstDelay {
		t.Errorf("%s for the first failure after a success, want %s", delay, firstDelay)
	}
}

// TestKeysDoNotWaitForEachOther: in an outage of the API server all executions fail at once, again and again.
func TestKeysDoNotWaitForEachOther(t *testing.T) {
	limiter := Limiter()
	for attempt := range 20 {
		for i := range 1000 {
			k := types.NamespacedName{Namespace: "payments", Name: fmt.Sprint(i)}
			if delay := limiter.When(k); delay > MaxDelay {
				t.Fatalf("failure %d of execution %d waits for %s, want at most %s", attempt, i, delay, MaxDelay)
			}
		}
	}
}

func TestEachReconcilerHasALimiterOfItsOwn(t *testing.T) {
	one, other := Limiter(), Limiter()
	for range 100 {
		one.When(key)
	}
	if delay := other.When(key); delay != firstDelay {
		t.Errorf("the failures of another reconciler delay by %s, want %s", delay, firstDelay)
	}
}

func TestElectionsReachTheReconciler(t *testing.T) {
	ctx := logtesting.TestContextWithLogger(t)
	s := &scripted{}
	promoted := false
	s.PromoteFunc = func(reconciler.Bucket, func(reconciler.Bucket, types.NamespacedName)) error {
		promoted = true
		return nil
	}
	impl := NewImpl(ctx, s, controller.ControllerOptions{WorkQueueName: "retry-elections", Logger: logging.FromContext(ctx)})
	aware, ok := impl.Reconciler.(reconciler.LeaderAware)
	if !ok {
		t.Fatal("nobody would ever lead")
	}
	if err := aware.Promote(reconciler.UniversalBucket(), impl.MaybeEnqueueBucketKey); err != nil || !promoted {
		t.Error("promoted:", promoted, err)
	}
}
