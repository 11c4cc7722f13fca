// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package redact

import (
	"regexp"
	"slices"
	"strings"
)

const (
	beginKey = `-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----`
	endKey   = `-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----`
)

var (
	wholeKey = regexp.MustCompile(`(?s)` + beginKey + `.*?` + endKey)
	keyBegin = regexp.MustCompile(beginKey)
	keyEnd   = regexp.MustCompile(endKey)

	// keyLine is a line of a key: base64, a header, or base64 behind what a logger puts before a line.
	keyLine = regexp.MustCompile(`^[ \t]*(?:[A-Za-z0-9+/=]*|[A-Za-z]+-[A-Za-z]+: .*|.*[ \t][A-Za-z0-9+/]{16,}=*)[ \t\r]*$`)

	// keyBody are lines as long as PEM makes them, with neither beginning nor end.
	keyBody = regexp.MustCompile(`(?m)^[ \t]*((?:[A-Za-z0-9+/]{64,76}[ \t\r]*\n[ \t]*)+[A-Za-z0-9+/]{4,76}={0,2})[ \t\r]*$`)
	upper   = regexp.MustCompile(`[A-Z]`)
	lower   = regexp.MustCompile(`[g-z]`)
)

// privateKeys are PEM blocks, also those of which the end of a log has only a part.
func privateKeys(text string) []span {
	spans := groups(wholeKey, text, 0)
	whole := slices.Clone(spans)
	at := 0
	for _, begin := range outside(groups(keyBegin, text, 0), whole) {
		if begin.start >= at {
			at = begin.end + linesAfter(text[begin.end:])
			spans = append(spans, span{begin.start, at})
		}
	}
	at = 0
	for _, end := range outside(groups(keyEnd, text, 0), whole) {
		spans = append(spans, span{at + linesBefore(text[at:end.start]), end.end})
		at = end.end
	}
	return spans
}

// outside are those that do not begin in one of others; both are in order.
func outside(spans, others []span) []span {
	var result []span
	for _, s := range spans {
		for len(others) > 0 && others[0].end <= s.start {
			others = others[1:]
		}
		if len(others) == 0 || s.start < others[0].start {
			result = append(result, s)
		}
	}
	return result
}

// linesAfter is how many bytes of the text belong to a key that has begun: the rest of the line, and the
// lines that look like one.
func linesAfter(text string) int {
	end := lineEnd(text, 0)
	for end < len(text) {
		next := lineEnd(text, end+1)
		if !keyLine.MatchString(text[end+1 : next]) {
			break
		}
		end = next
	}
	return len(strings.TrimRight(text[:end], " \t\r\n"))
}

// linesBefore is where a key begins whose end comes after the text.
func linesBefore(text string) int {
	start := strings.LastIndexAny(text, " \t\r\n\"'") + 1
	for at := start; at > 0 && text[at-1] == '\n'; {
		before := strings.LastIndexByte(text[:at-1], '\n') + 1
		if !keyLine.MatchString(text[before : at-1]) {
			break
		}
		start, at = before, before
	}
	return start
}

// keyBodies are the middle of a key. A list of digests has no capitals, and a text with certificates is
// full of such lines that are public.
func keyBodies(text string) []span {
	if strings.Contains(text, "CERTIFICATE-----") {
		return nil
	}
	var spans []span
	for _, s := range groups(keyBody, text, 1) {
		if lines := text[s.start:s.end]; upper.MatchString(lines) && lower.MatchString(lines) {
			spans = append(spans, s)
		}
	}
	return spans
}
