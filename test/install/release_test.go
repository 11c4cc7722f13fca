// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package install

import (
	"path/filepath"
	"strings"
	"testing"

	"kubernaut.ai/workflowexecution/test/cluster"
)

func TestReleaseNeedsGit(t *testing.T) {
	for name, row := range map[string]struct {
		init   bool
		commit string
		want   string
	}{
		"no work tree":         {want: "is no work tree of git"},
		"commit not there":     {init: true, commit: strings.Repeat("a", 40), want: "git fetch --unshallow"},
		"commit without a git": {commit: strings.Repeat("a", 40), want: "not a git repository"},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			if row.init {
				if err := git(t.Context(), root, "init", "--quiet"); err != nil {
					t.Fatal(err)
				}
			}
			source := Source{Version: "v1.2.3", Commit: row.commit}
			err := BuildRelease(t.Context(), cluster.Options{Root: root}, source, filepath.Join(t.TempDir(), "release"))
			if err == nil || !strings.Contains(err.Error(), row.want) || !strings.Contains(err.Error(), root) {
				t.Errorf("BuildRelease() = %v, want %q", err, row.want)
			}
		})
	}
}
