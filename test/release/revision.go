// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package release

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
)

// revision is the state of the source.
type revision struct {
	// commit is followed by "-dirty" if the source differs from it.
	commit string
	// time of the commit, in seconds since 1970.
	time int64
}

// revisionOf tells the state of a work tree, and refuses one that differs from its commit unless that is allowed.
func revisionOf(ctx context.Context, root string, allowDirty bool) (revision, error) {
	if _, err := git(ctx, root, "rev-parse", "--is-inside-work-tree"); err != nil {
		return revision{}, fmt.Errorf("%s is no work tree of git, and a release names the commit it is made from: %w", root, err)
	}
	head, err := git(ctx, root, "log", "-1", "--format=%H %ct")
	if err != nil {
		return revision{}, err
	}
	changes, err := git(ctx, root, "status", "--porcelain")
	if err != nil {
		return revision{}, err
	}
	if changes != "" && !allowDirty {
		return revision{}, fmt.Errorf("the source differs from its commit; commit or stash this, or set %s=true:\n%s", EnvAllowDirty, changes)
	}
	commit, seconds, _ := strings.Cut(head, " ")
	r := revision{commit: commit}
	if changes != "" {
		r.commit += "-dirty"
	}
	r.time, err = strconv.ParseInt(seconds, 10, 64)
	return r, err
}

func git(ctx context.Context, root string, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, "git", append([]string{"-C", root}, args...)...).Output()
	if err != nil {
		if failed, ok := errors.AsType[*exec.ExitError](err); ok {
			return "", fmt.Errorf("git %s in %s: %w: %s", args[0], root, err, strings.TrimSpace(string(failed.Stderr)))
		}
		return "", fmt.Errorf("git %s: %w", args[0], err)
	}
	return strings.TrimRight(string(out), "\n"), nil
}
