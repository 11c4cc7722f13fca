// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

// Package config turns the ConfigMaps of the system namespace into typed values, and hands a
// snapshot of them to every reconciliation through its context (docs/design.md, "Configuration").
//
// +k8s:deepcopy-gen=package
package config
