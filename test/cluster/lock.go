// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"os"
	"time"
)

var errLocked = errors.New("locked by another process")

// lockFile takes a lock that the system gives back when this process ends, however it ends. It calls waiting once
// if it does not get the lock at once.
func lockFile(ctx context.Context, path string, waiting func()) (unlock func(), err error) {
	file, err := tryLock(path)
	if errors.Is(err, errLocked) {
		waiting()
		ticker := time.NewTicker(100 * time.Millisecond)
		defer ticker.Stop()
		for errors.Is(err, errLocked) {
			select {
			case <-ctx.Done():
				return nil, context.Cause(ctx)
			case <-ticker.C:
				file, err = tryLock(path)
			}
		}
	}
	if err != nil {
		return nil, err
	}
	return func() { _ = file.Close() }, nil
}

// tryLock returns errLocked if another process, or another open file of this one, holds the lock.
func tryLock(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err := flock(file); err != nil {
		_ = file.Close()
		return nil, err
	}
	return file, nil
}
