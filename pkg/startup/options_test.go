// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package startup

import (
	"flag"
	"strings"
	"testing"

	"kubernaut.ai/workflowexecution/pkg/version"
)

func parse(t *testing.T, arguments ...string) *Options {
	t.Helper()
	var o Options
	flags := flag.NewFlagSet(t.Name(), flag.ContinueOnError)
	o.AddFlags(flags)
	if err := flags.Parse(arguments); err != nil {
		t.Fatal(err)
	}
	return &o
}

func TestDefaultsAreValid(t *testing.T) {
	t.Setenv("SYSTEM_NAMESPACE", "kubernaut-system")
	o := parse(t)
	if err := o.Validate(); err != nil {
		t.Error("Validate() =", err)
	}
	if o.ExecutionNamespace != "kubernaut-workflows" || o.ProbeAddress != ":8081" || o.Workers < 1 || o.DisableHA {
		t.Errorf("defaults are %+v", o)
	}
}

func TestValidateNamesWhatIsWrong(t *testing.T) {
	tests := map[string]struct {
		argument string
		want     string
	}{
		"every namespace":          {"-execution-namespace=", `flag -execution-namespace: "" is no name of a namespace`},
		"no namespace":             {"-execution-namespace=A/b", `flag -execution-namespace: "A/b" is no name of a namespace`},
		"no workers":               {"-workers=0", "flag -workers: 0 must be at least 1"},
		"profiling for all":        {"-profiling-address=:8008", `flag -profiling-address: ":8008" must be a loopback address`},
		"profiling for all IPv6":   {"-profiling-address=[::]:8008", "must be a loopback address"},
		"profiling for the subnet": {"-profiling-address=10.0.0.1:8008", "must be a loopback address"},
		"profiling by name":        {"-profiling-address=example.com:8008", "must be a loopback address"},
		"profiling without a port": {"-profiling-address=127.0.0.1", "must be a loopback address"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Setenv("SYSTEM_NAMESPACE", "kubernaut-system")
			err := parse(t, tc.argument).Validate()
			if err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("Validate() = %v, want one line with %q", err, tc.want)
			}
		})
	}
}

func TestProfilingOnLoopback(t *testing.T) {
	t.Setenv("SYSTEM_NAMESPACE", "kubernaut-system")
	for _, address := range []string{"127.0.0.1:8008", "127.0.0.2:0", "[::1]:8008", "localhost:8008"} {
		if err := parse(t, "-profiling-address="+address).Validate(); err != nil {
			t.Error("Validate() =", err)
		}
	}
}

func TestSystemNamespaceIsNeeded(t *testing.T) {
	t.Setenv("SYSTEM_NAMESPACE", "")
	if err := parse(t).Validate(); err == nil || !strings.Contains(err.Error(), "SYSTEM_NAMESPACE") {
		t.Error("Validate() =", err)
	}
}

func TestRunRefusesBeforeItConnects(t *testing.T) {
	t.Setenv("SYSTEM_NAMESPACE", "")
	if err := Run(t.Context(), "controller", *parse(t)); err == nil || !strings.Contains(err.Error(), "SYSTEM_NAMESPACE") {
		t.Error("Run() =", err)
	}
}

func TestClientLimits(t *testing.T) {
	// A storm of 1,000 executions must not wait for client-go's own default of 5 requests a second.
	t.Setenv("KUBECONFIG", "")
	tests := map[string]struct {
		arguments []string
		qps       float32
		burst     int
	}{
		"defaults": {[]string{"-server=http://127.0.0.1:1"}, 300, 600},
		"chosen":   {[]string{"-server=http://127.0.0.1:1", "-kube-api-qps=7", "-kube-api-burst=9"}, 7, 9},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			cfg, err := parse(t, tc.arguments...).restConfig("controller")
			if err != nil || cfg.QPS != tc.qps || cfg.Burst != tc.burst {
				t.Errorf("restConfig() = %+v, %v", cfg, err)
			}
		})
	}
}

// The audit log of the API server tells from it which release of which program did what.
func TestClientIntroducesItself(t *testing.T) {
	t.Setenv("KUBECONFIG", "")
	cfg, err := parse(t, "-server=http://127.0.0.1:1").restConfig("controller")
	if want := version.Get().UserAgent("controller"); err != nil || cfg.UserAgent != want || !strings.HasPrefix(want, "controller/") {
		t.Errorf("restConfig() = %+v, %v, want the user agent %q", cfg, err, want)
	}
}
