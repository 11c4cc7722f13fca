// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

const (
	detachedLock   = "lock"
	detachedUpLock = "up.lock"
	detachedState  = "state.json"
	detachedLog    = "supervisor.log"
)

// Detached is a cluster that outlives the command which started it: a supervisor process keeps it. The supervisor
// holds a lock as long as it lives, so that nobody takes a recycled process id for it.
type Detached struct {
	// State is the folder for the supervisor's state and the cluster's.
	State string
	// Options are those of the cluster; Dir and Progress are set by the supervisor.
	Options Options
	// Outside is set where the supervisor is on a machine of its own.
	Outside *Outside
	// OnReady is run by the supervisor when the cluster is ready.
	OnReady OnReady
}

// DetachedState is what is known about a detached cluster.
type DetachedState struct {
	PID        int    `json:"pid"`
	Kubeconfig string `json:"kubeconfig,omitempty"`
	Registry   string `json:"registry,omitempty"`
	Dir        string `json:"dir,omitempty"`
}

// Ready says whether the cluster can be used. Before that only the supervisor is known.
func (s DetachedState) Ready() bool { return s.Kubeconfig != "" }

// Supervise is the life of the supervisor: it ends with the context.
func (d Detached) Supervise(ctx context.Context) error {
	if err := os.MkdirAll(d.State, 0o700); err != nil {
		return err
	}
	lock, err := tryLock(d.path(detachedLock))
	if err != nil {
		return fmt.Errorf("the cluster in %s: %w", d.State, err)
	}
	defer lock.Close()
	defer d.forget()
	state := DetachedState{PID: os.Getpid()}
	if d.Outside != nil {
		state.PID = d.Outside.PID
	}
	if err := d.writeState(state); err != nil {
		return err
	}
	options := d.Options
	options.Dir = cmp.Or(options.Dir, d.path("cluster"))
	options.Progress = os.Stdout
	return Serve(ctx, options, func(ctx context.Context, c *Cluster) error {
		if d.OnReady != nil {
			if err := d.OnReady(ctx, c); err != nil {
				return err
			}
		}
		state.Kubeconfig, state.Registry, state.Dir = c.Kubeconfig(), c.Registry(), c.Dir()
		if d.Outside != nil {
			if state, err = d.Outside.open(c); err != nil {
				return err
			}
		}
		return d.writeState(state)
	})
}

// Running returns what is known of a cluster whose supervisor lives, and false if there is none.
func (d Detached) Running() (DetachedState, bool, error) {
	alive, err := d.supervised()
	if err != nil || !alive {
		return DetachedState{}, false, err
	}
	content, err := os.ReadFile(d.path(detachedState))
	if errors.Is(err, fs.ErrNotExist) {
		return DetachedState{}, false, nil
	}
	if err != nil {
		return DetachedState{}, false, err
	}
	var state DetachedState
	err = json.Unmarshal(content, &state)
	return state, err == nil, err
}

func (d Detached) supervised() (bool, error) {
	lock, err := tryLock(d.path(detachedLock))
	switch {
	case errors.Is(err, errLocked):
		return true, nil
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, err
	}
	return false, lock.Close()
}

// writeState appears whole or not at all to those who wait for it.
func (d Detached) writeState(state DetachedState) error {
	content, err := json.Marshal(state)
	if err != nil {
		return err
	}
	unfinished := d.path(detachedState + ".unfinished")
	if err := os.WriteFile(unfinished, content, 0o600); err != nil {
		return err
	}
	return os.Rename(unfinished, d.path(detachedState))
}

func (d Detached) forget() { _ = os.Remove(d.path(detachedState)) }

func (d Detached) path(name string) string { return filepath.Join(d.State, name) }
