// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"fmt"
	"strings"
	"time"
)

// result is how the tests did against one pair.
type result struct {
	pair pair
	// kubernetes and tekton are the versions that the programs report, empty if they did not get ready.
	kubernetes, tekton      string
	passed, failed, skipped int
	took                    time.Duration
	// ok is whether the tests as a whole passed, which takes more than that none of them failed.
	ok bool
}

// table is Markdown.
func table(results []result) string {
	var b strings.Builder
	b.WriteString("| Kubernetes | Tekton | result | passed | failed | skipped | time |\n|---|---|---|---:|---:|---:|---:|\n")
	for _, r := range results {
		fmt.Fprintf(&b, "| %s | %s | %s | %d | %d | %d | %s |\n",
			cmp.Or(r.kubernetes, r.pair.kubernetes+" did not start"), cmp.Or(r.tekton, r.pair.tekton+" did not start"),
			r.verdict(), r.passed, r.failed, r.skipped, r.took.Round(time.Second))
	}
	return b.String()
}

func (r result) verdict() string {
	if r.ok {
		return "passed"
	}
	return "failed"
}
