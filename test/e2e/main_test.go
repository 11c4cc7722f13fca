// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

// Package e2e runs the product as users install it, on real nodes with real containers.
package e2e

import (
	"os"
	"path/filepath"
	"testing"

	"kubernaut.ai/workflowexecution/test/cluster"
	"kubernaut.ai/workflowexecution/test/install"
	"kubernaut.ai/workflowexecution/test/machine"
)

var c *cluster.Cluster

func TestMain(m *testing.M) {
	machine.Init()
	root, err := filepath.Abs("../..")
	if err != nil {
		panic(err)
	}
	os.Exit(install.RunTestsOnNodes(m, root, 2, func(shared *cluster.Cluster) { c = shared }))
}

func TestNodes(t *testing.T) {
	if err := install.Kubectl(t.Context(), c, "get", "nodes"); err != nil {
		t.Fatal(err)
	}
}
