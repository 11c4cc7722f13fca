// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package observer

import (
	"context"
	"fmt"
	"math"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
	"k8s.io/utils/ptr"
)

// Observer watches pods and Leases from its start on.
type Observer struct {
	client                       kubernetes.Interface
	podNamespace, leaseNamespace string

	pods, leases *history
	judge        Judge
	tenures      map[string][]Tenure
	end          context.CancelFunc
	ended        chan struct{}
}

// Tenure is a time, in revisions of the store, in which a Lease had one holder.
type Tenure struct {
	// Holder is the Lease's holderIdentity.
	Holder string
	// From is the first revision, Until the first one after it.
	From, Until uint64
}

// Start observes the pods of one namespace and the Leases of another. What was created before the
// call is seen as it is then, and everything that happens later. Stop ends it.
func Start(ctx context.Context, client kubernetes.Interface, podNamespace, leaseNamespace string) (*Observer, error) {
	o := &Observer{
		client: client, podNamespace: podNamespace, leaseNamespace: leaseNamespace,
		tenures: map[string][]Tenure{}, ended: make(chan struct{}),
	}
	o.pods = &history{source: podsOf(client, podNamespace), record: o.takePod}
	o.leases = &history{source: leasesOf(client, leaseNamespace), record: o.takeLease}
	ctx, o.end = context.WithCancel(ctx)
	for _, h := range []*history{o.pods, o.leases} {
		if err := h.begin(ctx); err != nil {
			o.end()
			return nil, err
		}
	}
	go func() {
		defer close(o.ended)
		leases := make(chan struct{})
		go func() {
			defer close(leases)
			o.leases.follow(ctx)
		}()
		o.pods.follow(ctx)
		<-leases
	}()
	return o, nil
}

// Stop ends the observation.
func (o *Observer) Stop() {
	o.end()
	<-o.ended
}

// CatchUp returns when everything was seen that has happened before the call. It fails if anything
// was missed since the start: then nothing that the observer says is worth anything.
func (o *Observer) CatchUp(ctx context.Context) error {
	marked, err := o.markPods(ctx)
	if err != nil {
		return fmt.Errorf("failed to mark the pods: %w", err)
	}
	if err := o.pods.catchUp(ctx, marked); err != nil {
		return err
	}
	if marked, err = o.markLeases(ctx); err != nil {
		return fmt.Errorf("failed to mark the Leases: %w", err)
	}
	return o.leases.catchUp(ctx, marked)
}

// Overlaps are those seen until now; see Judge.Overlaps.
func (o *Observer) Overlaps(targets map[types.UID]string) []Overlap {
	o.pods.mu.Lock()
	defer o.pods.mu.Unlock()
	return o.judge.Overlaps(targets)
}

// Spans are those of one execution until now.
func (o *Observer) Spans(execution types.UID) []Span {
	o.pods.mu.Lock()
	defer o.pods.mu.Unlock()
	return o.judge.Spans(execution)
}

// Strays are the spans that belong to no execution until now.
func (o *Observer) Strays() []Span {
	o.pods.mu.Lock()
	defer o.pods.mu.Unlock()
	return o.judge.Strays()
}

// Tenures are those of a Lease until now, in their order.
func (o *Observer) Tenures(lease string) []Tenure {
	o.leases.mu.Lock()
	defer o.leases.mu.Unlock()
	return append([]Tenure(nil), o.tenures[lease]...)
}

func (o *Observer) takePod(c change) {
	o.judge.Observe(c.revision, c.object.(*corev1.Pod), c.deleted) //nolint:errcheck // the source has pods only
}

func (o *Observer) takeLease(c change) {
	lease := c.object.(*coordinationv1.Lease) //nolint:errcheck // the source has Leases only
	holder := ptr.Deref(lease.Spec.HolderIdentity, "")
	if c.deleted {
		holder = ""
	}
	tenures := o.tenures[lease.Name]
	if last := len(tenures) - 1; last >= 0 && tenures[last].Until == math.MaxUint64 {
		if tenures[last].Holder == holder {
			return
		}
		tenures[last].Until = c.revision
	}
	if holder != "" {
		tenures = append(tenures, Tenure{Holder: holder, From: c.revision, Until: math.MaxUint64})
	}
	o.tenures[lease.Name] = tenures
}

func podsOf(client kubernetes.Interface, namespace string) Source {
	pods := client.CoreV1().Pods(namespace)
	return Source{
		List: func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
			return pods.List(ctx, options)
		},
		Watch: func(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
			return pods.Watch(ctx, options)
		},
	}
}

func leasesOf(client kubernetes.Interface, namespace string) Source {
	leases := client.CoordinationV1().Leases(namespace)
	return Source{
		List: func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
			return leases.List(ctx, options)
		},
		Watch: func(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
			return leases.Watch(ctx, options)
		},
	}
}
