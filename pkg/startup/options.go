// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package startup

import (
	"cmp"
	"flag"
	"fmt"
	"net"
	"net/netip"
	"os"

	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"
	"knative.dev/pkg/environment"

	"kubernaut.ai/workflowexecution/pkg/version"
)

// Client limits with which a storm of 1,000 executions is bound by the API server, not by us.
const (
	defaultQPS     = 300
	defaultBurst   = 600
	defaultWorkers = 16
)

// Common are the flags that all programs of ours have.
type Common struct {
	// ProbeAddress serves /health and /ready.
	ProbeAddress string
	// ProfilingAddress serves pprof when config-observability enables it. It has to be on loopback.
	ProfilingAddress string
	// DisableHA runs without leader election.
	DisableHA bool
	// Version asks which build this is, and for nothing else.
	Version bool

	client environment.ClientConfig
}

// Options are the flags of a controller.
type Options struct {
	Common

	// ExecutionNamespace is where PipelineRuns are created.
	ExecutionNamespace string
	// Workers is how many objects each reconciler works on at once.
	Workers int
}

// AddFlags declares the flags, those of the Kubernetes client among them.
func (o *Options) AddFlags(flags *flag.FlagSet) {
	o.addFlags(flags)
	flags.StringVar(&o.ExecutionNamespace, "execution-namespace", "kubernaut-workflows",
		"Namespace in which PipelineRuns are created. Fixed while the program runs.")
	flags.IntVar(&o.Workers, "workers", defaultWorkers, "Objects that each reconciler works on at once.")
}

func (c *Common) addFlags(flags *flag.FlagSet) {
	flags.StringVar(&c.ProbeAddress, "probe-address", ":8081", "Address that serves /health and /ready.")
	flags.StringVar(&c.ProfilingAddress, "profiling-address", "127.0.0.1:8008",
		"Address that serves pprof when config-observability enables it.")
	flags.BoolVar(&c.DisableHA, "disable-ha", false, "Run without leader election. Only ever start one replica then.")
	flags.BoolVar(&c.Version, "version", false, "Print version, commit and Go version, and exit.")
	c.client.InitFlags(flags)
	addVerbosity(flags)
}

// addVerbosity declares the one flag of klog that has a meaning where its lines go to our logger.
func addVerbosity(flags *flag.FlagSet) {
	ofKlog := flag.NewFlagSet("klog", flag.ContinueOnError)
	klog.InitFlags(ofKlog)
	flags.Var(ofKlog.Lookup("v").Value, "v", "How much client-go tells where the log level is debug: 6 and more are its requests.")
}

// Validate names the flag that cannot be used.
func (o *Options) Validate() error {
	if msgs := validation.IsDNS1123Label(o.ExecutionNamespace); len(msgs) > 0 {
		return fmt.Errorf("flag -execution-namespace: %q is no name of a namespace: %s", o.ExecutionNamespace, msgs[0])
	}
	if o.Workers < 1 {
		return fmt.Errorf("flag -workers: %d must be at least 1", o.Workers)
	}
	return o.validate()
}

func (c *Common) validate() error {
	if !isLoopback(c.ProfilingAddress) {
		return fmt.Errorf("flag -profiling-address: %q must be a loopback address such as 127.0.0.1:8008", c.ProfilingAddress)
	}
	if os.Getenv("SYSTEM_NAMESPACE") == "" {
		return fmt.Errorf("environment variable SYSTEM_NAMESPACE must name the namespace this program runs in")
	}
	return nil
}

func isLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	ip, ipErr := netip.ParseAddr(host)
	return err == nil && (host == "localhost" || ipErr == nil && ip.IsLoopback())
}

// restConfig is that of a client which introduces itself as the component.
func (c *Common) restConfig(component string) (*rest.Config, error) {
	cfg, err := c.client.GetRESTConfig()
	if err != nil {
		return nil, fmt.Errorf("no Kubernetes client configuration: %w", err)
	}
	cfg.QPS = cmp.Or(cfg.QPS, defaultQPS)
	cfg.Burst = cmp.Or(cfg.Burst, defaultBurst)
	cfg.UserAgent = version.Get().UserAgent(component)
	return cfg, nil
}
