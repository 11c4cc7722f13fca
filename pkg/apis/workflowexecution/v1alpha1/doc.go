// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

// Package v1alpha1 is the API of WorkflowExecution: one request to run a remediation workflow
// (a Tekton Pipeline in an OCI bundle) against one Kubernetes resource, and what came of it.
//
// +k8s:deepcopy-gen=package
// +groupName=kubernaut.ai
package v1alpha1
