// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// downTimeout covers the patience for programs that a hook has started.
const downTimeout = guestPatience + 20*time.Second

// Up starts a supervisor with the given command and returns when the cluster is ready, copying what the supervisor
// reports to out. If one is already at it, Up waits for that one. When the context ends before that, Up ends the
// supervisor that it started.
func (d Detached) Up(ctx context.Context, out io.Writer, command ...string) (DetachedState, error) {
	if err := os.MkdirAll(d.State, 0o700); err != nil {
		return DetachedState{}, err
	}
	unlock, err := lockFile(ctx, d.path(detachedUpLock), func() {
		_, _ = fmt.Fprintln(out, "another command is starting the cluster; waiting for it")
	})
	if err != nil {
		return DetachedState{}, err
	}
	defer unlock()

	alive, err := d.supervised()
	if err != nil {
		return DetachedState{}, err
	}
	var launched *supervisor
	if !alive {
		// What a killed supervisor has left must not be taken for news of the next.
		d.forget()
		if launched, err = d.launch(command); err != nil {
			return DetachedState{}, err
		}
	}
	return d.follow(ctx, out, launched)
}

// supervisor is a supervisor that this process has started.
type supervisor struct {
	process *os.Process
	ended   chan struct{}
}

// launch starts the supervisor in a session of its own, so that neither a Ctrl-C nor the end of the terminal that
// starts it reaches it.
func (d Detached) launch(command []string) (*supervisor, error) {
	log, err := os.Create(d.path(detachedLog))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd := exec.Command(command[0], command[1:]...) //nolint:noctx // it outlives this process
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	s := &supervisor{process: cmd.Process, ended: make(chan struct{})}
	go func() {
		_ = cmd.Wait()
		close(s.ended)
	}()
	return s, nil
}

// end is nothing for a supervisor that another process has started.
func (s *supervisor) end() {
	if s == nil {
		return
	}
	_ = s.process.Signal(syscall.SIGTERM)
	timer := time.NewTimer(downTimeout)
	defer timer.Stop()
	select {
	case <-s.ended:
	case <-timer.C:
		_ = s.process.Kill()
	}
}

// follow copies the supervisor's report until the cluster is ready or the supervisor has ended.
func (d Detached) follow(ctx context.Context, out io.Writer, launched *supervisor) (DetachedState, error) {
	log, err := os.Open(d.path(detachedLog))
	if err != nil {
		return DetachedState{}, err
	}
	defer log.Close()
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for {
		// Asked first, so that nothing it says before its end is missed.
		alive, err := d.lives(launched)
		state, _, stateErr := d.Running()
		_, copyErr := io.Copy(out, log)
		switch err := errors.Join(err, stateErr, copyErr); {
		case err != nil:
			return DetachedState{}, err
		case state.Ready():
			return state, nil
		case !alive:
			return DetachedState{}, fmt.Errorf("the supervisor of the cluster has ended; its report is in %s", d.path(detachedLog))
		}
		select {
		case <-ctx.Done():
			launched.end()
			return DetachedState{}, context.Cause(ctx)
		case <-ticker.C:
		}
	}
}

// lives looks at the process if it is ours, since it takes a moment until it holds the lock.
func (d Detached) lives(launched *supervisor) (bool, error) {
	if launched == nil {
		return d.supervised()
	}
	select {
	case <-launched.ended:
		return false, nil
	default:
		return true, nil
	}
}

// Down ends the supervisor and with it the cluster, and returns when both are gone. It says whether there was one.
func (d Detached) Down(ctx context.Context) (bool, error) {
	state, found, err := d.Running()
	if err != nil || !found {
		return false, err
	}
	if err := syscall.Kill(state.PID, syscall.SIGTERM); err != nil {
		return true, err
	}
	ctx, cancel := context.WithTimeout(ctx, downTimeout)
	defer cancel()
	return true, poll(ctx, "waiting for the supervisor to end", func(context.Context) error {
		alive, err := d.supervised()
		if err == nil && alive {
			err = fmt.Errorf("process %d is still there", state.PID)
		}
		return err
	})
}
