// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package cluster

import (
	"os/exec"
	"syscall"
)

// spawn starts a child in a process group of its own. Only Linux can tie it to the life of this process: elsewhere a
// SIGKILL of this process leaves its children running.
func spawn(cmd *exec.Cmd) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return cmd.Start()
}
