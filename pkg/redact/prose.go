// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package redact

import (
	"regexp"
	"strings"
)

var (
	// nothing is a value that tells nothing: a switch, a literal, a size as kubectl describes a Secret.
	nothing = regexp.MustCompile(`(?i)^(?:true|false|yes|no|on|off|null|nil|none|undefined|enabled|disabled|` +
		`<[a-z ]*>|\*+|x{3,}|\d+ bytes)[,;})\]"']*$`)

	// ordinary is a word of a sentence, or the name of an object.
	ordinary = regexp.MustCompile(`^[("'\[]*[A-Za-z]+(?:[-/._'][A-Za-z]+)*[)"'\],.;:!?]*$`)

	// scope ends in a colon as the parts of an error do: oauth2: or 403:.
	scope  = regexp.MustCompile(`^\w{1,20}:$`)
	status = regexp.MustCompile(`^\d{1,3}[,.;:]?$`)

	plural = regexp.MustCompile(`(?:tokens|secrets|credentials|passwords|keys)$`)
	digits = regexp.MustCompile(`^\d{1,9}[,;})\]]*$`)
	object = regexp.MustCompile(`^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$`)
)

// isHarmless tells whether a value cannot be a secret, whatever it is called.
func (p pair) isHarmless(value string) bool {
	value = strings.TrimSpace(value)
	name := p.text[p.name.start:p.name.end]
	switch {
	case value == "" || nothing.MatchString(value):
		return true
	case plural.MatchString(p.normal) && digits.MatchString(value):
		return true // So many of them.
	case p.normal == "pwd":
		return strings.HasPrefix(value, "/") // The shell's working directory.
	case name == "Secret" || name == "Secrets" || name == "secrets" || name == "Tokens":
		return p.separator == ":" && object.MatchString(value)
	}
	return false
}

// isProse tells whether it is a sentence that goes on behind the colon, and not a value. At the beginning
// of a line a value is likelier, and a password may be made of words.
func (p pair) isProse(value string) bool {
	isPassword := passwordTerm.MatchString(p.normal)
	isLone := wordEnd(p.text, p.value) >= p.lineEnd()
	if p.startsLine() || p.follows(",;") || p.isInQuotes() {
		return !isPassword && !isLone && allOrdinary(value)
	}
	word := value[:wordEnd(value, 0)]
	if isPassword && isLone {
		return false
	}
	return ordinary.MatchString(word) || scope.MatchString(word) || status.MatchString(word)
}

func allOrdinary(value string) bool {
	for word := range strings.FieldsSeq(value) {
		if !ordinary.MatchString(word) {
			return false
		}
	}
	return true
}
