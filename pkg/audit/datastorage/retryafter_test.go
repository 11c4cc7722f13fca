// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package datastorage

import (
	"net/http"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestRetryAfter(t *testing.T) {
	for _, row := range []struct {
		header string
		want   time.Duration
		ok     bool
	}{
		{"1", time.Second, true},
		{" 120 ", 2 * time.Minute, true},
		{"300", 5 * time.Minute, true},
		{"301", 5 * time.Minute, true},
		{"4294967296", 5 * time.Minute, true},
		{"99999999999999999999999999", 5 * time.Minute, true},
		{"Sun, 01 Mar 2026 12:00:30 GMT", 30 * time.Second, true},
		{"Sunday, 01-Mar-26 12:00:30 GMT", 30 * time.Second, true},
		{"Sun Mar  1 12:00:30 2026", 30 * time.Second, true},
		{"Fri, 31 Dec 9999 23:59:59 GMT", 5 * time.Minute, true},
		{header: "Sun, 01 Mar 2026 12:00:00 GMT"},
		{header: "Sun, 01 Mar 2026 11:59:59 GMT"},
		{header: "0"},
		{header: "00"},
		{header: ""},
		{header: "-1"},
		{header: "+1"},
		{header: "1.5"},
		{header: "1s"},
		{header: "1, 2"},
		{header: "soon"},
		{header: "0x10"},
	} {
		got, ok := retryAfter(row.header, noon)
		if ok != row.ok || ok && got != row.want {
			t.Errorf("%q: %v, %v", row.header, got, ok)
		}
	}
}

func TestRetryAfterOfEveryMoment(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := noon.Add(time.Duration(rapid.Int64Range(0, int64(time.Second)).Draw(t, "now")))
		seconds := rapid.Int64Range(-1000, 1000).Draw(t, "seconds")
		date := now.Add(time.Duration(seconds) * time.Second).Format(http.TimeFormat)
		for header, drift := range map[string]time.Duration{strconv.FormatInt(seconds, 10): 0, date: time.Second} {
			got, ok := retryAfter(header, now)
			want := min(time.Duration(seconds)*time.Second, maxRetryAfter)
			if ok && (got > want || got < want-drift) || !ok && seconds > 1 || ok && seconds < 1 {
				t.Fatalf("%q: %v, %v", header, got, ok)
			}
		}
	})
}

func FuzzRetryAfter(f *testing.F) {
	for _, header := range []string{"", "1", "-1", "99999999999999999999", "Sun, 01 Mar 2026 12:00:30 GMT", "Sun Mar  1 12:00:30 2026", "\x00"} {
		f.Add(header)
	}
	f.Fuzz(func(t *testing.T, header string) {
		got, ok := retryAfter(header, noon)
		if ok && (got <= 0 || got > maxRetryAfter) {
			t.Errorf("%q: %v", header, got)
		}
	})
}
