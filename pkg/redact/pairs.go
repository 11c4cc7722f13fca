// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package redact

import (
	"regexp"
	"strings"
)

// pairKey is a name, whatever closes it, and what stands between it and its value.
var pairKey = regexp.MustCompile(`([A-Za-z0-9](?:[\w.-]*\w)?)(\\*["'])?([ \t]*)(=>|:=|==?|:)([ \t]*)`)

// pair is a name in a text with a value behind it: password=x, "password": "x", password: x.
type pair struct {
	text string
	// line is the one in which the value begins.
	line span
	// name is where the name is, value where the value begins.
	name  span
	value int
	// normal is the name as names.go has it.
	normal string
	// quote closes the name, empty if it has none.
	quote string
	// separator is = or : or the like.
	separator string
	// before and spaced tell whether there is a space before the separator, and behind it.
	before, spaced bool
	// afterLineEscape tells whether the name stands behind the \n of a text in quotes.
	afterLineEscape bool
}

// pairs are the values of secret names.
func pairs(text string) []span {
	var spans []span
	layout, end := layoutOf(text), 0
	for _, match := range pairKey.FindAllStringSubmatchIndex(text, -1) {
		if match[0] < end {
			continue
		}
		p := pairOf(text, match)
		p.line = layout.line(p.value)
		if !isSecret(p.normal) && !p.isSignature() {
			continue
		}
		if s := p.secret(); !s.isEmpty() {
			spans, end = append(spans, s), s.end
		}
	}
	return spans
}

func pairOf(text string, match []int) pair {
	p := pair{text: text, name: group(match, 1), value: match[1]}
	if p.name.start > 0 && text[p.name.start-1] == '\\' && strings.IndexByte("nrt", text[p.name.start]) >= 0 {
		p.name.start++ // The n of an escaped line feed is no part of the name.
		p.afterLineEscape = true
	}
	if quote := group(match, 2); !quote.isEmpty() {
		p.quote = text[quote.start:quote.end]
	}
	separator := group(match, 4)
	p.separator = text[separator.start:separator.end]
	p.before, p.spaced = !group(match, 3).isEmpty(), !group(match, 5).isEmpty()
	p.normal = normal(text[p.name.start:p.name.end])
	return p
}

// secret is the part of the text that has to go, empty if there is none.
func (p pair) secret() span {
	rest := p.text[p.value:]
	switch {
	case p.value == p.lineEnd(), p.isNoName():
		return span{}
	case startsQuoted(rest):
		return p.quoted()
	case p.separator == ":" && isHeader.MatchString(p.normal):
		return p.header()
	case blockScalar.MatchString(rest):
		return p.block()
	case startsList.MatchString(rest):
		return p.list()
	case startsObject.MatchString(rest) && p.separator == ":":
		return span{} // Its own pairs are looked at.
	case startsObject.MatchString(rest):
		return span{p.value, p.lineEnd()}
	}
	return p.unquoted()
}

var (
	startsList   = regexp.MustCompile(`^\[[ \t]*\\*["']`)
	endsList     = regexp.MustCompile(`[^\\]["'][ \t]*\]`)
	startsObject = regexp.MustCompile(`^(?:\{(?:[\s"'\\}]|$)|\[(?:[\s{\]]|$))`)
	fileName     = regexp.MustCompile(`\.(?:go|py|sh|js|ts|rb|java|ya?ml|json|txt|pem|crt|conf|md)$`)
)

// isNoName recognizes what has a colon behind it for another reason: the path of a file, its line, a
// part of an ARN or of the name of a ServiceAccount, and a volume of which Kubernetes says something.
func (p pair) isNoName() bool {
	if p.separator != ":" {
		return false
	}
	last := p.last()
	switch {
	case last == '/':
		return true
	case !p.spaced && (last == ':' || fileName.MatchString(p.text[p.name.start:p.name.end])):
		return true
	}
	return p.quote != "" && p.before && !startsQuoted(p.text[p.value:])
}

// last is the byte before the name, 0 if there is none.
func (p pair) last() byte {
	if p.name.start == 0 {
		return 0
	}
	return p.text[p.name.start-1]
}

// lineEnd is where the line of the value ends, without the space there.
func (p pair) lineEnd() int {
	return p.value + len(strings.TrimRight(p.text[p.value:p.line.end], " \t\r"))
}

// inQuery tells whether the pair is a parameter of an address.
func (p pair) inQuery() bool {
	return p.separator == "=" && (p.last() == '?' || p.last() == '&')
}

// isSignature recognizes the parameter that signs an address; elsewhere a signature is no secret.
func (p pair) isSignature() bool {
	return p.inQuery() && signature.MatchString(p.normal)
}

var signature = regexp.MustCompile(`(?:^|-)(?:sig|signature)$`)

// list is ["a", "b"] up to its end, or that of the line.
func (p pair) list() span {
	if i := endsList.FindStringIndex(p.text[p.value:p.line.end]); i != nil {
		return span{p.value, p.value + i[1]}
	}
	return span{p.value, p.lineEnd()}
}

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
