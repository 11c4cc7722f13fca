// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

// The controller of WorkflowExecutions.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"

	"knative.dev/pkg/signals"

	runinformers "kubernaut.ai/workflowexecution/pkg/reconciler/pipelinerun/informers"
	"kubernaut.ai/workflowexecution/pkg/reconciler/targetlease"
	"kubernaut.ai/workflowexecution/pkg/reconciler/workflowexecution"
	"kubernaut.ai/workflowexecution/pkg/startup"
	"kubernaut.ai/workflowexecution/pkg/version"
)

const component = "workflowexecution"

func main() {
	var options startup.Options
	options.AddFlags(flag.CommandLine)
	flag.Parse()
	if options.Version {
		fmt.Println(component, version.Get())
		return
	}

	if err := run(signals.NewContext(), options); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", component, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, options startup.Options) error {
	ctx = runinformers.WithNamespace(ctx, options.ExecutionNamespace)
	return startup.Run(ctx, component, options, workflowexecution.NewController, targetlease.NewController)
}
