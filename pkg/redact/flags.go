// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package redact

import "regexp"

var (
	// flag is an option of a command line with its value in the next word, also as a list in JSON has it.
	flag = regexp.MustCompile(`(?:^|[\s"'\[(,=])--?([A-Za-z][\w.-]*)(\\*["']?,?[ \t]+)`)

	// usage is what stands behind an option that is only mentioned.
	usage = regexp.MustCompile(`^(?:-{1,2}[A-Za-z]|(?:string|strings|stringArray|file|value|to|is|was|are|must|or|and|requires?|` +
		`cannot|for|flags?|options?|has|with|in|from|instead|not|if|when|because|<[^>]*>)(?:[\s,.;:]|$)|[|\])])`)

	// namedValue is an entry of a list of environment variables or parameters.
	namedValue = regexp.MustCompile(`(?i)\bname(?:\\*["'])?[:=]\s*(?:\\*["'])?([\w.-]+)(?:\\*["'])?(?:,\s*|\s+)` +
		`(?:\\*["'])?(value)(?:\\*["'])?[:=][ \t]*`)

	// sqlPassword is a password as SQL has it.
	sqlPassword = regexp.MustCompile(`(?i)\b(identified by|password)[ \t]+'`)
)

// flags are the values of options and of SQL that follow their name without a sign.
func flags(text string) []span {
	layout := layoutOf(text)
	var spans []span
	for _, match := range flag.FindAllStringSubmatchIndex(text, -1) {
		name := group(match, 1)
		if !IsSecretName(text[name.start:name.end]) || usage.MatchString(text[match[1]:]) {
			continue
		}
		spans = append(spans, assignment(text, name, match[1], layout).secret())
	}
	for _, match := range sqlPassword.FindAllStringSubmatchIndex(text, -1) {
		spans = append(spans, assignment(text, group(match, 1), match[1]-1, layout).secret())
	}
	return spans
}

// namedValues are the values of secret names where name and value are two fields.
func namedValues(text string) []span {
	layout := layoutOf(text)
	var spans []span
	for _, match := range namedValue.FindAllStringSubmatchIndex(text, -1) {
		if name := group(match, 1); IsSecretName(text[name.start:name.end]) {
			p := assignment(text, name, match[1], layout)
			p.name, p.before, p.spaced = group(match, 2), true, text[match[1]-1] == ' '
			spans = append(spans, p.secret())
		}
	}
	return spans
}

// assignment is a pair as if a = stood before the value.
func assignment(text string, name span, value int, layout layout) pair {
	return pair{
		text: text, name: name, value: value, line: layout.line(value), separator: "=", normal: normal(text[name.start:name.end]),
	}
}
