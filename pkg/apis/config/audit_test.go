// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
)

func TestEmptyAuditConfigMapIsTheDefaults(t *testing.T) {
	want := &Audit{
		Sink:                 "log",
		DeletionWait:         5 * time.Minute,
		DataStorageTimeout:   10 * time.Second,
		DataStorageTokenFile: "/var/run/secrets/kubernetes.io/serviceaccount/token",
		PostgresSecret:       "workflowexecution-audit-postgres",
		PostgresMigrate:      true,
	}
	got, err := NewAuditFromConfigMap(&corev1.ConfigMap{})
	if err != nil {
		t.Fatal("NewAuditFromConfigMap() =", err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error("(-want, +got):", diff)
	}
}

func TestEveryAuditKeyIsRead(t *testing.T) {
	want := &Audit{
		Sink:                 AuditSinkDataStorage,
		DeletionWait:         90 * time.Second,
		DataStorageURL:       "https://data-storage.kubernaut-system.svc:8080/base",
		DataStorageTimeout:   2 * time.Second,
		DataStorageCAFile:    "/etc/ca/ca.crt",
		DataStorageTokenFile: "/etc/token",
		PostgresSecret:       "audit.postgres",
		PostgresMigrate:      false,
	}
	data := map[string]string{
		"_example":               "sink: nowhere",
		"sink":                   "datastorage",
		"deletion-wait":          "90s",
		"datastorage-url":        "https://data-storage.kubernaut-system.svc:8080/base",
		"datastorage-timeout":    "2s",
		"datastorage-ca-file":    "/etc/ca/ca.crt",
		"datastorage-token-file": "/etc/token",
		"postgres-secret":        "audit.postgres",
		"postgres-migrate":       "false",
	}
	got, err := NewAuditFromMap(data)
	if err != nil {
		t.Fatal("NewAuditFromMap() =", err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error("(-want, +got):", diff)
	}
	for key := range got.parsers() {
		if _, ok := data[key]; !ok {
			t.Errorf("this test does not set %q", key)
		}
	}
}

func TestAuditValuesThatAreValid(t *testing.T) {
	tests := []struct {
		key, value string
		want       func(*Audit)
	}{
		{"sink", "log", func(*Audit) {}},
		// How to connect is in the Secret: there is nothing else to be set.
		{"sink", "postgres", func(c *Audit) { c.Sink = AuditSinkPostgres }},
		{"deletion-wait", "1s", func(c *Audit) { c.DeletionWait = time.Second }},
		{"deletion-wait", "8760h", func(c *Audit) { c.DeletionWait = 8760 * time.Hour }},
		{"datastorage-url", "", func(*Audit) {}},
		{"datastorage-url", "http://[::1]:8080/", func(c *Audit) { c.DataStorageURL = "http://[::1]:8080/" }},
		{"datastorage-ca-file", "", func(*Audit) {}},
		{"datastorage-token-file", "", func(c *Audit) { c.DataStorageTokenFile = "" }},
		{"postgres-migrate", "0", func(c *Audit) { c.PostgresMigrate = false }},
		{"postgres-migrate", "True", func(*Audit) {}},
	}
	for _, tc := range tests {
		t.Run(tc.key+"="+tc.value, func(t *testing.T) {
			want := DefaultAudit()
			tc.want(want)
			got, err := NewAuditFromMap(map[string]string{tc.key: tc.value})
			if err != nil {
				t.Fatal("NewAuditFromMap() =", err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error("(-want, +got):", diff)
			}
		})
	}
}

func TestAuditErrorNamesKeyValueAndWhatIsValid(t *testing.T) {
	const (
		durations = "want a duration such as 90s, 5m or 1h30m, from 1s to 8760h0m0s"
		urls      = "want a URL such as https://data-storage.kubernaut-system.svc:8080"
		paths     = "want the absolute path of a file, or nothing"
		names     = "want the name of a Kubernetes object"
		truth     = "want true or false"
	)
	tests := []struct {
		key, value string
		valid      string
	}{
		{"sink", "", "want one of log, datastorage, postgres"},
		{"sink", "stdout", "want one of log, datastorage, postgres"},
		{"sink", "Log", "want one of log, datastorage, postgres"},
		{"deletion-wait", "", durations},
		{"deletion-wait", "0s", durations},
		{"deletion-wait", "8761h", durations},
		{"datastorage-timeout", "10", durations},
		{"datastorage-timeout", "-1s", durations},
		{"datastorage-url", "data-storage:8080", urls},
		{"datastorage-url", "data-storage", urls},
		{"datastorage-url", "ftp://data-storage", urls},
		{"datastorage-url", "https://", urls},
		{"datastorage-url", "https://:8080", urls},
		{"datastorage-url", "https://data-storage?a=b", urls},
		{"datastorage-url", "https://data-storage#a", urls},
		{"datastorage-url", "https://data storage", urls},
		{"datastorage-url", " https://data-storage", urls},
		{"datastorage-ca-file", "ca.crt", paths},
		{"datastorage-token-file", "../token", paths},
		{"postgres-secret", "", names},
		{"postgres-secret", "Audit", names},
		{"postgres-secret", "other/audit", names},
		{"postgres-migrate", "", truth},
		{"postgres-migrate", "yes", truth},
		{"deletion-wiat", "5m", "want one of datastorage-ca-file, datastorage-timeout, datastorage-token-file, datastorage-url, deletion-wait"},
	}
	seen := map[string]bool{}
	for _, tc := range tests {
		seen[tc.key] = true
		t.Run(tc.key+"="+tc.value, func(t *testing.T) {
			_, err := NewAuditFromMap(map[string]string{tc.key: tc.value})
			if err == nil {
				t.Fatal("NewAuditFromMap() succeeded")
			}
			for _, part := range []string{tc.key + ": ", tc.valid, `"` + shown(tc.value) + `"`} {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q lacks %q", err, part)
				}
			}
		})
	}
	for key := range DefaultAudit().parsers() {
		if !seen[key] {
			t.Errorf("this test has no invalid value of %q", key)
		}
	}
}

func TestDataStorageNeedsAURL(t *testing.T) {
	for _, data := range []map[string]string{
		{"sink": "datastorage"},
		{"sink": "datastorage", "datastorage-url": ""},
	} {
		_, err := NewAuditFromMap(data)
		if err == nil {
			t.Fatalf("NewAuditFromMap(%v) succeeded", data)
		}
		for _, part := range []string{"datastorage-url: ", `""`, "want the URL of the service", `"datastorage"`} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%q lacks %q", err, part)
			}
		}
	}
}

