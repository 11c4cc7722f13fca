// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package startup

import (
	"flag"
	"net"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/version"
	"knative.dev/pkg/leaderelection"
	"knative.dev/pkg/logging"
)

const secretPath = "/api/v1/namespaces/kubernaut-system/secrets/certificates"

func parseWebhook(t *testing.T, arguments ...string) WebhookOptions {
	t.Helper()
	var o WebhookOptions
	flags := flag.NewFlagSet(t.Name(), flag.ContinueOnError)
	o.AddFlags(flags)
	if err := flags.Parse(arguments); err != nil {
		t.Fatal(err)
	}
	return o
}

func TestWebhookOptions(t *testing.T) {
	t.Setenv("SYSTEM_NAMESPACE", "kubernaut-system")
	o := parseWebhook(t)
	if err := o.Validate(); err != nil || o.Port != 8443 || o.ProbeAddress != ":8081" {
		t.Errorf("defaults are %+v, %v", o, err)
	}
	for argument, want := range map[string]string{
		"-port=0":                  "flag -port: 0 must be from 1 to 65535",
		"-port=65536":              "flag -port: 65536 must be from 1 to 65535",
		"-profiling-address=:8008": "must be a loopback address",
	} {
		// RunWebhook refuses before it connects.
		err := RunWebhook(t.Context(), "webhook", parseWebhook(t, argument), Webhook{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: RunWebhook() = %v, want %s", argument, err, want)
		}
	}
	t.Setenv("SYSTEM_NAMESPACE", "")
	if err := o.Validate(); err == nil || !strings.Contains(err.Error(), "SYSTEM_NAMESPACE") {
		t.Error("Validate() =", err)
	}
}

func TestPreflightOfTheWebhook(t *testing.T) {
	t.Setenv("SYSTEM_NAMESPACE", "kubernaut-system")
	tests := map[string]struct {
		path   string
		answer any
		want   string
	}{
		"everything":  {"/apis/tekton.dev/v1", code(404), ""}, // that of Tekton is not needed
		"no CRD":      {"/apis/kubernaut.ai/v1alpha1", code(404), "is the WorkflowExecution CRD installed?"},
		"no Secret":   {secretPath, code(404), "is the Secret for the certificates installed, if only empty? failed to read kubernaut-system/certificates: "},
		"no right":    {secretPath, code(403), "failed to read kubernaut-system/certificates: "},
		"too old":     {"/version", version.Info{GitVersion: "v1.29.3"}, "the API server runs Kubernetes v1.29.3: want 1.30 or newer"},
		"unreachable": {"/version", code(403), "Forbidden: /version"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			cluster := healthyCluster()
			cluster[secretPath] = corev1.Secret{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"}}
			cluster[tc.path] = tc.answer
			err := preflightWebhook(t.Context(), serve(t, cluster), "certificates")
			if tc.want != "" {
				checkOneLine(t, err, tc.want)
			} else if err != nil {
				t.Error("preflightWebhook() =", err)
			}
		})
	}
}

func TestTakenPortIsNamed(t *testing.T) {
	listener, err := net.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	checkOneLine(t, portIsFree(t.Context(), port), "flag -port: "+strconv.Itoa(port)+" cannot be used")
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	if err := portIsFree(t.Context(), port); err != nil {
		t.Error("portIsFree() =", err)
	}
}

func TestRequestsAreNotLogged(t *testing.T) {
	for level, want := range map[zapcore.Level]int{zap.DebugLevel: 1, zap.InfoLevel: 1, zap.WarnLevel: 1, zap.ErrorLevel: 0} {
		core, logs := observer.New(level)
		logger := logging.FromContext(quiet(logging.WithLogger(t.Context(), zap.New(core).Sugar())))
		logger.Info("a request with all its headers")
		logger.Warn("something to know")
		if logs.Len() != want {
			t.Errorf("at level %s: %v", level, logs.All())
		}
	}
}

func TestLeasesOfAWebhookHaveFixedNames(t *testing.T) {
	want := leaderelection.ComponentConfig{Component: "webhook", Buckets: 1, RetryPeriod: 2}
	got := forOneKey(leaderelection.ComponentConfig{
		Component: "webhook", Buckets: 10, RetryPeriod: 2, LeaseNamesPrefixMapping: map[string]string{"webhook.queue": "other"},
	})
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error("(-want, +got):", diff)
	}
}
