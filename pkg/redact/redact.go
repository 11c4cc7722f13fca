// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

// Package redact says what never leaves: secrets are replaced before a text is logged, audited, or put
// into an event or a status. It errs on the side of replacing too much where a secret would otherwise
// be left, and leaves alone what Kubernetes says about Secrets and tokens without showing one.
//
// Redact first and cut to length afterwards: half a secret has lost the shape it is known by.
package redact

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
)

// Mark stands where a secret was.
const Mark = "[REDACTED]"

// maxPasses is how often a text is looked at. What is replaced may show something new beside it, but
// two passes do for nearly all texts.
const maxPasses = 10

// finder finds the secrets of a text.
type finder func(text string) []span

// Text replaces the secrets in free text, of one line or many, by their shape or by the name that they
// have there. What it returns stays as it is when it is given to Text again.
func Text(s string) string {
	return rewrite(s, secrets)
}

// secrets is all that Text knows.
func secrets(text string) []span {
	var found []span
	for _, find := range []finder{
		fixedShapes, encodedKeys, bareSchemes, privateKeys, keyBodies,
		userinfos, dataSources, curlUsers, pairs, namedValues, flags,
	} {
		found = append(found, find(text)...)
	}
	return found
}

// rewrite replaces what is found until nothing more is. A text that does not come to rest is hostile:
// it is replaced as a whole, so that the time stays linear and the result is final in any case.
func rewrite(text string, find finder) string {
	for range maxPasses {
		next := replace(text, find(text))
		if next == text {
			return text
		}
		text = next
	}
	return Mark
}

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

// layout is where the line feeds of a text are. They are looked up once: to look for the ends of a long
// line from each name in it would take the square of its length.
type layout []int

func layoutOf(text string) layout {
	var l layout
	for at := lineEnd(text, 0); at < len(text); at = lineEnd(text, at+1) {
		l = append(l, at)
	}
	return append(l, len(text))
}

// line is that of a position, without its line feed.
func (l layout) line(position int) span {
	i, _ := slices.BinarySearch(l, position)
	if i == 0 {
		return span{0, l[0]}
	}
	return span{l[i-1] + 1, l[i]}
}

// lineEnd is where the line of a position ends, without the line feed.
func lineEnd(text string, at int) int {
	if i := strings.IndexByte(text[at:], '\n'); i >= 0 {
		return at + i
	}
	return len(text)
}

// wordEnd is where the word at the position ends.
func wordEnd(text string, at int) int {
	if i := strings.IndexAny(text[at:], " \t\r\n"); i >= 0 {
		return at + i
	}
	return len(text)
}
