// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

// Package cmd has of the Hub's package of the same name what tkn calls.
package cmd

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/tektoncd/hub/api/pkg/cli/app"
)

// Root returns a command that says that it is not there.
func Root(app.CLI) *cobra.Command {
	return &cobra.Command{
		Use:    "hub",
		Hidden: true,
		RunE: func(*cobra.Command, []string) error {
			return errors.New("this tkn is built without the Hub's commands")
		},
	}
}
