// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package spawn

import (
	"os/exec"
	"syscall"
)

// Start starts a child in a process group of its own. Only Linux can tie it to the life of this process: elsewhere a
// SIGKILL of this process leaves its children running. Without an account the child runs as we do.
func Start(cmd *exec.Cmd, _ syscall.Signal, as *syscall.Credential) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: as}
	return cmd.Start()
}
