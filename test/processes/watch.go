// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

// Package processes tells from /proc which programs were alive when, whatever anybody else reports of them.
package processes

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"
)

const interval = 50 * time.Millisecond

// Sample is what one look at all processes saw.
type Sample struct {
	// At is when the look began.
	At time.Time
	// Alive are the marks of the processes that had one.
	Alive []string
}

func (s Sample) hasAny(marks []string) bool {
	return slices.ContainsFunc(marks, func(mark string) bool { return slices.Contains(s.Alive, mark) })
}

// Record is what was seen so far.
type Record struct {
	mu      sync.Mutex
	samples []Sample
	err     error
}

// Watch looks at all processes twenty times a second until the context ends. The mark of a process is the value of
// the given environment variable, which its children inherit.
func Watch(ctx context.Context, variable string) *Record {
	record := &Record{}
	go func() {
		ticker := time.NewTicker(interval)
		defer ticker.Stop()
		for {
			record.add(look(variable))
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
		}
	}()
	return record
}

func (r *Record) add(s Sample, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.samples = append(r.samples, s)
	r.err = errors.Join(r.err, err)
}

// Samples are those so far, and an error if any process could not be looked at.
func (r *Record) Samples() ([]Sample, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.samples), r.err
}

// Saw tells whether a process with the mark was ever alive.
func (r *Record) Saw(mark string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, seen := spanOf(r.samples, []string{mark})
	return seen
}

// IsAlive tells whether a process with the mark was alive at the last look.
func (r *Record) IsAlive(mark string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.samples) > 0 && r.samples[len(r.samples)-1].hasAny([]string{mark})
}

func look(variable string) (Sample, error) {
	s := Sample{At: time.Now()}
	err := forEach(variable, func(_ int, mark string) error {
		if !slices.Contains(s.Alive, mark) {
			s.Alive = append(s.Alive, mark)
		}
		return nil
	})
	return s, err
}

// Kill ends all processes with one of the marks at once.
func Kill(variable string, marks ...string) error {
	return forEach(variable, func(pid int, mark string) error {
		if !slices.Contains(marks, mark) {
			return nil
		}
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("killing a process of %s: %w", mark, err)
		}
		return nil
	})
}

// forEach calls a function for each process that has a mark.
func forEach(variable string, do func(pid int, mark string) error) error {
	files, err := filepath.Glob("/proc/[0-9]*/environ")
	if err == nil && len(files) == 0 {
		err = errors.New("/proc shows no process")
	}
	for _, file := range files {
		mark, found, unreadable := markIn(file, variable)
		err = errors.Join(err, unreadable)
		if !found {
			continue
		}
		pid, malformed := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if err = errors.Join(err, malformed); malformed == nil {
			err = errors.Join(err, do(pid, mark))
		}
	}
	return err
}

// markIn finds none in the environment of a process that has ended meanwhile or has no memory any more.
func markIn(file, variable string) (mark string, found bool, err error) {
	environment, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
		return "", false, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("looking at a process: %w", err)
	}
	for entry := range bytes.SplitSeq(environment, []byte{0}) {
		if value, found := bytes.CutPrefix(entry, []byte(variable+"=")); found {
			return string(value), true, nil
		}
	}
	return "", false, nil
}
