// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package machine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"time"
)

// endPatience is how long the program inside may take to end after it was asked to.
const endPatience = 90 * time.Second

// Enter runs this program again, with the same arguments, on a machine of its own, and returns its exit code. When
// the context ends, the program inside is asked to end (SIGTERM). Nothing of the machine is left when Enter returns,
// and nothing but a folder and an empty control group when this process is killed; the next call removes those.
func Enter(ctx context.Context, o Options) (exitCode int, err error) {
	sweep()
	folder, err := os.MkdirTemp("", folderPrefix)
	if err != nil {
		return 0, err
	}
	lock, err := holdLock(folder)
	if err != nil {
		return 0, err
	}
	defer lock.Close()

	exitCode, err = runInit(ctx, o, folder)
	failed := err != nil || exitCode != 0
	return exitCode, errors.Join(err, remove(folder, failed && o.Keep != nil && o.Keep(exitCode)))
}

// runInit starts the first process of the machine, from a thread that stays: the kernel would take the end of the
// thread for the end of the process that wants to take its child along.
func runInit(ctx context.Context, o Options, folder string) (exitCode int, err error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	cmd := exec.Command(self, os.Args[1:]...) //nolint:noctx // it is asked to end, not killed
	cmd.Env = append(os.Environ(), o.Env...)
	cmd.Env = append(cmd.Env, envStage+"="+stageInit, envFolder+"="+folder)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.ExtraFiles = o.Files
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWNET | syscall.CLONE_NEWPID | syscall.CLONE_NEWUTS | syscall.CLONE_NEWIPC,
		Pdeathsig:  syscall.SIGKILL,
		Setpgid:    true,
	}
	if err := cmd.Start(); err != nil {
		return 0, fmt.Errorf("making namespaces: %w", err)
	}
	ended := make(chan struct{})
	go endWith(ctx, cmd.Process, ended)
	err = cmd.Wait()
	close(ended)
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.Exited() {
		return exit.ExitCode(), nil
	}
	return 0, err
}

func endWith(ctx context.Context, process *os.Process, ended <-chan struct{}) {
	select {
	case <-ended:
		return
	case <-ctx.Done():
	}
	_ = process.Signal(syscall.SIGTERM)
	timer := time.NewTimer(endPatience)
	defer timer.Stop()
	select {
	case <-ended:
	case <-timer.C:
		_ = process.Kill()
	}
}

// remove removes what a machine has left outside: its control group and its folder.
func remove(folder string, keep bool) error {
	err := removeControlGroup(filepath.Base(folder))
	if keep {
		fmt.Fprintln(os.Stderr, "the state of the machine is kept in", folder)
		return err
	}
	return errors.Join(err, os.RemoveAll(folder))
}

// sweep removes what killed machines have left.
func sweep() {
	folders, err := filepath.Glob(filepath.Join(os.TempDir(), folderPrefix+"*"))
	if err != nil {
		return
	}
	for _, folder := range folders {
		// One that was kept on purpose has no lock any more.
		if !fileExists(filepath.Join(folder, lockFile)) {
			continue
		}
		lock, err := tryLock(folder)
		if err != nil {
			continue
		}
		_ = remove(folder, false)
		_ = lock.Close()
	}
}

func holdLock(folder string) (*os.File, error) {
	if err := os.WriteFile(filepath.Join(folder, lockFile), nil, 0o600); err != nil {
		return nil, err
	}
	return tryLock(folder)
}

func tryLock(folder string) (*os.File, error) {
	file, err := os.Open(filepath.Join(folder, lockFile))
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}
