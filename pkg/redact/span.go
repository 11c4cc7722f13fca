// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package redact

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
)

// span is a part of a text: bytes start to end, without the last.
type span struct{ start, end int }

func (s span) isEmpty() bool { return s.start >= s.end }

// group is what a group of a match of a regular expression has matched, empty if nothing.
func group(match []int, i int) span { return span{match[2*i], match[2*i+1]} }

// groups are what the group has matched wherever the expression matches.
func groups(re *regexp.Regexp, text string, i int) []span {
	var spans []span
	for _, match := range re.FindAllStringSubmatchIndex(text, -1) {
		spans = append(spans, group(match, i))
	}
	return spans
}

// occurrences of a literal that do not overlap.
func occurrences(text, literal string) []span {
	var spans []span
	for at := 0; ; {
		i := strings.Index(text[at:], literal)
		if i < 0 {
			return spans
		}
		spans = append(spans, span{at + i, at + i + len(literal)})
		at += i + len(literal)
	}
}

// replace puts a mark in the place of each span. Marks that are there already count as spans: a secret
// that is part of the mark's own text would be found in it for ever.
func replace(text string, spans []span) string {
	spans = merge(append(spans, occurrences(text, Mark)...))
	var b strings.Builder
	at := 0
	for _, s := range spans {
		b.WriteString(text[at:s.start])
		b.WriteString(Mark)
		at = s.end
	}
	b.WriteString(text[at:])
	return b.String()
}

// merge sorts spans, and makes one of those that overlap or touch.
func merge(spans []span) []span {
	spans = slices.DeleteFunc(spans, span.isEmpty)
	slices.SortFunc(spans, func(a, b span) int { return cmp.Compare(a.start, b.start) })
	var merged []span
	for _, s := range spans {
		if last := len(merged) - 1; last >= 0 && s.start <= merged[last].end {
			merged[last].end = max(merged[last].end, s.end)
			continue
		}
		merged = append(merged, s)
	}
	return merged
}