// TestCredentialsInAURLAreRefusedAndNotRepeated: the error ends in the log and in an event.
func TestCredentialsInAURLAreRefusedAndNotRepeated(t *testing.T) {
	for _, value := range []string{
		"https://writer:hunter2@data-storage:8080",
		"https://:hunter2@data-storage",
		"ftp://writer:hunter2@data-storage",
		"https://writer:hunter2@data storage",
		"https://writer:hunter2@data-storage:port",
		"https://writer:hunter2%@data-storage",
		"//writer:hunter2@data-storage",
		"writer:hunter2@data-storage",
		"https://writer:hunter2@data-storage\n",
		"https://data-storage?access_token=hunter2hunter2",
	} {
		t.Run(value, func(t *testing.T) {
			_, err := NewAuditFromMap(map[string]string{"datastorage-url": value})
			if err == nil {
				t.Fatal("NewAuditFromMap() succeeded")
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%q repeats the password", err)
			}
			if !strings.Contains(err.Error(), "datastorage-url: ") {
				t.Errorf("%q does not name the key", err)
			}
		})
	}
}

func TestAuditExampleIsTheDefaults(t *testing.T) {
	example := exampleOf(t, AuditConfigName)
	got, err := NewAuditFromMap(example)
	if err != nil {
		t.Fatal("NewAuditFromMap() =", err)
	}
	if diff := cmp.Diff(DefaultAudit(), got); diff != "" {
		t.Error("(-want, +got):", diff)
	}
	for key := range got.parsers() {
		if _, ok := example[key]; !ok {
			t.Errorf("the example does not show %q", key)
		}
	}
}

func FuzzNewAuditFromMap(f *testing.F) {
	f.Add("sink", "postgres")
	f.Add("datastorage-url", "https://a:b@c")
	f.Add("deletion-wait", "1ns")
	f.Add("postgres-migrate", "t")
	f.Fuzz(func(t *testing.T, key, value string) {
		c, err := NewAuditFromMap(map[string]string{key: value})
		if err != nil {
			return
		}
		known := []AuditSink{AuditSinkLog, AuditSinkDataStorage, AuditSinkPostgres}
		if !slices.Contains(known, c.Sink) || c.DeletionWait < time.Second || c.DataStorageTimeout < time.Second || c.PostgresSecret == "" {
			t.Errorf("%s=%q was accepted as %+v", key, value, c)
		}
	})
}
