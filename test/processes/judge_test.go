// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package processes

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// seen makes a sample each second; the words of each are the marks that were alive.
func seen(looks ...string) []Sample {
	start := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	var samples []Sample
	for i, look := range looks {
		samples = append(samples, Sample{At: start.Add(time.Duration(i) * time.Second), Alive: strings.Fields(look)})
	}
	return samples
}

func TestSuccession(t *testing.T) {
	for name, test := range map[string]struct {
		samples []Sample
		apart   time.Duration
		err     string
	}{
		"one after the other": {
			samples: seen("", "first", "first first/finally", "first", "", "", "second", ""),
			apart:   3 * time.Second,
		},
		"the last of the first is its finally task": {
			samples: seen("first", "", "first/finally", "", "second", "second/finally"),
			apart:   2 * time.Second,
		},
		"others in between": {
			samples: seen("first other", "other", "second other"),
			apart:   2 * time.Second,
		},
		"nothing was seen":          {samples: seen("", ""), err: "no process of [first first/finally] was ever seen"},
		"there are no samples":      {err: "no process of [first first/finally] was ever seen"},
		"the first was never seen":  {samples: seen("", "second"), err: "no process of [first first/finally] was ever seen"},
		"the second was never seen": {samples: seen("first", "", ""), err: "no process of [second second/finally] was ever seen"},
		"together for a moment": {
			samples: seen("first", "first second", "second", ""),
			err:     "alive together at 2026-03-01T12:00:01Z: [first second]",
		},
		"the second begins while the finally task of the first works": {
			samples: seen("first", "", "first/finally second", "second"),
			err:     "alive together at 2026-03-01T12:00:02Z",
		},
		"together at the very end": {
			samples: seen("first", "", "second", "first second/finally"),
			err:     "alive together at 2026-03-01T12:00:03Z",
		},
		"the second comes first": {
			samples: seen("second", "", "first", ""),
			err:     "[second second/finally] was alive at 2026-03-01T12:00:00Z, before",
		},
		"the second between two processes of the first": {
			samples: seen("first", "", "second", "", "first/finally", ""),
			err:     "[second second/finally] was alive at 2026-03-01T12:00:02Z, before",
		},
		"no look between the two": {
			samples: seen("first", "second"),
			err:     "nobody looked between",
		},
	} {
		t.Run(name, func(t *testing.T) {
			apart, err := Succession(test.samples, []string{"first", "first/finally"}, []string{"second", "second/finally"})
			if test.err == "" && err != nil || test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err)) {
				t.Errorf("got error %v, want %q", err, test.err)
			}
			if apart != test.apart {
				t.Errorf("got %s apart, want %s", apart, test.apart)
			}
		})
	}
}

func TestUnexpected(t *testing.T) {
	samples := seen("a/first b/first", "a/second-1", "a/second-1 a/second-2", "b/third")
	got := Unexpected(samples, "a/", []string{"a/first", "a/second-2"})
	if want := []string{"a/second-1"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := Unexpected(samples, "a/", []string{"a/first", "a/second-1", "a/second-2"}); got != nil {
		t.Errorf("got %v, want none", got)
	}
}
