// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"strings"
	"testing"
)

func TestAllowsBundle(t *testing.T) {
	digest := "@sha256:" + strings.Repeat("a", 64)
	tests := []struct {
		name    string
		allowed string
		image   string
		want    bool
	}{
		{"no patterns", "", "ghcr.io/a/x:v1", true},
		{"the repository itself", "ghcr.io/aa", "ghcr.io/aa:v1", true},
		{"a repository below", "ghcr.io/a", "ghcr.io/a/b/c:v1", true},
		{"no tag", "ghcr.io/a", "ghcr.io/a/b", true},
		{"a digest", "ghcr.io/a", "ghcr.io/a/b" + digest, true},
		{"tag and digest", "ghcr.io/a", "ghcr.io/a/b:v1" + digest, true},
		{"slash at the end", "ghcr.io/a/", "ghcr.io/a/b", true},
		{"whole host", "ghcr.io", "ghcr.io/a/b", true},
		{"host in capitals", "GHCR.io/a", "ghcr.IO/a/b", true},
		{"middle of an element", "ghcr.io/a", "ghcr.io/abc/x", false},
		{"middle of a host", "ghcr.io", "ghcr.io.example.org/x", false},
		{"repository above", "ghcr.io/aa/b", "ghcr.io/aa:b", false},
		{"other port", "ghcr.io/a", "ghcr.io:444/a/x", false},
		{"port", "localhost:5000/a", "localhost:5000/a/x:v1", true},
		{"tag that looks like a pattern", "ghcr.io/a", "evil.example/x:ghcr.io", false},
		{"second pattern", "ghcr.io/a,quay.io/b", "quay.io/b/x", true},

		{"asterisk", "ghcr.io/a/*", "ghcr.io/a/x", true},
		{"asterisk covers what is below", "ghcr.io/a/*", "ghcr.io/a/x/y", true},
		{"asterisk needs an element", "ghcr.io/aa/*", "ghcr.io/aa:v1", false},
		{"asterisk in the middle", "ghcr.io/*/workflows", "ghcr.io/team/workflows/x", true},
		{"asterisk is one element", "ghcr.io/*/workflows", "ghcr.io/team/a/workflows", false},
		{"asterisk in an element", "ghcr.io/team-*/w", "ghcr.io/team-a/w", true},
		{"asterisk in an element, other", "ghcr.io/team-*/w", "ghcr.io/evil-team-a/w", false},
		{"asterisk in a host", "*.example.com/w", "eu.example.com/w/x", true},
		{"asterisk in a host, other", "*.example.com/w", "example.com.evil.org/w/x", false},

		{"docker hub by its alias", "docker.io/team", "team/x:v1", true},
		{"docker hub official", "docker.io/library", "busybox", true},
		{"docker hub with a host as name", "ghcr.io/a", "ghcr/a", false},
		{"relative element", "ghcr.io/a", "ghcr.io/a/../evil/x", false},
		{"empty element", "ghcr.io/a", "ghcr.io/a//x", false},
		{"not a reference", "ghcr.io/a", "ghcr.io/a/x:v1 ", false},
		{"user in the host", "ghcr.io/a", "ghcr.io@evil.org/a/x", false},
		{"nothing", "ghcr.io/a", "", false},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			c, err := NewWorkflowExecutionFromMap(map[string]string{allowedBundlesKey: tc.allowed})
			if err != nil {
				t.Fatal("NewWorkflowExecutionFromMap() =", err)
			}
			if got := c.AllowsBundle(tc.image); got != tc.want {
				t.Errorf("AllowsBundle(%q) = %t, want %t", tc.image, got, tc.want)
			}
		})
	}
}

func FuzzAllowsBundle(f *testing.F) {
	f.Add("ghcr.io/a", "ghcr.io/a/x:v1")
	f.Add("*.example.com/w/*", "eu.example.com/w/x")
	f.Add("docker.io/team", "team/x@sha256:0")
	f.Fuzz(func(t *testing.T, allowed, image string) {
		c, err := NewWorkflowExecutionFromMap(map[string]string{allowedBundlesKey: allowed})
		if err != nil || len(c.AllowedBundles) == 0 {
			return
		}
		if c.AllowsBundle(image) && strings.Contains(image, "/../") {
			t.Errorf("%q allows %q", allowed, image)
		}
	})
}
