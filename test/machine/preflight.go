// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package machine

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
)

// Tool is a program that a node needs, and the Debian package that brings it.
type Tool struct {
	// Name of a program on the PATH, or an absolute path.
	Name    string
	Package string
}

// Check returns a *MissingError if no machine with these tools can be made here.
func Check(tools ...Tool) error {
	missing := &MissingError{}
	if runtime.GOOS != "linux" {
		missing.Lacks = append(missing.Lacks, "it needs Linux, and this is "+runtime.GOOS)
		return missing
	}
	if os.Geteuid() != 0 {
		missing.Lacks = append(missing.Lacks, "it needs root, for namespaces, mounts and control groups")
	}
	if _, err := os.Stat(cgroupRoot); err != nil {
		missing.Lacks = append(missing.Lacks, "no control groups are mounted at "+cgroupRoot)
	}
	for _, tool := range append(slices.Clone(tools), Tool{Name: "ip", Package: "iproute2"}) {
		if found(tool.Name) {
			continue
		}
		missing.Lacks = append(missing.Lacks, tool.Name+" is not installed")
		if !slices.Contains(missing.Packages, tool.Package) {
			missing.Packages = append(missing.Packages, tool.Package)
		}
	}
	if len(missing.Lacks) > 0 {
		return missing
	}
	return nil
}

func found(tool string) bool {
	if filepath.IsAbs(tool) {
		_, err := os.Stat(tool)
		return err == nil
	}
	_, err := exec.LookPath(tool)
	return err == nil
}
