// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	lanesAtOnce    = 2
	reportInterval = 15 * time.Second
)

// works makes artifacts and reports what is being made, how long it took and what remains.
type works struct {
	all []artifact
	out *progress

	mu    sync.Mutex
	begun int
	made  []string
}

// makeAll makes everything, and ends all of it with the first error.
func (w *works) makeAll(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(lanesAtOnce)
	for _, lane := range w.lanes() {
		group.Go(func() error {
			for _, a := range lane {
				if err := w.make(ctx, a); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}

// lanes keeps the order of the artifacts, across lanes by the first of each.
func (w *works) lanes() [][]artifact {
	var names []string
	lanes := map[string][]artifact{}
	for _, a := range w.all {
		if !slices.Contains(names, a.lane) {
			names = append(names, a.lane)
		}
		lanes[a.lane] = append(lanes[a.lane], a)
	}
	ordered := make([][]artifact, 0, len(names))
	for _, name := range names {
		ordered = append(ordered, lanes[name])
	}
	return ordered
}

func (w *works) make(ctx context.Context, a artifact) error {
	label := w.begin(a)
	stop := every(reportInterval, func(elapsed time.Duration) {
		w.out.printf("%s ... %s so far", label, elapsed.Round(time.Second))
	})
	defer stop()

	started := time.Now()
	if err := makeAtomically(ctx, a); err != nil {
		return fmt.Errorf("building %s: %w", a.title, err)
	}
	w.out.printf("%s done in %s; %s", label, time.Since(started).Round(100*time.Millisecond), w.finish(a))
	return nil
}

func (w *works) begin(a artifact) (label string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.begun++
	label = fmt.Sprintf("[%d/%d] %s", w.begun, len(w.all), a.title)
	w.out.printf("%s ...", label)
	return label
}

// finish tells what remains.
func (w *works) finish(a artifact) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.made = append(w.made, a.title)
	var remaining []string
	for _, other := range w.all {
		if !slices.Contains(w.made, other.title) {
			remaining = append(remaining, strings.Fields(other.title)[0])
		}
	}
	if len(remaining) == 0 {
		return "nothing remains"
	}
	return "remaining: " + strings.Join(remaining, ", ")
}
