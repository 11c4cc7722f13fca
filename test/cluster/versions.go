// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"cmp"
	"debug/buildinfo"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
)

// The environment variables that choose the minor versions of what a cluster consists of. Unset or empty is the
// version that the product is developed against.
const (
	EnvKubernetes = "WORKFLOWEXECUTION_KUBERNETES"
	EnvTekton     = "WORKFLOWEXECUTION_TEKTON"
)

// choice is a module that is pinned in several versions.
type choice struct {
	variable string
	fallback string
	// folders of third_party, by the minor version that is pinned there.
	folders map[string]string
}

var (
	kubernetesChoice = choice{
		variable: EnvKubernetes, fallback: "1.34",
		folders: map[string]string{"1.33": "kubernetes-1.33", "1.34": "kubernetes", "1.35": "kubernetes-1.35"},
	}
	tektonChoice = choice{
		variable: EnvTekton, fallback: "1.9",
		folders: map[string]string{"1.9": "tekton", "1.15": "tekton-1.15"},
	}
)

// folder is the one of third_party that the environment chooses.
func (c choice) folder() (string, error) {
	version := cmp.Or(os.Getenv(c.variable), c.fallback)
	folder, ok := c.folders[version]
	if !ok {
		return "", fmt.Errorf("environment variable %s: %q is no pinned version; valid are %s",
			c.variable, version, strings.Join(slices.Sorted(maps.Keys(c.folders)), ", "))
	}
	return folder, nil
}

// pinFolders are the folders of third_party with the programs of the cluster that the environment chooses, and the
// tools that are the same for all.
func pinFolders() ([]string, error) {
	kubernetes, err := kubernetesChoice.folder()
	if err != nil {
		return nil, err
	}
	tekton, err := tektonChoice.folder()
	if err != nil {
		return nil, err
	}
	return []string{kubernetes, tekton, "kwok", "ko", "tkn"}, nil
}

// reportReady says which versions run, as they report them of themselves.
func (c *Cluster) reportReady() error {
	kubernetes, err := c.client.Discovery().ServerVersion()
	if err != nil {
		return err
	}
	// The manifests in Tekton's module call every version "devel".
	tekton, err := moduleVersion(c.programs.Path(tektonController), tektonModule)
	if err != nil {
		return err
	}
	c.progress.step("cluster is ready: Kubernetes %s, Tekton %s", kubernetes.GitVersion, tekton)
	return nil
}

// moduleVersion is the version of the module that a program's main comes from.
func moduleVersion(program, module string) (string, error) {
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		return "", err
	}
	if info.Main.Path != module {
		return "", fmt.Errorf("%s was built from module %s instead of %s", program, info.Main.Path, module)
	}
	return info.Main.Version, nil
}
