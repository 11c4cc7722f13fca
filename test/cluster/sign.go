// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"path/filepath"
)

// SignWorkflow returns the Pipeline of a file with a signature that the Tekton of the clusters accepts, made with the
// private key of another file. It runs hack/sign-workflow, with that Tekton's modules.
func SignWorkflow(ctx context.Context, o Options, key, file string) ([]byte, error) {
	root, err := o.root()
	if err != nil {
		return nil, err
	}
	tekton, err := tektonChoice.folder()
	if err != nil {
		return nil, err
	}
	modules := filepath.Join(root, "third_party", tekton, "go.mod")
	// With the flags that Tekton is built with, most of it is compiled already.
	return goCommand(ctx, filepath.Join(root, "hack", "sign-workflow"),
		"run", "-trimpath", "-gcflags=all=-dwarf=false", "-modfile="+modules, ".", "sign", "-key="+key, file)
}
