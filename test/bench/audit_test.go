// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"fmt"
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/test/datastorage"
	"kubernaut.ai/workflowexecution/test/install"
)

// BenchmarkSinkAway measures what a sink that never answers costs: the time until a run is created, and
// until its end shows in the status, in relation to those with a healthy sink. The two take turns, so that
// what else the machine does falls on both.
func BenchmarkSinkAway(b *testing.B) {
	server, err := datastorage.Start(datastorage.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer server.Close()
	configureAudit(b, map[string]string{"sink": "datastorage", "datastorage-url": server.URL(), "datastorage-token-file": ""})
	defer configureAudit(b, nil)

	var created, ended [2][]time.Duration
	for i := 0; b.Loop(); i++ {
		for away := range 2 {
			mode := datastorage.Healthy
			if away == 1 {
				mode = datastorage.Slow(time.Hour)
			}
			server.Switch(mode)
			c, e := oneExecution(b, fmt.Sprintf("sink-%d-%d-%d", b.N, i, away))
			created[away], ended[away] = append(created[away], c), append(ended[away], e)
		}
	}
	b.ReportMetric(ratio(created), "created-ratio")
	b.ReportMetric(ratio(ended), "ended-ratio")
}

func configureAudit(b *testing.B, data map[string]string) {
	b.Helper()
	client := world.Kube.CoreV1().ConfigMaps(install.SystemNamespace)
	cm, err := client.Get(b.Context(), "config-audit", metav1.GetOptions{})
	if err != nil {
		b.Fatal(err)
	}
	cm.Data = data
	if _, err := client.Update(b.Context(), cm, metav1.UpdateOptions{}); err != nil {
		b.Fatal(err)
	}
}

func oneExecution(b *testing.B, name string) (created, ended time.Duration) {
	b.Helper()
	client := world.Executions.KubernautV1alpha1().WorkflowExecutions("default")
	watcher, err := client.Watch(b.Context(), metav1.ListOptions{FieldSelector: "metadata.name=" + name})
	if err != nil {
		b.Fatal(err)
	}
	defer watcher.Stop()
	began := time.Now()
	if _, err := client.Create(b.Context(), execution(name), metav1.CreateOptions{}); err != nil {
		b.Fatal(err)
	}
	created = until(b, watcher, began, func(s v1alpha1.WorkflowExecutionStatus) bool { return s.PipelineRunRef != nil })
	ended = until(b, watcher, began, func(s v1alpha1.WorkflowExecutionStatus) bool { return s.IsTerminal() })
	return created, ended
}

// ratio of the medians, with the sink away to without.
func ratio(durations [2][]time.Duration) float64 {
	var medians [2]float64
	for i, all := range durations {
		slices.Sort(all)
		medians[i] = float64(all[len(all)/2])
	}
	return medians[1] / medians[0]
}
