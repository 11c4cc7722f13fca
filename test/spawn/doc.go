// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

// Package spawn starts programs that do not outlive the test that needs them.
package spawn
