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

var (
	isHeader = regexp.MustCompile(`(?:^|-)(?:authorization|cookies?)$`)
	isCookie = regexp.MustCompile(`cookies?$`)

	// oneWord are schemes with one word behind them; the others have parameters.
	oneWord = regexp.MustCompile(`^(?i)\[?(?:bearer|basic|token|apikey|negotiate|ntlm)[ \t]+`)
	several = regexp.MustCompile(`^(?i)\[?(?:digest|aws4-hmac-sha256|oauth|hawk|sharedkey(?:lite)?|gss-negotiate)[ \t]+`)
)

// header is the value of a header of HTTP that logs in. The scheme stays.
func (p pair) header() span {
	start := p.value
	rest := p.text[start:]
	end := p.lineEnd()
	if p.isInQuotes() {
		end = p.inQuotesEnd()
	}
	if isCookie.MatchString(p.normal) {
		return span{start, end}
	}
	if scheme := oneWord.FindString(rest); scheme != "" {
		start += len(scheme)
		return span{start, min(end, wordEnd(p.text, start))}
	}
	if scheme := several.FindString(rest); scheme != "" {
		return span{start + len(scheme), end}
	}
	return p.unquoted()
}

var (
	blockScalar = regexp.MustCompile(`^[|>][-+0-9]*[ \t\r]*\n`)
	indentation = regexp.MustCompile(`^[ \t]*`)
)

// block is a value of several lines in YAML: all that is indented more than its name.
func (p pair) block() span {
	indent := len(indentation.FindString(p.text[p.line.start:]))
	start := p.line.end + 1
	end := start
	for at := start; at < len(p.text); {
		next := lineEnd(p.text, at)
		line := p.text[at:next]
		if strings.TrimSpace(line) != "" {
			if len(indentation.FindString(line)) <= indent {
				break
			}
			end = at + len(strings.TrimRight(line, " \t\r"))
		}
		at = next + 1
	}
	start += len(indentation.FindString(p.text[min(start, len(p.text)):]))
	return span{start, end}
}
