// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package machine

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

const (
	envStage  = "WORKFLOWEXECUTION_MACHINE_STAGE"
	envFolder = "WORKFLOWEXECUTION_MACHINE_FOLDER"

	stageInit   = "init"
	stageInside = "inside"

	folderPrefix = "workflowexecution-machine-"
	lockFile     = "lock"
	// clusterFolder is the part of the folder that the program fills.
	clusterFolder = "cluster"
)

// Options of a machine.
type Options struct {
	// Env is added to the environment of the program inside.
	Env []string
	// Files are open inside as the descriptors from 3 on, for example listeners on ports of the world outside.
	Files []*os.File
	// Keep are the entries of the program's folder that stay when it fails, for example "logs".
	Keep []string
}

// Inside says whether this process runs on a machine of its own.
func Inside() bool { return os.Getenv(envStage) == stageInside }

// Folder is where the program inside keeps its state. It is removed with the machine.
func Folder() string { return filepath.Join(os.Getenv(envFolder), clusterFolder) }

// ControlGroup is the path, below the root of each hierarchy, of the control group that is removed with the machine.
func ControlGroup() string { return "/" + filepath.Base(os.Getenv(envFolder)) }

// File is one of Options.Files, by its place there.
func File(i int) *os.File {
	const first = 3
	return os.NewFile(uintptr(first+i), "machine-file-"+strconv.Itoa(i))
}

// MissingError says why no machine can be made here, and what would help.
type MissingError struct {
	// Lacks are what is not there, each a sentence.
	Lacks []string
	// Packages of Debian that bring what is missing.
	Packages []string
}

func (e *MissingError) Error() string {
	text := "a real node cannot run here: " + strings.Join(e.Lacks, "; ")
	if len(e.Packages) > 0 {
		text += fmt.Sprintf(". On Debian: apt-get install --no-install-recommends %s", strings.Join(e.Packages, " "))
	}
	return text
}
