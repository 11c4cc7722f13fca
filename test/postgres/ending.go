// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package postgres

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// Mode is how a server is stopped.
type Mode syscall.Signal

const (
	// Smart waits for the clients to leave.
	Smart = Mode(syscall.SIGTERM)
	// Fast sends the clients away.
	Fast = Mode(syscall.SIGINT)
	// Immediate ends without writing anything; the next start recovers.
	Immediate = Mode(syscall.SIGQUIT)
)

// Stop ends the server and returns when it has ended.
func (s *Server) Stop(mode Mode) error {
	if err := s.signal(syscall.Signal(mode)); err != nil {
		return err
	}
	return s.await()
}

// Kill ends the server and everything that it has started with SIGKILL.
func (s *Server) Kill() error {
	family := s.family()
	if err := s.signal(syscall.SIGKILL, family...); err != nil {
		return err
	}
	return s.await()
}

// Pause stops the server in its tracks: it keeps its connections and does nothing.
func (s *Server) Pause() error { return s.signal(syscall.SIGSTOP, s.family()...) }

// Resume lets a paused server go on.
func (s *Server) Resume() error { return s.signal(syscall.SIGCONT, s.family()...) }

// Close ends the server in any case and removes what Start has made.
func (s *Server) Close() {
	_ = s.Resume()
	if s.Stop(Immediate) != nil {
		_ = s.Kill()
	}
	if s.made {
		_ = os.RemoveAll(s.dir)
	}
}

func (s *Server) running() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.done:
		return false
	default:
		return true
	}
}

// family are the children of the server.
func (s *Server) family() []int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cmd == nil {
		return nil
	}
	return children(s.cmd.Process.Pid)
}

// signal reaches the server first: it would start anew what has died.
func (s *Server) signal(signal syscall.Signal, others ...int) error {
	if !s.running() {
		return nil
	}
	for _, pid := range append([]int{s.cmd.Process.Pid}, others...) {
		if err := syscall.Kill(pid, signal); err != nil && !errors.Is(err, syscall.ESRCH) {
			return err
		}
	}
	return nil
}

func (s *Server) await() error {
	s.mu.Lock()
	done := s.done
	s.mu.Unlock()
	timer := time.NewTimer(patience / 4)
	defer timer.Stop()
	select {
	case <-done:
		return nil
	case <-timer.C:
		return fmt.Errorf("PostgreSQL does not end\n%s", s.Log())
	}
}
