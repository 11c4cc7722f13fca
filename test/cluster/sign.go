// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

const signingProgram = "sign-workflow"

// SigningProgram builds hack/sign-workflow, if it is not built yet, with the modules of the Tekton of the clusters, and
// returns its path.
func SigningProgram(ctx context.Context, o Options) (path string, err error) {
	_, cache, err := o.pinsAndCache()
	if err != nil {
		return "", err
	}
	root, err := o.root()
	if err != nil {
		return "", err
	}
	folder, err := tektonChoice.folder()
	if err != nil {
		return "", err
	}
	tekton, err := readPinned(filepath.Join(root, "third_party", folder))
	if err != nil {
		return "", err
	}
	source := filepath.Join(root, "hack", signingProgram)
	key, err := signingKey(source, tekton.key)
	if err != nil {
		return "", err
	}
	program := artifact{
		title: signingProgram, target: filepath.Join(cache, signingProgram+"-"+key, signingProgram),
		make: func(ctx context.Context, path string) error {
			// With the flags that Tekton is built with, most of it is compiled already.
			_, err := goCommand(ctx, source, "build", "-trimpath", "-gcflags=all=-dwarf=false", "-ldflags=-s -w",
				"-modfile="+filepath.Join(tekton.dir, "go.mod"), "-o", path, ".")
			return err
		},
	}
	if len(missing([]artifact{program})) == 0 {
		return program.target, nil
	}
	return program.target, makeMissing(ctx, cache, []artifact{program}, o.progress())
}

// signingKey changes with all that the program is built from.
func signingKey(source, tekton string) (string, error) {
	files, err := filepath.Glob(filepath.Join(source, "*"))
	if err != nil {
		return "", err
	}
	hash := sha256.New()
	_, _ = fmt.Fprintln(hash, tekton)
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return "", err
		}
		_, _ = fmt.Fprintf(hash, "%s %d\n%s", filepath.Base(file), len(content), content)
	}
	return hex.EncodeToString(hash.Sum(nil))[:16], nil
}

// SignWorkflow returns the Pipeline of a file with a signature that the Tekton of the clusters accepts, made with the
// private key of another file.
func SignWorkflow(ctx context.Context, o Options, key, file string) ([]byte, error) {
	program, err := SigningProgram(ctx, o)
	if err != nil {
		return nil, err
	}
	var stderr bytes.Buffer
	command := exec.CommandContext(ctx, program, "sign", "-key="+key, file)
	command.Stderr = &stderr
	signed, err := command.Output()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("signing %s: %w", file, err), errors.New(stderr.String()))
	}
	return signed, nil
}
