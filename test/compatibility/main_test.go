// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestPairs(t *testing.T) {
	got, err := parsePairs(testedPairs)
	if err != nil {
		t.Fatal(err)
	}
	want := []pair{{"1.35", "1.15"}, {"1.33", "1.9"}, {"1.34", "1.15"}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(pair{})); diff != "" {
		t.Error("-want, +got:", diff)
	}
}

func TestNoPairIsAnError(t *testing.T) {
	for name, want := range map[string]string{
		"": "no pair is named", "1.35": `"1.35" is no pair`, "1.35/": `"1.35/" is no pair`, "1.35/1.15 /1.9": `"/1.9" is no pair`,
	} {
		if _, err := parsePairs(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, expected %s", name, err, want)
		}
	}
}

const stream = `{"Action":"start","Package":"p"}
{"Action":"output","Package":"p","Output":"   9.3s  cluster is ready: Kubernetes v1.35.4, Tekton v1.15.0\n"}
{"Action":"run","Package":"p","Test":"TestTable"}
{"Action":"run","Package":"p","Test":"TestTable/one"}
{"Action":"output","Package":"p","Test":"TestTable/one","Output":"    file.go:1: it is wrong\n"}
{"Action":"fail","Package":"p","Test":"TestTable/one"}
{"Action":"pass","Package":"p","Test":"TestTable/two"}
{"Action":"fail","Package":"p","Test":"TestTable"}
{"Action":"pass","Package":"p","Test":"TestAlone"}
{"Action":"skip","Package":"p","Test":"TestElsewhere"}
no JSON
{"Action":"fail","Package":"p"}
`

func TestEvents(t *testing.T) {
	var log, out bytes.Buffer
	e := newEvents(&log, &out)
	// Parts that end anywhere.
	if _, err := io.Copy(e, iotest.OneByteReader(strings.NewReader(stream))); err != nil {
		t.Fatal(err)
	}
	want := result{kubernetes: "v1.35.4", tekton: "v1.15.0", passed: 2, failed: 1, skipped: 1}
	if diff := cmp.Diff(want, e.result(), cmp.AllowUnexported(result{}, pair{})); diff != "" {
		t.Error("-want, +got:", diff)
	}
	for _, line := range []string{"cluster is ready", "it is wrong", "no JSON"} {
		if !strings.Contains(log.String(), line) {
			t.Errorf("the log lacks %q: %s", line, &log)
		}
	}
	if announced := out.String(); announced != "failed: TestTable/one\nfailed: TestTable\n" {
		t.Errorf("announced: %s", announced)
	}
}

func TestTable(t *testing.T) {
	got := table([]result{
		{pair: pair{"1.35", "1.15"}, kubernetes: "v1.35.4", tekton: "v1.15.0", passed: 200, skipped: 1, took: 14 * time.Minute, ok: true},
		{pair: pair{"1.33", "1.9"}, took: 3 * time.Second},
	})
	want := `| Kubernetes | Tekton | result | passed | failed | skipped | time |
|---|---|---|---:|---:|---:|---:|
| v1.35.4 | v1.15.0 | passed | 200 | 0 | 1 | 14m0s |
| 1.33 did not start | 1.9 did not start | failed | 0 | 0 | 0 | 3s |
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error("-want, +got:", diff)
	}
}
