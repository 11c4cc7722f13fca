// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

// Port is a free loopback port for a program of a test. No other cluster takes it while this one lives.
func (c *Cluster) Port() (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ports.take()
}
