// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package redact

import (
	"slices"
	"strings"
)

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
