// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"errors"
	"io"
	"os"
	"path/filepath"
)

// EnvCache names the environment variable that moves the cache folder of the built programs.
const EnvCache = "WORKFLOWEXECUTION_CACHE"

// Options says where a cluster keeps its things. The zero value is a cluster in a temporary folder that keeps silent.
type Options struct {
	// Dir is the state folder: certificates, kubeconfigs, etcd's data, logs. Empty means a new temporary folder.
	Dir string
	// Keep leaves the state folder in place after a clean stop. After a failure it stays in any case.
	Keep bool
	// Cache is the folder of the built programs. Empty means $WORKFLOWEXECUTION_CACHE, or a folder in the user's cache.
	Cache string
	// Root is the folder that has third_party in it. Empty means the nearest such folder above the working directory.
	Root string
	// Manifests are files or folders applied before the controllers of the control plane start. The garbage collector
	// looks for new kinds every 30 s only, so kinds whose children shall be collected at once belong here.
	Manifests []string
	// Nodes is how many real nodes there are. None means one that is simulated. Real ones want a machine of their own,
	// see package machine, and the images of LoadImages.
	Nodes int
	// Progress receives a line for each thing that takes a while.
	Progress io.Writer
}

// CacheDir is the folder of the built programs.
func (o Options) CacheDir() (string, error) {
	if o.Cache != "" {
		return filepath.Abs(o.Cache)
	}
	if dir := os.Getenv(EnvCache); dir != "" {
		return filepath.Abs(dir)
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, "workflowexecution"), nil
}

func (o Options) progress() *progress {
	if o.Progress == nil {
		return newProgress(io.Discard)
	}
	return newProgress(o.Progress)
}

// root finds the folder with the pins by walking up, so that tests can be run from any folder of the module.
func (o Options) root() (string, error) {
	if o.Root != "" {
		return filepath.Abs(o.Root)
	}
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "third_party", "kubernetes", "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("no folder above the working directory has third_party/kubernetes/go.mod; set Options.Root")
		}
		dir = parent
	}
}
