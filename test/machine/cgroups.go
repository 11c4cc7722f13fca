// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package machine

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const (
	cgroupRoot     = "/sys/fs/cgroup"
	controllerFile = "cgroup.controllers"
	subtreeFile    = "cgroup.subtree_control"

	removeTimeout  = 20 * time.Second
	removeInterval = 50 * time.Millisecond
)

// hierarchies are the mounted trees of control groups: one of version 2, or one for each controller of version 1.
func hierarchies() ([]string, error) {
	if isUnified(cgroupRoot) {
		return []string{cgroupRoot}, nil
	}
	entries, err := os.ReadDir(cgroupRoot)
	if err != nil {
		return nil, err
	}
	var all []string
	for _, entry := range entries {
		path := filepath.Join(cgroupRoot, entry.Name())
		// Some names are links to the controller that they share a hierarchy with.
		if entry.IsDir() && fileExists(filepath.Join(path, "cgroup.procs")) {
			all = append(all, path)
		}
	}
	return all, nil
}

func isUnified(hierarchy string) bool { return fileExists(filepath.Join(hierarchy, controllerFile)) }

func fileExists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// MakeControlGroup makes the control group, given by its path below the root, in every hierarchy.
func MakeControlGroup(group string) error {
	roots, err := hierarchies()
	if err != nil {
		return err
	}
	for _, root := range roots {
		path := filepath.Join(root, group)
		if err := os.MkdirAll(path, 0o755); err != nil {
			return err
		}
		if err := delegate(root, path); err != nil {
			return err
		}
	}
	return nil
}

// delegate hands the controllers of version 2 down from the root to the group.
func delegate(root, path string) error {
	if !isUnified(root) {
		return nil
	}
	content, err := os.ReadFile(filepath.Join(root, controllerFile))
	if err != nil {
		return err
	}
	controllers := strings.Fields(string(content))
	if len(controllers) == 0 {
		return nil
	}
	below, err := filepath.Rel(root, path)
	if err != nil {
		return err
	}
	at := root
	for _, part := range append([]string{"."}, strings.Split(below, string(filepath.Separator))...) {
		at = filepath.Join(at, part)
		if err := os.WriteFile(filepath.Join(at, subtreeFile), []byte("+"+strings.Join(controllers, " +")), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// removeControlGroup removes the group and those below it, in every hierarchy. The last processes in them may still
// be on their way out.
func removeControlGroup(group string) error {
	roots, err := hierarchies()
	if err != nil {
		return err
	}
	deadline := time.Now().Add(removeTimeout)
	for {
		var errs []error
		for _, root := range roots {
			errs = append(errs, removeTree(filepath.Join(root, group)))
		}
		err := errors.Join(errs...)
		if err == nil || time.Now().After(deadline) {
			return err
		}
		time.Sleep(removeInterval)
	}
}

// removeTree removes groups from the lowest up: the files in them are the kernel's.
func removeTree(path string) error {
	entries, err := os.ReadDir(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if entry.IsDir() {
			if err := removeTree(filepath.Join(path, entry.Name())); err != nil {
				return err
			}
		}
	}
	return os.Remove(path)
}
