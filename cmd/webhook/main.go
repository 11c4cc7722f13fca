// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

// The admission webhook of WorkflowExecutions and of their configuration.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"

	"knative.dev/pkg/signals"
	"knative.dev/pkg/webhook/certificates"

	"kubernaut.ai/workflowexecution/pkg/startup"
	"kubernaut.ai/workflowexecution/pkg/version"
	"kubernaut.ai/workflowexecution/pkg/webhook"
)

const component = "workflowexecution-webhook"

func main() {
	var options startup.WebhookOptions
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

func run(ctx context.Context, options startup.WebhookOptions) error {
	webhook.NarrowInformers()
	return startup.RunWebhook(ctx, component, options, startup.Webhook{
		ServiceName: webhook.ServiceName,
		SecretName:  webhook.SecretName,
		Admissions:  webhook.Admissions,
		Ready:       webhook.CertificateCheck,
	}, certificates.NewController, webhook.NewRegistrationController)
}
