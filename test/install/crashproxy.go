// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package install

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"

	"kubernaut.ai/workflowexecution/test/cluster"
)

// CrashProxy stands between a replica and the API server, and ends whoever it is told to end at a
// chosen write: before the API server sees it, or after the API server has done it and before the
// replica learns of that.
type CrashProxy struct {
	*relay

	mu     sync.Mutex
	writes []string
	at     int
	after  bool
	crash  *crash
}

// crash is what happens at the armed write.
type crash struct {
	kill    func()
	reached chan struct{}
}

func (c *crash) happen() {
	c.kill()
	close(c.reached)
}

type crashKey struct{}

var errCrashed = errors.New("the replica was ended here")

// NewCrashProxy makes one that only forwards and counts, until it is armed.
func NewCrashProxy(c *cluster.Cluster) (*CrashProxy, error) {
	p := &CrashProxy{}
	var err error
	p.relay, err = newRelay(c, p.beforeWrite, p.afterWrite)
	return p, err
}

// Arm begins to count writes anew, from 1, and ends the replica by kill at the given one. At 0 it
// counts only. The channel is closed when that has happened.
func (p *CrashProxy) Arm(at int, after bool, kill func()) <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.writes, p.at, p.after = nil, at, after
	p.crash = &crash{kill: kill, reached: make(chan struct{})}
	return p.crash.reached
}

// Writes are those counted since Arm.
func (p *CrashProxy) Writes() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.writes...)
}

func (p *CrashProxy) beforeWrite(_ http.ResponseWriter, r *http.Request) *http.Request {
	if !isWrite(r) {
		return r
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.writes = append(p.writes, fmt.Sprintf("%s %s", r.Method, r.URL.Path))
	if len(p.writes) != p.at {
		return r
	}
	if !p.after {
		p.crash.happen()
		panic(http.ErrAbortHandler)
	}
	return r.WithContext(context.WithValue(r.Context(), crashKey{}, p.crash))
}

func (p *CrashProxy) afterWrite(response *http.Response) error {
	if armed, ok := response.Request.Context().Value(crashKey{}).(*crash); ok {
		armed.happen()
		return errCrashed
	}
	return nil
}

// isWrite leaves events out: they are news, not state.
func isWrite(r *http.Request) bool {
	return r.Method != http.MethodGet && !strings.HasSuffix(r.URL.Path, "/events") && !strings.Contains(r.URL.Path, "/events/")
}
