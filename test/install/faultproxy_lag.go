// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package install

import (
	"io"
	"maps"
	"sync"
	"time"
)

// AllResources lets every watch lag.
const AllResources = "*"

// Lag holds back the news of a resource by that long, from now on, on watches that are open already
// too. Other calls are as fast as ever. 0 ends it, except for what is held back already.
func (p *FaultProxy) Lag(resource string, by time.Duration) { p.lags.set(resource, by) }

type lags struct {
	mu sync.Mutex
	by map[string]time.Duration
}

func (l *lags) set(resource string, by time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	changed := maps.Clone(l.by)
	if changed == nil {
		changed = map[string]time.Duration{}
	}
	changed[resource] = by
	l.by = changed
}

// of tells how much a resource lags whenever it is asked.
func (l *lags) of(resource string) func() time.Duration {
	return func() time.Duration {
		l.mu.Lock()
		defer l.mu.Unlock()
		return max(l.by[resource], l.by[AllResources])
	}
}

// laggingBody hands on what it reads later than it came, in its order.
type laggingBody struct {
	source  io.ReadCloser
	lag     func() time.Duration
	chunks  chan chunk
	current chunk
	closed  chan struct{}
	once    sync.Once
}

type chunk struct {
	data []byte
	due  time.Time
	err  error
}

const (
	chunkBytes    = 32 << 10
	chunksOnShelf = 1024
)

func newLaggingBody(source io.ReadCloser, lag func() time.Duration) *laggingBody {
	b := &laggingBody{source: source, lag: lag, chunks: make(chan chunk, chunksOnShelf), closed: make(chan struct{})}
	go b.collect()
	return b
}

func (b *laggingBody) collect() {
	for {
		data := make([]byte, chunkBytes)
		n, err := b.source.Read(data)
		select {
		case b.chunks <- chunk{data: data[:n], due: time.Now().Add(b.lag()), err: err}:
		case <-b.closed:
			return
		}
		if err != nil {
			return
		}
	}
}

// Read waits until something is due.
func (b *laggingBody) Read(p []byte) (int, error) {
	for len(b.current.data) == 0 && b.current.err == nil {
		select {
		case b.current = <-b.chunks:
		case <-b.closed:
			return 0, io.ErrClosedPipe
		}
		if !b.waitFor(b.current.due) {
			return 0, io.ErrClosedPipe
		}
	}
	n := copy(p, b.current.data)
	b.current.data = b.current.data[n:]
	if len(b.current.data) == 0 {
		return n, b.current.err
	}
	return n, nil
}

func (b *laggingBody) waitFor(due time.Time) bool {
	timer := time.NewTimer(time.Until(due))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-b.closed:
		return false
	}
}

// Close ends the watch.
func (b *laggingBody) Close() error {
	b.once.Do(func() { close(b.closed) })
	return b.source.Close()
}
