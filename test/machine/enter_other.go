// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package machine

import "context"

// Enter cannot make a machine on this system.
func Enter(context.Context, Options) (exitCode int, err error) { return 0, Check() }

// Init does nothing on this system.
func Init() {}
