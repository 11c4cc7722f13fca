// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	logtesting "knative.dev/pkg/logging/testing"
)

func configMap(data map[string]string) *corev1.ConfigMap {
	return &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: WorkflowExecutionConfigName},
		Data:       data,
	}
}

func TestStoreAttachesWhatItRead(t *testing.T) {
	store := NewStore(logtesting.TestLogger(t))
	store.OnConfigChanged(configMap(map[string]string{cooldownPeriodKey: "9m"}))

	got := FromContext(store.ToContext(t.Context()))
	want := DefaultWorkflowExecution()
	want.CooldownPeriod = 9 * time.Minute
	if diff := cmp.Diff(&Config{WorkflowExecution: want}, got); diff != "" {
		t.Error("(-want, +got):", diff)
	}
}

func TestStoreKeepsTheLastValidContent(t *testing.T) {
	store := NewStore(logtesting.TestLogger(t))
	store.OnConfigChanged(configMap(map[string]string{logTailLinesKey: "7"}))
	store.OnConfigChanged(configMap(map[string]string{logTailLinesKey: "seven"}))

	if got := store.Load().WorkflowExecution.LogTailLines; got != 7 {
		t.Errorf("LogTailLines = %d, want 7", got)
	}
}

func TestStoreTellsWhatItAccepted(t *testing.T) {
	told := make(chan string, 1)
	store := NewStore(logtesting.TestLogger(t), func(name string, _ any) { told <- name })
	store.OnConfigChanged(configMap(nil))

	select {
	case name := <-told:
		if name != WorkflowExecutionConfigName {
			t.Errorf("told of %q", name)
		}
	case <-time.After(10 * time.Second):
		t.Error("the callback was not called")
	}
}

func TestLoadedConfigIsACopy(t *testing.T) {
	store := NewStore(logtesting.TestLogger(t))
	store.OnConfigChanged(configMap(map[string]string{allowedBundlesKey: "ghcr.io/a", allowedServiceAccountsKey: "a"}))

	loaded := store.Load().WorkflowExecution
	loaded.PipelineName = "changed"
	loaded.AllowedBundles[0] = "changed"
	loaded.AllowedServiceAccounts[0] = "changed"

	again := store.Load().WorkflowExecution
	if again.PipelineName == "changed" || again.AllowedBundles[0] == "changed" || again.AllowedServiceAccounts[0] == "changed" {
		t.Errorf("the store was changed from outside: %+v", again)
	}
}

func TestFromContextOrDefaults(t *testing.T) {
	if got := FromContext(t.Context()); got != nil {
		t.Errorf("FromContext() = %v, want nil", got)
	}
	want := &Config{WorkflowExecution: DefaultWorkflowExecution(), Audit: DefaultAudit()}
	if diff := cmp.Diff(want, FromContextOrDefaults(t.Context())); diff != "" {
		t.Error("(-want, +got):", diff)
	}

	incomplete := &Config{}
	if diff := cmp.Diff(want, FromContextOrDefaults(ToContext(t.Context(), incomplete))); diff != "" {
		t.Error("incomplete (-want, +got):", diff)
	}
	if incomplete.WorkflowExecution != nil {
		t.Error("FromContextOrDefaults() changed the attached Config")
	}

	attached := &Config{WorkflowExecution: &WorkflowExecution{PipelineName: "other"}}
	if got := FromContextOrDefaults(ToContext(t.Context(), attached)); got.WorkflowExecution.PipelineName != "other" {
		t.Errorf("PipelineName = %q, want that of the attached Config", got.WorkflowExecution.PipelineName)
	}
}
