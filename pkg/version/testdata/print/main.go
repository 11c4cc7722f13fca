// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

// Prints the version that it was built with.
package main

import (
	"fmt"

	"kubernaut.ai/workflowexecution/pkg/version"
)

func main() {
	fmt.Println(version.Get())
}
