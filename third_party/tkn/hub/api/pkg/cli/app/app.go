// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

// Package app has of the Hub's package of the same name what tkn calls.
package app

// CLI is what the Hub's commands would share.
type CLI struct{}

// New returns a CLI.
func New() CLI { return CLI{} }
