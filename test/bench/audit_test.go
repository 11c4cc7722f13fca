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

// inBlock is how many executions are measured before the sink goes, or comes back.
const inBlock = 20

// BenchmarkSinkAway measures what a sink that never answers costs: the time until a run is created, and
// until its end shows in the status, in relation to those with a healthy sink.
func BenchmarkSinkAway(b *testing.B) {
	server, err := datastorage.Start(datastorage.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer server.Close()
	configureAudit(b, map[string]string{
		"sink": "datastorage", "datastorage-url": server.URL(), "datastorage-token-file": "", "datastorage-timeout": "2s",
	})
	defer configureAudit(b, nil)

	var created, ended [2][]time.Duration
	for i := 0; b.Loop(); i++ {
		for away := range 2 {
			name := fmt.Sprintf("sink-%d-%d-%d", time.Now().Unix(), i, away)
			if away == 0 {
				server.Switch(datastorage.Healthy)
				awaitAudited(b, name+"-first")
			} else {
				server.Switch(datastorage.Slow(time.Hour))
			}
			for n := range inBlock {
				c, e := oneExecution(b, fmt.Sprintf("%s-%d", name, n))
				created[away], ended[away] = append(created[away], c), append(ended[away], e)
			}
		}
	}
	b.ReportMetric(ratio(created), "created-ratio")
	b.ReportMetric(ratio(ended), "ended-ratio")
}

// awaitAudited waits until the sink has caught up.
func awaitAudited(b *testing.B, name string) {
	b.Helper()
	watcher, began := submit(b, name)
	defer watcher.Stop()
	until(b, watcher, began, func(s v1alpha1.WorkflowExecutionStatus) bool {
		return s.IsTerminal() && s.GetCondition(v1alpha1.ConditionAuditRecorded).IsTrue()
	})
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
	watcher, began := submit(b, name)
	defer watcher.Stop()
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
