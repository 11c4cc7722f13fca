// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package machine

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// Init is to be called before anything else by a program that calls Enter. If this process is the first of a machine
// it prepares the machine, runs the program in it, buries the dead, and does not return.
func Init() {
	if os.Getenv(envStage) != stageInit {
		return
	}
	code, err := initialize()
	if err != nil {
		fmt.Fprintln(os.Stderr, "preparing a machine:", err)
		code = 1
	}
	os.Exit(code)
}

func initialize() (exitCode int, err error) {
	if err := mounts(os.Getenv(envFolder)); err != nil {
		return 0, err
	}
	if err := syscall.Sethostname([]byte("machine")); err != nil {
		return 0, err
	}
	if output, err := exec.Command("ip", "link", "set", "lo", "up").CombinedOutput(); err != nil { //nolint:noctx // it takes no time
		return 0, fmt.Errorf("ip link set lo up: %w: %s", err, output)
	}
	if err := os.MkdirAll(Folder(), 0o755); err != nil {
		return 0, err
	}
	return runInside()
}

// mounts gives the machine its own views of the kernel's file systems, and keeps to the folder what its programs
// write where they cannot be told another place.
func mounts(folder string) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("making mounts private: %w", err)
	}
	if err := unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("mounting /proc: %w", err)
	}
	if err := unix.Mount("run", "/run", "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=755"); err != nil {
		return fmt.Errorf("mounting /run: %w", err)
	}
	for _, path := range []string{"/var/lib", "/var/log"} {
		if err := mountOverlay(path, filepath.Join(folder, filepath.Base(path))); err != nil {
			return err
		}
	}
	return nil
}

func mountOverlay(path, folder string) error {
	upper, work := filepath.Join(folder, "upper"), filepath.Join(folder, "work")
	if err := errors.Join(os.MkdirAll(upper, 0o755), os.MkdirAll(work, 0o755)); err != nil {
		return err
	}
	options := fmt.Sprintf("lowerdir=%s,upperdir=%s,workdir=%s", path, upper, work)
	if err := unix.Mount("overlay", path, "overlay", 0, options); err != nil {
		return fmt.Errorf("mounting an overlay on %s: %w", path, err)
	}
	return nil
}

// runInside starts the program and stays until it ends: with this process everything else on the machine ends.
func runInside() (exitCode int, err error) {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGQUIT, syscall.SIGHUP)
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	if err := os.Setenv(envStage, stageInside); err != nil {
		return 0, err
	}
	process, err := os.StartProcess(self, os.Args, &os.ProcAttr{Files: inherited()})
	if err != nil {
		return 0, err
	}
	go func() {
		for s := range signals {
			_ = process.Signal(s)
		}
	}()
	return reap(process.Pid)
}

// inherited are the open files of this process from the standard ones on, without gaps.
func inherited() []*os.File {
	files := []*os.File{os.Stdin, os.Stdout, os.Stderr}
	for fd := len(files); ; fd++ {
		flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
		if err != nil || flags&unix.FD_CLOEXEC != 0 {
			return files
		}
		files = append(files, os.NewFile(uintptr(fd), "inherited"))
	}
}

// reap buries every process that has lost its parent, until the given one has ended.
func reap(pid int) (exitCode int, err error) {
	for {
		var status syscall.WaitStatus
		ended, err := syscall.Wait4(-1, &status, 0, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
		case err != nil:
			return 0, fmt.Errorf("waiting for processes: %w", err)
		case ended != pid:
		case status.Signaled():
			const signaled = 128
			return signaled + int(status.Signal()), nil
		default:
			return status.ExitStatus(), nil
		}
	}
}
