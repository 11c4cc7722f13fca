// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package release

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const repository = "registry.example.com/kubernaut"

func TestOptionsAreRefused(t *testing.T) {
	for name, row := range map[string]struct {
		options Options
		// want are parts of the error.
		want []string
	}{
		"nothing given":             {Options{}, []string{"VERSION is not set", "v1.2.3", "KO_DOCKER_REPO is not set", "registry.example.com"}},
		"no version":                {Options{Repository: repository}, []string{"VERSION is not set"}},
		"version without a v":       {Options{Repository: repository, Version: "1.2.3"}, []string{`VERSION is "1.2.3"`}},
		"version of two numbers":    {Options{Repository: repository, Version: "v1.2"}, []string{`VERSION is "v1.2"`}},
		"version that is no label":  {Options{Repository: repository, Version: "v1.2.3+build"}, []string{`VERSION is "v1.2.3+build"`}},
		"repository with bad signs": {Options{Repository: "A b", Version: "v1.2.3"}, []string{`KO_DOCKER_REPO is "A b"`}},
	} {
		t.Run(name, func(t *testing.T) {
			err := Make(t.Context(), row.options)
			if err == nil {
				t.Fatal("a release was made")
			}
			for _, want := range row.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the error lacks %q: %v", want, err)
				}
			}
		})
	}
}

func TestOptionsAreAccepted(t *testing.T) {
	for _, version := range []string{"v1.2.3", "v1.2.3-rc.1", "v0.0.0-20260102030405-abcdef012345"} {
		if err := (Options{Version: version, Repository: repository}).check(); err != nil {
			t.Error(err)
		}
	}
}

func TestDirtySourceIsRefusedUnlessToldOtherwise(t *testing.T) {
	root := t.TempDir()
	if _, err := revisionOf(t.Context(), root, false); err == nil || !strings.Contains(err.Error(), "not a git repository") {
		t.Error("a folder without git:", err)
	}
	git := func(args ...string) string {
		return strings.TrimSpace(command(t.Context(), t, "git", append([]string{
			"-C", root, "-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false",
		}, args...)...))
	}
	git("init", "--quiet")
	git("commit", "--quiet", "--allow-empty", "--message=first")
	clean, err := revisionOf(t.Context(), root, false)
	if err != nil || clean.commit != git("rev-parse", "HEAD") || clean.time == 0 {
		t.Errorf("a clean source: %+v, %v", clean, err)
	}
	if err := os.WriteFile(filepath.Join(root, "new.go"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := revisionOf(t.Context(), root, false); err == nil ||
		!strings.Contains(err.Error(), "new.go") || !strings.Contains(err.Error(), EnvAllowDirty) {
		t.Error("a dirty source:", err)
	}
	if dirty, err := revisionOf(t.Context(), root, true); err != nil || dirty.commit != clean.commit+"-dirty" {
		t.Errorf("a dirty source that is allowed: %+v, %v", dirty, err)
	}
}

func TestOnlyAReleaseIsReplaced(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	if err := emptyFolder(dir); err != nil {
		t.Fatal(err)
	}
	mine := filepath.Join(dir, "mine.txt")
	if err := os.WriteFile(mine, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := emptyFolder(dir); err == nil || !strings.Contains(err.Error(), ManifestFile) {
		t.Error("a folder with something else:", err)
	}
	if err := os.WriteFile(filepath.Join(dir, ManifestFile), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := emptyFolder(dir); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(mine); err == nil {
		t.Error("files of an earlier release are left")
	}
}
