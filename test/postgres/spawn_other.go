// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package postgres

import (
	"os/exec"
	"syscall"
)

// spawn cannot tie a child to the life of this process: only Linux can.
func spawn(cmd *exec.Cmd, as *syscall.Credential) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: as}
	return cmd.Start()
}

// children are not known.
func children(int) []int { return nil }
