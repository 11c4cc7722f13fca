// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

// Package machine gives a program a machine of its own to run on: Linux namespaces for processes, mounts, network,
// host name and IPC, and a control group. What the program and its children start, mount, link or filter there ends
// with it, whatever ends it: the kernel kills the processes, and the rest exists only as long as they do. So a real
// Kubernetes node can run on a developer's computer and leave no trace.
//
// A program that wants it calls Enter: this runs the same program again, inside. There Inside returns true.
package machine
