// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package postgres

import (
	"errors"
	"os/exec"
	"path/filepath"
	"strconv"
)

// ErrNotInstalled says what to install.
var ErrNotInstalled = errors.New("PostgreSQL is not installed: apt-get install postgresql (or have postgres and initdb on the PATH)")

// programs finds the folder with initdb and postgres. Debian has them on nobody's PATH.
func programs() (string, error) {
	if initdb, err := exec.LookPath("initdb"); err == nil {
		if _, err := exec.LookPath(filepath.Join(filepath.Dir(initdb), "postgres")); err == nil {
			return filepath.Dir(initdb), nil
		}
	}
	folders, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil {
		return "", err
	}
	found, highest := "", -1
	for _, folder := range folders {
		version, err := strconv.Atoi(filepath.Base(filepath.Dir(folder)))
		if err != nil || version < highest {
			continue
		}
		if _, err := exec.LookPath(filepath.Join(folder, "initdb")); err == nil {
			found, highest = folder, version
		}
	}
	if found == "" {
		return "", ErrNotInstalled
	}
	return found, nil
}
