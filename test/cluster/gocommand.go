// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"kubernaut.ai/workflowexecution/test/images"
)

// CompilerGC lets the compiler collect its garbage less often than it would, which saves an eighth of its time. The
// user's own setting wins.
const CompilerGC = "GOGC=400"

// goBuild builds one program of a pinned module to path.
func goBuild(ctx context.Context, module pinned, pkg, path string) error {
	_, err := goCommand(ctx, module.dir, "build", "-trimpath", "-gcflags=all=-dwarf=false", "-ldflags", module.ldflags, "-o", path, pkg)
	return err
}

// copyTektonConfig copies the manifests out of Tekton's module.
func copyTektonConfig(ctx context.Context, module pinned, path string) error {
	out, err := goCommand(ctx, module.dir, "mod", "download", "-json", tektonModule)
	if err != nil {
		return err
	}
	var downloaded struct{ Dir string }
	if err := json.Unmarshal(out, &downloaded); err != nil {
		return fmt.Errorf("reading what go mod download says: %w", err)
	}
	return os.CopyFS(path, os.DirFS(filepath.Join(downloaded.Dir, "config")))
}

// goCommand runs the Go command in a module of its own: neither a workspace nor flags meant for this repository's
// module apply there.
func goCommand(ctx context.Context, dir string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	cmd.Env = append(append([]string{CompilerGC}, os.Environ()...), "CGO_ENABLED=0", "GOWORK=off", "GOFLAGS=")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, fmt.Errorf("go %s in %s: %w\n%s", args[0], dir, err, images.LastLines(stderr.String(), 20))
	}
	return stdout.Bytes(), nil
}
