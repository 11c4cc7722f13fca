// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package redact

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	// minValue is how many bytes a value has that is searched for. A shorter one would be found in the
	// middle of ordinary words, and the gaps would tell what it is.
	minValue = 6
	// base64Line is how many characters of base64 the program of that name puts on a line.
	base64Line = 76
)

// Redactor replaces what Text does, and also values that it was told, wherever they occur. The zero
// value and nil know none. It may be used from several goroutines.
type Redactor struct {
	literals []string
}

// Values is a Redactor that knows the secrets among the parameters: the values of secret names, and what
// Text would replace in the others. It finds them as they are, line by line, quoted as in JSON, encoded
// for an address, and in base64. Values of less than 6 bytes are not searched for.
func Values(params map[string]string) *Redactor {
	var literals []string
	for name, value := range params {
		if parameter(name, value) == Mark {
			literals = append(literals, forms(value)...)
			continue
		}
		for _, s := range merge(secrets(value)) {
			literals = append(literals, forms(value[s.start:s.end])...)
		}
	}
	literals = slices.DeleteFunc(literals, isTooCommon)
	slices.Sort(literals)
	return &Redactor{literals: slices.Compact(literals)}
}

// Text is Text of the package, without the values either.
func (r *Redactor) Text(s string) string {
	if r == nil || len(r.literals) == 0 {
		return Text(s)
	}
	return rewrite(s, func(text string) []span {
		found := secrets(text)
		for _, literal := range r.literals {
			found = append(found, occurrences(text, literal)...)
		}
		return found
	})
}

// isTooCommon tells whether a text without the literal would not be worth much. Invalid UTF-8 does not
// come out of the API server, and could cut a character of the text in two.
func isTooCommon(literal string) bool {
	return len(literal) < minValue || !utf8.ValidString(literal) || nothing.MatchString(literal) || strings.TrimSpace(literal) == ""
}

// forms are the ways in which a value may occur in a text.
func forms(value string) []string {
	result := []string{value, strings.TrimSpace(value), url.QueryEscape(value), url.PathEscape(value)}
	if strings.Contains(value, "\n") {
		for line := range strings.Lines(value) {
			result = append(result, strings.TrimSpace(line))
		}
	}
	result = append(result, inJSON(value)...)
	if len(value) < minValue {
		return result
	}
	for _, plaintext := range []string{value, value + "\n"} { // echo adds a line feed.
		for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
			result = append(result, wrapped(encoding.EncodeToString([]byte(plaintext)))...)
		}
	}
	return result
}

// inJSON is the value within the quotes of JSON, with and without the characters of HTML escaped.
func inJSON(value string) []string {
	escaped, err := json.Marshal(value)
	if err != nil {
		return nil // A string is always valid.
	}
	inside := string(escaped[1 : len(escaped)-1])
	return []string{inside, strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(inside)}
}

// wrapped is base64 in one line, and the lines into which it is broken.
func wrapped(encoded string) []string {
	result := []string{encoded}
	if len(encoded) <= base64Line {
		return result
	}
	for line := range slices.Chunk([]byte(encoded), base64Line) {
		result = append(result, string(line))
	}
	return result
}

// Parameters is a copy of parameters without their secrets: the values of secret names are replaced as a
// whole, except for those that are empty or a switch, and the others are what Text makes of them.
func Parameters(params map[string]string) map[string]string {
	if params == nil {
		return nil
	}
	redacted := make(map[string]string, len(params))
	for name, value := range params {
		redacted[name] = parameter(name, value)
	}
	return redacted
}

func parameter(name, value string) string {
	switch {
	case value == "" || value == "true" || value == "false":
		return value
	case IsSecretName(name):
		return Mark
	}
	return Text(value)
}
