// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package redact

import (
	"regexp"
	"strings"
)

// maxQuoted is how many bytes behind an opening quote the closing one is looked for.
const maxQuoted = 8 << 10

var openingQuote = regexp.MustCompile(`^(\\*)(["'` + "`" + `])`)

func startsQuoted(rest string) bool { return openingQuote.MatchString(rest) }

// quoted is what stands between the quotes. Where more follows at once, as in "a"b, or where the closing
// quote is missing, the quotes go too: what is left would read as the beginning of another value.
func (p pair) quoted() span {
	opening := openingQuote.FindStringSubmatch(p.text[p.value:])
	start := p.value + len(opening[0])
	closes := closing(p.text[start:min(len(p.text), start+maxQuoted)], len(opening[1]), opening[2][0])
	if closes.isEmpty() {
		return span{p.value, p.lineEnd()}
	}
	inside, after := span{start, start + closes.start}, start+closes.end
	switch {
	case inside.isEmpty() && endsValue(p.text, after), p.isHarmless(p.text[inside.start:inside.end]):
		return span{}
	case endsValue(p.text, after):
		return inside
	}
	return span{p.value, concatenated(p.text, after)}
}

// closing is what closes a quote that was opened behind so many backslashes, empty if nothing does. Each
// level of quoting doubles the backslashes and adds one. Whether a backslash means anything within single
// quotes is not the same everywhere; a quote that could be part of the value is.
func closing(text string, level int, quote byte) span {
	backslashes := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '\\':
			backslashes++
			continue
		case quote:
			if n := innerQuote(text[i:]); n > 0 && level == 0 {
				i += n - 1
				break
			}
			if backslashes < level || backslashes%(2*(level+1)) == level {
				return span{i - min(backslashes, level), i + 1}
			}
		}
		backslashes = 0
	}
	return span{}
}

// innerQuote is how long a single quote within single quotes is, as YAML and SQL write it, and as the
// shell does; 0 if it is none.
func innerQuote(text string) int {
	for _, form := range []string{`''`, `'\''`} {
		if strings.HasPrefix(text, form) {
			return len(form)
		}
	}
	return 0
}

// valueEnd is what stands behind the closing quote of a value, if it is not the middle of a word of a
// shell: another quote may close there around it.
var valueEnd = regexp.MustCompile(`^(?:\\*["'])?(?:[,;:)}\]>|&]|\\[nrt]|\\?(?:\s|$))`)

func endsValue(text string, at int) bool { return valueEnd.MatchString(text[at:min(len(text), at+16)]) }

// concatenated is where a word of a shell ends that goes on at the position, maybe with more quotes.
func concatenated(text string, at int) int {
	for at < len(text) && strings.IndexByte(" \t\r\n", text[at]) < 0 {
		quote := text[at]
		at++
		if quote != '"' && quote != '\'' {
			continue
		}
		closes := closing(text[at:min(len(text), at+maxQuoted)], 0, quote)
		if closes.isEmpty() {
			return wordEnd(text, at)
		}
		at += closes.end
	}
	return at
}
