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
	"slices"
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
	if err == nil && exitCode == 0 || ctx.Err() != nil {
		o.Keep = nil
	}
	return exitCode, errors.Join(err, remove(folder, o.Keep...))
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

// remove removes what a machine has left outside: its control group, and its folder but for what is to be kept.
func remove(folder string, keep ...string) error {
	errs := []error{removeControlGroup(filepath.Base(folder))}
	if len(keep) == 0 {
		return errors.Join(append(errs, os.RemoveAll(folder))...)
	}
	entries, err := filepath.Glob(filepath.Join(folder, "*"))
	inside, insideErr := filepath.Glob(filepath.Join(folder, clusterFolder, "*"))
	errs = append(errs, err, insideErr)
	for _, entry := range append(entries, inside...) {
		if filepath.Base(entry) != clusterFolder && !slices.Contains(keep, filepath.Base(entry)) {
			errs = append(errs, os.RemoveAll(entry))
		}
	}
	fmt.Fprintln(os.Stderr, "what is left of the machine for a look is in", filepath.Join(folder, clusterFolder))
	return errors.Join(errs...)
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
		_ = remove(folder)
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
