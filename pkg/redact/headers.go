// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package redact

import (
	"regexp"
	"strings"
)

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
