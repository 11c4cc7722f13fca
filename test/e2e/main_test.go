// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

// Package e2e runs the product as users install it, on real nodes with real containers.
package e2e

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"kubernaut.ai/workflowexecution/test/install"
	"kubernaut.ai/workflowexecution/test/machine"
)

var (
	w *install.NodeWorld
	// beforeInstallation is what the cluster had before anything of the product was in it.
	beforeInstallation snapshot
	// previous is the release before the one that is tested. It is a commit until there is a real one.
	previous = install.Source{Version: "v0.1.0", Commit: "3ae11d3cc909d2138157937ef53eddc2a155380b"}
)

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
	os.Exit(install.RunTestsOnNodes(m, root, 1, func(shared *install.NodeWorld) (err error) {
		w = shared
		beforeInstallation, err = takeSnapshot(context.Background())
		return err
	}, previous))
}
