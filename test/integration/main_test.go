// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

// Package integration proves the product on a real API server and a real Tekton, with the controller
// run from its real main under the ServiceAccount that is shipped.
package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"kubernaut.ai/workflowexecution/test/install"
)

// world is what all tests share. The controller is replaced by tests that are not parallel, and so
// run while no other does.
var world *install.World

func TestMain(m *testing.M) {
	root, err := filepath.Abs("../..")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(install.RunTests(m, root, func(w *install.World) { world = w }))
}
