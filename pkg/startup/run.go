// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

// Package startup brings a program of ours up, and down again, on Knative's parts. Knative's own
// sharedmain waits for ever for APIs that are not there, and reports errors with exit code 0.
package startup

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
	"k8s.io/client-go/rest"
	kubeclient "knative.dev/pkg/client/injection/kube/client"
	cminformer "knative.dev/pkg/configmap/informer"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/injection"
	"knative.dev/pkg/injection/sharedmain"
	"knative.dev/pkg/leaderelection"
	"knative.dev/pkg/logging"
	"knative.dev/pkg/metrics"
	"knative.dev/pkg/profiling"

	"kubernaut.ai/workflowexecution/pkg/observability"
)

// Metrics stay on loopback: nothing serves them without a check on an address others can reach
// (docs/design.md, "Programs").
const (
	metricsHostVariable = "METRICS_PROMETHEUS_HOST"
	loopback            = "127.0.0.1"
)

// Run brings up the controllers under the name of a component and returns when the context ends, or
// with the error that ended it.
func Run(ctx context.Context, component string, o Options, constructors ...injection.ControllerConstructor) error {
	if err := o.Validate(); err != nil {
		return err
	}
	p := &program{
		component: component, common: o.Common, workers: o.Workers, constructors: constructors, preflight: preflight,
		ready: func(ctx context.Context) func(context.Context) error {
			return TektonServed(kubeclient.Get(ctx).Discovery())
		},
	}
	return p.start(ctx)
}

// program is what differs between our programs, and what a running one knows.
type program struct {
	component    string
	common       Common
	workers      int
	constructors []injection.ControllerConstructor
	preflight    func(context.Context, *rest.Config) error
	ready        func(context.Context) func(context.Context) error
	// webhook is nil in a program that answers no admission requests.
	webhook *Webhook

	profiling *profiling.Handler
	synced    atomic.Bool
}

func (p *program) start(ctx context.Context) error {
	cfg, err := p.common.restConfig(p.component)
	if err != nil {
		return err
	}
	if err := p.preflight(ctx, cfg); err != nil {
		return err
	}
	cfg.Wrap(withPatience(ctx))
	if err := os.Setenv(metricsHostVariable, loopback); err != nil {
		return err
	}
	return p.run(ctx, cfg)
}

func (p *program) run(ctx context.Context, cfg *rest.Config) error {
	controller.DefaultThreadsPerController = p.workers
	logger, level, err := setUpLogger(ctx, cfg, p.component)
	if err != nil {
		return err
	}
	ctx, startInformers := injection.EnableInjectionOrDie(logging.WithLogger(ctx, logger), cfg)
	defer metrics.FlushExporter()

	ctx, err = p.withLeaderElection(ctx)
	if err != nil {
		return err
	}
	p.profiling = profiling.NewHandler(logger, false)
	sharedmain.SetupObservabilityOrDie(ctx, p.component, logger, p.profiling)
	cmw := sharedmain.SetupConfigMapWatchOrDie(ctx, logger)
	controllers, _ := sharedmain.ControllersAndWebhooksFromCtors(ctx, cmw, p.constructors...)
	if p.webhook != nil {
		p.webhook.admissions = p.webhook.Admissions(ctx, cmw)
	}
	sharedmain.WatchLoggingConfigOrDie(ctx, cmw, logger, level, p.component)
	sharedmain.WatchObservabilityConfigOrDie(ctx, cmw, p.profiling, logger, p.component)
	return p.serve(ctx, cmw, startInformers, controllers)
}

// serve answers probes from the beginning, so that a program that waits is seen to wait.
func (p *program) serve(
	ctx context.Context, cmw *cminformer.InformedWatcher, startInformers func(), controllers []*controller.Impl,
) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		probes := observability.Probes(p.cachesSynced, p.ready(ctx))
		return named("probes", observability.Serve(ctx, p.common.ProbeAddress, probes))
	})
	group.Go(func() error {
		return named("profiling", observability.Serve(ctx, p.common.ProfilingAddress, http.Handler(p.profiling)))
	})
	group.Go(func() error {
		if err := cmw.Start(ctx.Done()); err != nil {
			return named("configuration", err)
		}
		startInformers()
		p.synced.Store(true)
		logging.FromContext(ctx).Info("Caches are synced; starting the controllers")
		if p.webhook != nil {
			group.Go(func() error { return named("webhook", p.webhook.serve(ctx)) })
		}
		return controller.StartAll(ctx, controllers...)
	})
	return group.Wait()
}

func (p *program) cachesSynced(context.Context) error {
	if !p.synced.Load() {
		return errors.New("the caches are not synced yet")
	}
	return nil
}

func (p *program) withLeaderElection(ctx context.Context) (context.Context, error) {
	if p.common.DisableHA {
		return ctx, nil
	}
	config, err := sharedmain.GetLeaderElectionConfig(ctx)
	if err != nil {
		return nil, named("leader election", err)
	}
	election := config.GetComponentConfig(p.component)
	if p.webhook != nil {
		election = forOneKey(election)
	}
	return leaderelection.WithDynamicLeaderElectorBuilder(ctx, kubeclient.Get(ctx), election), nil
}

func named(part string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", part, err)
}
