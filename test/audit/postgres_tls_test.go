// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package audit_test

import (
	"context"
	"strings"
	"testing"

	"k8s.io/client-go/util/cert"

	"kubernaut.ai/workflowexecution/pkg/audit/postgres"
	server "kubernaut.ai/workflowexecution/test/postgres"
)

// authority signs for the address of the server.
func authority(t *testing.T, address string) (certificate, key []byte) {
	t.Helper()
	certificate, key, err := cert.GenerateSelfSignedCertKey(address, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	return certificate, key
}

func TestPostgresTLS(t *testing.T) {
	certificate, key := authority(t, "127.0.0.1")
	stranger, _ := authority(t, "127.0.0.1")
	s, err := server.Start(t.TempDir(), server.WithTLS(certificate, key), server.WithoutSync())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	admin := connect(t, s.SuperURL("postgres"))
	rows := 0
	for name, test := range map[string]struct {
		mode, host, ca, refusal string
	}{
		"right":                               {mode: "verify-full", ca: string(certificate)},
		"right, and the URL asks for none":    {mode: "disable", ca: string(certificate)},
		"right, and the URL would do without": {mode: "prefer", ca: string(certificate)},
		"not needed":                          {mode: "require"},
		"a stranger's":                        {mode: "require", ca: string(stranger), refusal: "unknown authority"},
		"of another host":                     {mode: "require", host: "localhost", ca: string(certificate), refusal: "certificate"},
		"of the system":                       {mode: "verify-full", refusal: "unknown authority"},
		"nonsense":                            {mode: "verify-full", ca: "nonsense", refusal: "no certificate in PEM"},
	} {
		url := strings.Replace(s.SuperURL("postgres"), "sslmode=disable", "sslmode="+test.mode, 1)
		if test.host != "" {
			url = strings.Replace(url, "127.0.0.1", test.host, 1)
		}
		source := func(context.Context) (postgres.Connection, error) {
			return postgres.Connection{URL: url, CA: []byte(test.ca)}, nil
		}
		sink := sinkOf(t, postgres.Options{Source: source, Migrate: true, Clock: at(noon)})
		_, err := sink.Write(t.Context(), batch(1))
		if test.refusal == "" {
			rows++
		}
		if (err == nil) != (test.refusal == "") || err != nil && !strings.Contains(err.Error(), test.refusal) {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil {
			expect(t, admin, "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'workflowexecution-controller'", "true")
		}
		sink.Close()
	}
	expect(t, admin, "SELECT count(*) = "+string(rune('0'+rows))+" FROM audit_events", "true")
}

// BenchmarkPostgres writes batches of 100, as one caller.
func BenchmarkPostgres(b *testing.B) {
	s, err := server.Start("")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(s.Close)
	sink := postgres.New(postgres.Options{Source: fixed(s.SuperURL("postgres")), Migrate: true, Clock: at(noon)})
	b.Cleanup(sink.Close)
	if _, err := sink.Write(b.Context(), batch(1)); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := sink.Write(b.Context(), batch(100)); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(100*b.N)/b.Elapsed().Seconds(), "rows/s")
}
