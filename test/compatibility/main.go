// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

// Command compatibility runs the integration tests against other versions of Kubernetes and Tekton than those the
// product is developed against, one pair after the other, and says in a table how each pair did.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

const (
	// testedPairs begins with the newest, which tells most.
	testedPairs    = "1.35/1.15 1.33/1.9 1.34/1.15"
	defaultTimeout = 60 * time.Minute
	summaryFile    = "summary.md"
)

type options struct {
	pairs   string
	run     string
	skip    string
	logs    string
	timeout time.Duration
}

func main() {
	var o options
	flag.StringVar(&o.pairs, "pairs", testedPairs, "Pairs of minor versions, Kubernetes/Tekton, that third_party pins, separated by spaces.")
	flag.StringVar(&o.run, "run", "", "Run only the tests whose names match this regular expression.")
	flag.StringVar(&o.skip, "skip", "", "Run no test whose name matches this regular expression.")
	flag.StringVar(&o.logs, "logs", filepath.Join("_output", "compatibility"), "Folder for a log of each pair, and for the table.")
	flag.DurationVar(&o.timeout, "timeout", defaultTimeout, "Time for the tests of one pair.")
	flag.Parse()
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := o.test(ctx, os.Stdout)
	cancel()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// test tests every pair, also after one that failed, and fails if any did.
func (o options) test(ctx context.Context, out io.Writer) error {
	pairs, err := parsePairs(o.pairs)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(o.logs, 0o755); err != nil {
		return err
	}
	var results []result
	var failed []string
	for _, p := range pairs {
		r, err := o.testPair(ctx, p, out)
		if err != nil {
			return err
		}
		if !r.ok {
			failed = append(failed, p.String())
		}
		results = append(results, r)
		if ctx.Err() != nil {
			return errors.New("interrupted")
		}
	}
	summary := table(results)
	_, _ = fmt.Fprintf(out, "\n%s", summary)
	if err := os.WriteFile(filepath.Join(o.logs, summaryFile), []byte(summary), 0o644); err != nil {
		return err
	}
	if len(failed) > 0 {
		return fmt.Errorf("failed with %s; the logs are in %s", strings.Join(failed, ", "), o.logs)
	}
	return nil
}

// pair is two minor versions, as the environment of the tests names them.
type pair struct{ kubernetes, tekton string }

func (p pair) String() string { return p.kubernetes + "/" + p.tekton }

func (p pair) logFile() string { return "kubernetes-" + p.kubernetes + "-tekton-" + p.tekton + ".log" }

func parsePairs(text string) ([]pair, error) {
	var pairs []pair
	for word := range strings.FieldsSeq(text) {
		kubernetes, tekton, ok := strings.Cut(word, "/")
		if !ok || kubernetes == "" || tekton == "" {
			return nil, fmt.Errorf("flag -pairs: %q is no pair; a pair is Kubernetes/Tekton, for example 1.35/1.15", word)
		}
		pairs = append(pairs, pair{kubernetes: kubernetes, tekton: tekton})
	}
	if len(pairs) == 0 {
		return nil, errors.New("flag -pairs: no pair is named; a pair is Kubernetes/Tekton, for example 1.35/1.15")
	}
	return pairs, nil
}
