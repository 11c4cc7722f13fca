// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// progress writes whole lines, since several parts of the start report at the same time.
type progress struct {
	mu    sync.Mutex
	out   io.Writer
	start time.Time
}

func newProgress(out io.Writer) *progress {
	return &progress{out: out, start: time.Now()}
}

func (p *progress) printf(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, _ = fmt.Fprintf(p.out, format+"\n", args...)
}

// step reports something done and how long after the beginning.
func (p *progress) step(format string, args ...any) {
	p.printf("%6.1fs  %s", time.Since(p.start).Seconds(), fmt.Sprintf(format, args...))
}

// every calls report in the given rhythm until the returned function is called.
func every(interval time.Duration, report func(elapsed time.Duration)) (stop func()) {
	started := time.Now()
	ticker := time.NewTicker(interval)
	done := make(chan struct{})
	go func() {
		for {
			select {
			case <-done:
				return
			case <-ticker.C:
				report(time.Since(started))
			}
		}
	}()
	return func() {
		ticker.Stop()
		close(done)
	}
}
