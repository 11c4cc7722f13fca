// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package startup

import (
	"context"
	"flag"
	"fmt"
	"net"
	"strconv"
	"time"

	"go.uber.org/zap"
	"k8s.io/client-go/rest"
	"knative.dev/pkg/configmap"
	"knative.dev/pkg/injection"
	"knative.dev/pkg/leaderelection"
	"knative.dev/pkg/logging"
	"knative.dev/pkg/webhook"
)

const (
	defaultWebhookPort = 8443
	// drainTime is how long the API server may take to notice that a replica goes.
	drainTime = 10 * time.Second
	// webhookWorkers is enough: each of a webhook's controllers has one object to look after.
	webhookWorkers = 1
)

// WebhookOptions are the flags of an admission webhook.
type WebhookOptions struct {
	Common

	// Port is where the API server calls.
	Port int
}

// AddFlags declares the flags, those of the Kubernetes client among them.
func (o *WebhookOptions) AddFlags(flags *flag.FlagSet) {
	o.addFlags(flags)
	flags.IntVar(&o.Port, "port", defaultWebhookPort, "Port that answers admission requests.")
}

// Validate names the flag that cannot be used.
func (o *WebhookOptions) Validate() error {
	if o.Port < 1 || o.Port > 65535 {
		return fmt.Errorf("flag -port: %d must be from 1 to 65535", o.Port)
	}
	return o.validate()
}

// Webhook is what an admission webhook has beside controllers.
type Webhook struct {
	// ServiceName is the Service for whose name its certificate is made.
	ServiceName string
	// SecretName is the Secret that keeps the certificate.
	SecretName string
	// Admissions makes those that are answered, of type webhook.AdmissionController; the watcher tells
	// them of ConfigMaps before the first is asked.
	Admissions func(context.Context, configmap.DefaultingWatcher) []any
	// Ready makes the check of /ready.
	Ready func(context.Context) func(context.Context) error

	admissions []any
}

// RunWebhook brings up the webhook under the name of a component and returns when the context ends,
// or with the error that ended it.
func RunWebhook(
	ctx context.Context, component string, o WebhookOptions, w Webhook, constructors ...injection.ControllerConstructor,
) error {
	if err := o.Validate(); err != nil {
		return err
	}
	p := &program{
		component: component, common: o.Common, workers: webhookWorkers, constructors: constructors, ready: w.Ready, webhook: &w,
		preflight: func(ctx context.Context, cfg *rest.Config) error {
			if err := portIsFree(ctx, o.Port); err != nil {
				return err
			}
			return preflightWebhook(ctx, cfg, w.SecretName)
		},
	}
	return p.start(webhook.WithOptions(ctx, webhook.Options{
		ServiceName: w.ServiceName, SecretName: w.SecretName, Port: o.Port, GracePeriod: drainTime,
	}))
}

// portIsFree says which port is taken. Knative's server would only say that it did not start.
func portIsFree(ctx context.Context, port int) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", ":"+strconv.Itoa(port))
	if err != nil {
		return fmt.Errorf("flag -port: %d cannot be used: %w", port, err)
	}
	return listener.Close()
}

// serve answers admission requests until the context ends, and then for as long as some still come.
func (w *Webhook) serve(ctx context.Context) error {
	webhook.RegisterMetrics()
	server, err := webhook.New(quiet(ctx), w.admissions)
	if err != nil {
		return err
	}
	server.InformersHaveSynced()
	return answer(quiet(ctx), webhook.GetOptions(ctx), server)
}

// quiet keeps Knative from logging every request with all its headers; what was decided is in the
// audit log of the API server.
func quiet(ctx context.Context) context.Context {
	logger := logging.FromContext(ctx).Desugar()
	if !logger.Core().Enabled(zap.WarnLevel) {
		return ctx
	}
	return logging.WithLogger(ctx, logger.WithOptions(zap.IncreaseLevel(zap.WarnLevel)).Sugar())
}

// forOneKey has one Lease for each controller of a webhook, with a name that a role can name.
func forOneKey(election leaderelection.ComponentConfig) leaderelection.ComponentConfig {
	election.Buckets = 1
	election.LeaseNamesPrefixMapping = nil
	return election
}
