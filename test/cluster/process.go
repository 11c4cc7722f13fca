// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync/atomic"
	"syscall"
	"time"

	"kubernaut.ai/workflowexecution/test/images"
	"kubernaut.ai/workflowexecution/test/spawn"
)

// Process is a child that ends, at the latest, with this process.
type Process struct {
	name    string
	logFile string
	env     []string
	cmd     *exec.Cmd
	done    chan struct{}
	// expected is set before we end the process ourselves, so that only a death on its own accord is reported.
	expected atomic.Bool
}

// startChild starts a program whose output is appended to logFile.
func startChild(name, logFile string, env []string, path string, args ...string) (*Process, error) {
	log, err := os.OpenFile(logFile, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, err
	}
	defer log.Close()

	cmd := exec.Command(path, args...) //nolint:noctx // it lives as long as the cluster, which has no context
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Env = append(os.Environ(), env...)
	if err := spawn.Start(cmd, syscall.SIGKILL, nil); err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	p := &Process{name: name, logFile: logFile, env: env, cmd: cmd, done: make(chan struct{})}
	go func() {
		_ = cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// Name is the name the process was started with.
func (p *Process) Name() string { return p.name }

// Log is the path of the file with the output of the process.
func (p *Process) Log() string { return p.logFile }

// PID is the process id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Running says whether the process has not ended yet.
func (p *Process) Running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// ExitCode is the code the process ended with, and -1 while it runs or when a signal ended it.
func (p *Process) ExitCode() int {
	if p.Running() {
		return -1
	}
	return p.cmd.ProcessState.ExitCode()
}

// Kill ends the process at once, with everything it started, and waits until it is gone.
func (p *Process) Kill() error {
	if err := p.signal(syscall.SIGKILL); err != nil {
		return err
	}
	<-p.done
	return nil
}

// Interrupt asks the process to end (SIGTERM), and does not wait.
func (p *Process) Interrupt() error { return p.signal(syscall.SIGTERM) }

// Pause stops the process in its tracks (SIGSTOP): it keeps its connections and does nothing.
func (p *Process) Pause() error { return p.signalGroup(syscall.SIGSTOP) }

// Resume lets a paused process go on (SIGCONT).
func (p *Process) Resume() error { return p.signalGroup(syscall.SIGCONT) }

// Tail is the end of the log.
func (p *Process) Tail(lines int) string {
	content, err := os.ReadFile(p.logFile)
	if err != nil {
		return err.Error()
	}
	return images.LastLines(string(content), lines)
}

func (p *Process) signal(s syscall.Signal) error {
	p.expected.Store(true)
	return p.signalGroup(s)
}

func (p *Process) signalGroup(s syscall.Signal) error {
	// After the end the number may belong to another process.
	if !p.Running() {
		return nil
	}
	err := syscall.Kill(-p.cmd.Process.Pid, s)
	if errors.Is(err, syscall.ESRCH) {
		return nil
	}
	return err
}

// interruptAndWait ends the process gently, and by force when it does not end in time.
func (p *Process) interruptAndWait(patience time.Duration) error {
	if err := p.Interrupt(); err != nil {
		return err
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-p.done:
		return nil
	case <-timer.C:
		return p.Kill()
	}
}

// deathError tells what is known about a process that ended without being asked to.
func (p *Process) deathError() error {
	return &deathError{process: p, state: p.cmd.ProcessState.String(), tail: p.Tail(15)}
}

type deathError struct {
	process *Process
	state   string
	tail    string
}

func (e *deathError) Error() string {
	return fmt.Sprintf("%s ended unexpectedly (%s); the end of %s:\n%s", e.process.name, e.state, e.process.logFile, e.tail)
}
