// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"context"
	"encoding/binary"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.uber.org/zap"
	"k8s.io/apimachinery/pkg/types"
	clocktesting "k8s.io/utils/clock/testing"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
)

const (
	crowd = 100_000
	// tries of the dead sink. In the first, each sixteenth execution has parameters of 16 KiB: to redact
	// those takes some 50 ms, and ten times that under the race detector, too long for all of them.
	tries    = 200
	fatEvery = 16
)

// crowdOf makes executions on the fly, so that none of them counts as memory of the recorder.
type crowdOf struct {
	pattern *v1alpha1.WorkflowExecution
	fat     map[string]string
	isFat   atomic.Bool
}

func (c *crowdOf) stored(name types.NamespacedName) *v1alpha1.WorkflowExecution {
	wfe := *c.pattern
	wfe.Namespace, wfe.Name, wfe.UID = name.Namespace, name.Name, types.UID(uidOf(name.Name).String())
	if n, err := strconv.Atoi(name.Name); err == nil && n%fatEvery == 0 && c.isFat.Load() {
		wfe.Spec.Parameters = c.fat
	}
	return &wfe
}

func uidOf(name string) (uid uuid.UUID) {
	n, err := strconv.ParseUint(name, 10, 64)
	if err != nil {
		panic(err)
	}
	binary.BigEndian.PutUint64(uid[8:], n)
	return uid
}

// crowdSink fails, until it is back and counts what is written to it.
type crowdSink struct {
	asked   chan int
	isBack  atomic.Bool
	written map[uuid.UUID]int
}

func (*crowdSink) Name() string { return "crowd" }
func (*crowdSink) Close()       {}

func (s *crowdSink) Write(_ context.Context, events []Event) (Receipt, error) {
	if !s.isBack.Load() {
		s.asked <- len(events)
		return Receipt{}, errDown
	}
	for i := range events {
		s.written[events[i].ID]++
	}
	return Receipt{Recorded: idsOf(events...)}, nil
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestMemoryIsBounded: while a sink is away, names pile up, and nothing else. Once it is back, each event
// is written exactly once.
func TestMemoryIsBounded(t *testing.T) {
	fake := clocktesting.NewFakeClock(ends.Time)
	c := &crowdOf{pattern: execution(busy), fat: map[string]string{"TEXT": strings.Repeat("replicas 3, ", 16<<10/12)}}
	c.pattern.Spec.Parameters = nil
	sink := &crowdSink{asked: make(chan int), written: map[uuid.UUID]int{}}
	var done atomic.Int64
	finished := make(chan struct{})
	before := heap()
	r := NewRecorder(Options{
		Stored: c.stored,
		Acknowledged: func(types.NamespacedName) {
			if done.Add(1) == crowd {
				close(finished)
			}
		},
		Log: &paper{}, Metrics: &meter{counts: map[string]int{}}, Clock: fake, Logger: zap.NewNop().Sugar(),
	})
	r.Use(sink)
	c.isFat.Store(true)
	for i := range crowd {
		r.Record(types.NamespacedName{Namespace: "kubernaut-system", Name: strconv.Itoa(i)})
	}
	ctx, stop := context.WithCancel(t.Context())
	stopped := make(chan struct{})
	go func() { defer close(stopped); r.Run(ctx) }()
	for try := range tries {
		receive(t, "Write", sink.asked)
		c.isFat.Store(false)
		waitForPause(t, fake)
		if try == 0 || try == tries-1 {
			expectSmall(t, heap()-before)
		}
		if try == tries-1 {
			sink.isBack.Store(true)
		}
		fake.Step(time.Minute)
	}
	receive(t, "end", finished)
	expectSmall(t, heap()-before)
	stop()
	receive(t, "end of Run", stopped)
	sink.expectAll(t)
}

func waitForPause(t *testing.T, fake *clocktesting.FakeClock) {
	t.Helper()
	for deadline := time.Now().Add(patience); !fake.HasWaiters(); runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatal("there is no pause")
		}
	}
}

func expectSmall(t *testing.T, growth int64) {
	t.Helper()
	const limit = 64 << 20
	t.Logf("the heap has grown by %d KiB", growth>>10)
	if growth > limit {
		t.Errorf("the heap has grown by %d MiB, want at most %d MiB", growth>>20, limit>>20)
	}
}

func (s *crowdSink) expectAll(t *testing.T) {
	t.Helper()
	if n := len(s.written); n != crowd {
		t.Errorf("%d events are written, want %d", n, crowd)
	}
	for i := range crowd {
		id := ID(types.UID(uidOf(strconv.Itoa(i)).String()), WorkflowSkipped)
		if n := s.written[id]; n != 1 {
			t.Fatalf("the event of execution %d is written %d times", i, n)
		}
	}
}
