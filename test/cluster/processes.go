// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// guestPatience is how long a program of a test may take to end after it was asked to.
const guestPatience = 10 * time.Second

// StartProcess starts a program that belongs to the cluster: it is stopped first when the cluster stops, and its
// output goes to a log in the state folder. The environment is added to that of this process.
func (c *Cluster) StartProcess(name string, env []string, path string, args ...string) (*Process, error) {
	p, err := startChild(name, c.logFile(name), env, path, args...)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.guests = append(c.guests, p)
	return p, nil
}

// startProgram starts one of the cluster's own programs, whose death ends a start that is under way.
func (c *Cluster) startProgram(name string, env []string, args ...string) (*Process, error) {
	path := c.programs.Path(name)
	if path == "" {
		return nil, fmt.Errorf("no go.mod in third_party names the program %s", name)
	}
	return c.startAt(name, env, path, args...)
}

// startAt is startProgram for one whose path is known.
func (c *Cluster) startAt(name string, env []string, path string, args ...string) (*Process, error) {
	p, err := startChild(name, c.logFile(name), env, path, args...)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	c.own = append(c.own, p)
	c.mu.Unlock()
	go c.watch(p)
	return p, nil
}

func (c *Cluster) watch(p *Process) {
	<-p.Done()
	if p.expected.Load() {
		return
	}
	err := p.deathError()
	c.failed(err)
	c.progress.printf("%v", err)
}

// program is the latest process of one of the cluster's own programs, nil if it was never started.
func (c *Cluster) program(name string) *Process {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range slices.Backward(c.own) {
		if p.name == name {
			return p
		}
	}
	return nil
}

// Process is the latest process of one of the cluster's own programs, such as tekton-controller, for tests that
// disturb it. It is nil if there is none.
func (c *Cluster) Process(name string) *Process { return c.program(name) }

// Restart kills one of the cluster's own programs, if it still runs, and starts it again as it was. It does not wait
// until the program is ready.
func (c *Cluster) Restart(name string) (*Process, error) {
	p := c.program(name)
	if p == nil {
		return nil, fmt.Errorf("%s was never started", name)
	}
	if err := p.Kill(); err != nil {
		return nil, err
	}
	return c.startAt(name, p.env, p.cmd.Args[0], p.cmd.Args[1:]...)
}

// await waits until a program is ready, and not a moment longer than it lives.
func (c *Cluster) await(ctx context.Context, name string, check func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	ctx, died := context.WithCancelCause(ctx)
	defer died(nil)

	p := c.program(name)
	go func() {
		select {
		case <-p.Done():
			died(p.deathError())
		case <-ctx.Done():
		}
	}()
	if err := poll(ctx, "waiting for "+name+" to be ready", check); err != nil {
		return err
	}
	c.progress.step("%s is ready", name)
	return nil
}

func (c *Cluster) logFile(name string) string {
	return filepath.Join(c.logs(), name+".log")
}

func inParallel(processes []*Process, end func(*Process) error) error {
	errs := make([]error, len(processes))
	var all sync.WaitGroup
	for i, p := range processes {
		all.Go(func() { errs[i] = end(p) })
	}
	all.Wait()
	return errors.Join(errs...)
}
