// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package spawn

import (
	"os/exec"
	"runtime"
	"sync"
	"syscall"
)

// spawner starts all children from one thread that never ends: the kernel ties the signal for the death of the
// parent to the thread that forked, not to the process.
var spawner = sync.OnceValue(func() chan<- func() {
	work := make(chan func())
	go func() {
		runtime.LockOSThread()
		for start := range work {
			start()
		}
	}()
	return work
})

// Start starts a child that is sent a signal when this process ends in any way. The child leads a process group of
// its own, so that a Ctrl-C on the terminal reaches us alone, and so that its own children can be ended with it.
// Without an account it runs as we do.
func Start(cmd *exec.Cmd, atOurEnd syscall.Signal, as *syscall.Credential) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: atOurEnd, Credential: as}
	result := make(chan error, 1)
	spawner() <- func() { result <- cmd.Start() }
	return <-result
}
