// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

// Package release makes what users install: the images in a registry, and a folder with the manifests that name them by
// digest, a list of what each image contains, and checksums. "make release" and the tests use the same function.
package release
