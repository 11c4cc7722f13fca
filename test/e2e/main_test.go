// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

// Package e2e runs the product as users install it, on real nodes with real containers.
package e2e

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"kubernaut.ai/workflowexecution/test/install"
	"kubernaut.ai/workflowexecution/test/machine"
)

var w *install.NodeWorld

func TestMain(m *testing.M) {
	machine.Init()
	root, err := filepath.Abs("../..")
	if err != nil {
		panic(err)
	}
	// Tests mostly wait, for what runs on the nodes. A -parallel of the command line counts.
	if err := flag.Set("test.parallel", "8"); err != nil {
		panic(err)
	}
	os.Exit(install.RunTestsOnNodes(m, root, 1, func(shared *install.NodeWorld) { w = shared }))
}
