// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package redact

import (
	"regexp"
	"strings"
)

var (
	jsonValue = regexp.MustCompile(`^(\[REDACTED\]|[-+.\w]+)(?:[,}\]]|\s*$)`)
	imageTag  = regexp.MustCompile(`^(?:v\d+(?:\.\d+)*|\d+\.\d+[\w.-]*|latest)(?:-[\w.]+)?["',;)]*$`)
)

// unquoted is a value without quotes. How far it goes depends on what it stands in; where several
// readings are possible, it is the longest.
func (p pair) unquoted() span {
	end := p.unquotedEnd()
	value := p.text[p.value:end]
	if p.isHarmless(value) || p.separator == ":" && !p.spaced && imageTag.MatchString(value) {
		return span{}
	}
	if p.separator == ":" && p.spaced && p.isProse(value) {
		return span{}
	}
	return span{p.value, end}
}

func (p pair) unquotedEnd() int {
	rest := p.text[p.value:p.line.end]
	if json := jsonValue.FindStringSubmatchIndex(rest); p.quote != "" && json != nil {
		return p.value + json[3]
	}
	switch {
	case p.inQuery():
		return p.value + len(rest) - len(strings.TrimLeftFunc(rest, isOfQuery))
	case p.isInQuotes():
		return p.inQuotesEnd()
	case p.spaced && p.hasLine():
		return p.lineEnd()
	case p.spaced && p.follows(",;"):
		return p.itemEnd()
	}
	return wordEnd(p.text, p.value)
}

// hasLine tells whether the pair has its line for itself. A = without spaces is an assignment of a
// shell, and more may follow.
func (p pair) hasLine() bool {
	return p.startsLine() && (p.separator == ":" || p.before)
}

// isOfQuery tells whether a character can be in the value of a parameter of an address.
func isOfQuery(r rune) bool { return !strings.ContainsRune(" \t\r\n&\"'<>#", r) }

// isInQuotes tells whether a quote stands before the name that closes behind the value: "password=x".
func (p pair) isInQuotes() bool {
	return p.quote == "" && (p.last() == '"' || p.last() == '\'')
}

// inQuotesEnd is the closing quote. If there is none, it is the end of the line, or of the word behind =.
func (p pair) inQuotesEnd() int {
	end := p.lineEnd()
	if p.separator != ":" {
		end = wordEnd(p.text, p.value)
	}
	level := p.name.start - 1 - len(strings.TrimRight(p.text[:p.name.start-1], `\`))
	if closes := closing(p.text[p.value:end], level, p.last()); !closes.isEmpty() {
		return p.value + closes.start
	}
	return end
}

// maxIndent is how many bytes may stand before a name that begins a line.
const maxIndent = 256

// startsLine tells whether nothing but punctuation stands before the name: then the line is the value's.
func (p pair) startsLine() bool {
	if p.afterLineEscape {
		return true
	}
	ahead := p.ahead()
	if p.quote != "" {
		ahead = strings.TrimSuffix(ahead, p.quote)
	}
	return len(ahead) <= maxIndent && strings.Trim(ahead, " \t-+#>*|`({[") == ""
}

// follows tells whether one of those bytes stands before the name, or a bracket opens there.
func (p pair) follows(bytes string) bool {
	ahead := strings.TrimRight(p.ahead(), " \t")
	return ahead != "" && strings.IndexByte(bytes+"({[|&", ahead[len(ahead)-1]) >= 0
}

// ahead is what stands before the name in its line.
func (p pair) ahead() string {
	return p.text[min(p.line.start, p.name.start):p.name.start]
}

// itemEnd is where the next item of a list in a line begins.
func (p pair) itemEnd() int {
	if i := strings.Index(p.text[p.value:p.line.end], ", "); i > 0 {
		return p.value + i
	}
	return p.lineEnd()
}
