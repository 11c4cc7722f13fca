// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package processes

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// span is where in a series of samples any of some marks was alive.
type span struct{ first, last int }

func spanOf(samples []Sample, marks []string) (span, bool) {
	alive := func(s Sample) bool { return s.hasAny(marks) }
	first := slices.IndexFunc(samples, alive)
	if first < 0 {
		return span{}, false
	}
	last := first
	for i := first; i < len(samples); i++ {
		if alive(samples[i]) {
			last = i
		}
	}
	return span{first, last}, true
}

// Succession returns nil if all processes with the successor's marks began after all with the predecessor's had
// ended, and how far apart they were seen. To have missed one of them is an error as well, and so is to have had no
// look at the time between the two.
func Succession(samples []Sample, predecessor, successor []string) (apart time.Duration, err error) {
	before, seen := spanOf(samples, predecessor)
	if !seen {
		return 0, fmt.Errorf("no process of %v was ever seen", predecessor)
	}
	after, seen := spanOf(samples, successor)
	if !seen {
		return 0, fmt.Errorf("no process of %v was ever seen", successor)
	}
	for _, s := range samples {
		if s.hasAny(predecessor) && s.hasAny(successor) {
			return 0, fmt.Errorf("processes of %v and of %v were alive together at %s: %v",
				predecessor, successor, s.At.Format(time.RFC3339Nano), s.Alive)
		}
	}
	ended, began := samples[before.last].At, samples[after.first].At
	switch {
	case after.first < before.last:
		return 0, fmt.Errorf("%v was alive at %s, before %v, which was seen until %s", successor,
			began.Format(time.RFC3339Nano), predecessor, ended.Format(time.RFC3339Nano))
	case after.first == before.last+1:
		return 0, fmt.Errorf("nobody looked between %s, when %v was alive, and %s, when %v was",
			ended.Format(time.RFC3339Nano), predecessor, began.Format(time.RFC3339Nano), successor)
	}
	return began.Sub(ended), nil
}

// Unexpected are the marks that were seen, begin with the prefix and are not among the expected ones.
func Unexpected(samples []Sample, prefix string, expected []string) []string {
	var found []string
	for _, s := range samples {
		for _, mark := range s.Alive {
			if strings.HasPrefix(mark, prefix) && !slices.Contains(expected, mark) && !slices.Contains(found, mark) {
				found = append(found, mark)
			}
		}
	}
	return found
}
