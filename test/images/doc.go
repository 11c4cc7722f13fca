// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

// Package images makes container images where there is no container engine and no registry to pull from: a registry of
// its own, images from files, and images of Go programs with ko.
package images
