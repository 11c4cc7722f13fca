// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package config_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.uber.org/zap/zapcore"
	corev1 "k8s.io/api/core/v1"
	"knative.dev/pkg/configmap"
	"knative.dev/pkg/leaderelection"
	"knative.dev/pkg/logging"
	"knative.dev/pkg/metrics"
	"knative.dev/pkg/profiling"
	"sigs.k8s.io/yaml"
)

func configMap(t *testing.T, name string) *corev1.ConfigMap {
	t.Helper()
	cm, ok := find[*corev1.ConfigMap](t)[systemNamespace+"/"+name]
	if !ok {
		t.Fatalf("there is no ConfigMap %s", name)
	}
	return cm
}

// example returns what a ConfigMap would hold if its example were its data.
func example(t *testing.T, cm *corev1.ConfigMap) *corev1.ConfigMap {
	t.Helper()
	copied := cm.DeepCopy()
	copied.Data = map[string]string{}
	if err := yaml.UnmarshalStrict([]byte(cm.Data[configmap.ExampleKey]), &copied.Data); err != nil {
		t.Fatalf("%s: UnmarshalStrict() = %v", cm.Name, err)
	}
	return copied
}

func TestExamplesCarryTheirChecksum(t *testing.T) {
	for name, cm := range find[*corev1.ConfigMap](t) {
		text, ok := cm.Data[configmap.ExampleKey]
		if !ok {
			t.Errorf("%s has no example", name)
			continue
		}
		if got, want := cm.Annotations[configmap.ExampleChecksumAnnotation], configmap.Checksum(text); got != want {
			t.Errorf("%s: checksum %s, want %s; hack/update-checksums.sh writes it", name, got, want)
		}
		for line := range strings.Lines(text) {
			if strings.TrimRight(line, " \t\n") != strings.TrimSuffix(line, "\n") {
				t.Errorf("%s: white space at the end of %q", name, line)
			}
		}
	}
}

func TestLeaderElectionExampleIsTheDefaults(t *testing.T) {
	cm := configMap(t, "config-leader-election")
	if _, err := leaderelection.NewConfigFromConfigMap(cm); err != nil {
		t.Error("NewConfigFromConfigMap(as shipped) =", err)
	}
	want, err := leaderelection.NewConfigFromConfigMap(nil)
	if err != nil {
		t.Fatal("NewConfigFromConfigMap(nil) =", err)
	}
	got, err := leaderelection.NewConfigFromConfigMap(example(t, cm))
	if err != nil {
		t.Fatal("NewConfigFromConfigMap(example) =", err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error("(-want, +got):", diff)
	}
}

func TestObservabilityExampleIsTheDefaults(t *testing.T) {
	cm := configMap(t, "config-observability")
	want, err := metrics.NewObservabilityConfigFromConfigMap(cm)
	if err != nil {
		t.Fatal("NewObservabilityConfigFromConfigMap() =", err)
	}
	shown := example(t, cm)
	got, err := metrics.NewObservabilityConfigFromConfigMap(shown)
	if err != nil {
		t.Fatal("NewObservabilityConfigFromConfigMap(example) =", err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error("(-want, +got):", diff)
	}
	if enabled, err := profiling.ReadProfilingFlag(shown.Data); enabled || err != nil {
		t.Errorf("ReadProfilingFlag() = %t, %v", enabled, err)
	}
}

func TestLoggingExampleIsWhatIsShipped(t *testing.T) {
	cm := configMap(t, "config-logging")
	shipped := maps.Clone(cm.Data)
	delete(shipped, configmap.ExampleKey)
	if diff := cmp.Diff(shipped, example(t, cm).Data, cmpopts.EquateEmpty()); diff != "" {
		t.Error("(-shipped, +example):", diff)
	}
}

func TestLoggingIsUnderstood(t *testing.T) {
	config, err := logging.NewConfigFromConfigMap(configMap(t, "config-logging"))
	if err != nil {
		t.Fatal("NewConfigFromConfigMap() =", err)
	}
	logger, level := logging.NewLoggerFromConfig(config, "workflowexecution")
	if name := logger.Desugar().Name(); name != "workflowexecution" {
		t.Errorf("the logger is %q: its configuration was not understood", name)
	}
	if level.Level() != zapcore.InfoLevel {
		t.Errorf("level = %s, want info", level.Level())
	}
}
