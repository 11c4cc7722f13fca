// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package redact

import (
	"encoding/base64"
	"regexp"
	"slices"
	"strings"
)

// fixed are secrets that show by their form what they are, whatever stands around them.
var fixed = regexp.MustCompile(strings.Join([]string{
	`eyJ[\w-]{8,}(?:\.[\w-]*){1,4}`,         // JSON Web Tokens: of ServiceAccounts, of OIDC; also cut ones
	`(?:AKIA|ASIA)[A-Z0-9]{16,}`,            // AWS access key ids
	`gh[pousr]_[A-Za-z0-9]{20,}`,            // GitHub
	`github_pat_\w{20,}`,                    //
	`gl(?:pat|dt|rt|cbt|ptt|ft)-[\w-]{16,}`, // GitLab
	`xox[abeprs]-[\w-]{10,}`,                // Slack
	`xapp-\d-[\w-]{10,}`,                    //
	`hooks\.slack\.com/services/[\w/-]+`,    //
	`AIza[\w-]{35,}`,                        // Google
	`ya29\.[\w-]{20,}`,                      //
	`[sr]k_(?:live|test)_[A-Za-z0-9]{16,}`,  // Stripe
	`sk-(?:ant|proj)-[\w-]{20,}`,            // language models
	`npm_[A-Za-z0-9]{30,}`,                  // npm
	`pypi-[\w-]{40,}`,                       // PyPI
	`dckr_pat_[\w-]{20,}`,                   // Docker Hub
	`hv[sbr]\.[\w-]{20,}`,                   // Vault
	`SG\.[\w-]{16,}\.[\w-]{16,}`,            // SendGrid
	`sha256~[\w-]{40,}`,                     // OpenShift
}, "|"))

// Base64 whose beginning tells what is in it: {"auths", a PEM block.
var encodedKey = regexp.MustCompile(`eyJhdXRocy[\w+/=-]*|LS0tLS1CRUdJTi[\w+/=-]*`)

var (
	bearer = regexp.MustCompile(`(?i)\bbearer[ \t]+([\w.~+/-]{8,}=*)`)
	basic  = regexp.MustCompile(`(?i)\bbasic[ \t]+([\w+/-]{4,}=*)`)
	plain  = regexp.MustCompile(`^[A-Za-z]{1,20}(?:[-._/][A-Za-z]{1,20})*\.?$`)
)

func fixedShapes(text string) []span {
	return groups(fixed, text, 0)
}

// encodedKeys are private keys and registry logins as a Secret or a kubeconfig has them.
func encodedKeys(text string) []span {
	var spans []span
	for _, s := range groups(encodedKey, text, 0) {
		encoded := text[s.start:s.end]
		if strings.HasPrefix(encoded, "eyJ") || strings.Contains(decoded(encoded[:min(len(encoded), 64)]), "PRIVATE KEY") {
			spans = append(spans, s)
		}
	}
	return spans
}

// bareSchemes are the values of Authorization headers whose name is not there. A plain word after
// "bearer" is prose, and only base64 with a colon in it is a login.
func bareSchemes(text string) []span {
	var spans []span
	for _, s := range groups(bearer, text, 1) {
		if value := text[s.start:s.end]; !plain.MatchString(value) && !endsLikeParameter(value) {
			spans = append(spans, s)
		}
	}
	for _, s := range groups(basic, text, 1) {
		if strings.Contains(decoded(text[s.start:s.end]), ":") {
			spans = append(spans, s)
		}
	}
	return spans
}

// endsLikeParameter recognizes the realm= of a WWW-Authenticate header.
func endsLikeParameter(value string) bool {
	name, isParameter := strings.CutSuffix(value, "=")
	return isParameter && plain.MatchString(name)
}

// decoded is what can be read of base64, in whatever alphabet.
func decoded(s string) string {
	s = strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(s, "="))
	bytes, err := base64.RawStdEncoding.DecodeString(s)
	if err != nil {
		return ""
	}
	return string(bytes)
}

const (
	beginKey = `-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----`
	endKey   = `-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----`
)

var (
	wholeKey = regexp.MustCompile(`(?s)` + beginKey + `.*?` + endKey)
	keyBegin = regexp.MustCompile(beginKey)
	keyEnd   = regexp.MustCompile(endKey)

	// keyLine is a line of a key: base64, a header, or base64 behind what a logger puts before a line.
	keyLine = regexp.MustCompile(`^[ \t]*(?:[A-Za-z0-9+/=]*|[A-Za-z]+-[A-Za-z]+: .*|.*[ \t][A-Za-z0-9+/]{16,}=*)[ \t\r]*$`)

	// keyBody are lines as long as PEM makes them, with neither beginning nor end.
	keyBody = regexp.MustCompile(`(?m)^[ \t]*((?:[A-Za-z0-9+/]{64,76}[ \t\r]*\n[ \t]*)+[A-Za-z0-9+/]{4,76}={0,2})[ \t\r]*$`)
	upper   = regexp.MustCompile(`[A-Z]`)
	lower   = regexp.MustCompile(`[g-z]`)
)

// privateKeys are PEM blocks, also those of which the end of a log has only a part.
func privateKeys(text string) []span {
	spans := groups(wholeKey, text, 0)
	whole := slices.Clone(spans)
	at := 0
	for _, begin := range outside(groups(keyBegin, text, 0), whole) {
		if begin.start >= at {
			at = begin.end + linesAfter(text[begin.end:])
			spans = append(spans, span{begin.start, at})
		}
	}
	at = 0
	for _, end := range outside(groups(keyEnd, text, 0), whole) {
		spans = append(spans, span{at + linesBefore(text[at:end.start]), end.end})
		at = end.end
	}
	return spans
}

// outside are those that do not begin in one of others; both are in order.
func outside(spans, others []span) []span {
	var result []span
	for _, s := range spans {
		for len(others) > 0 && others[0].end <= s.start {
			others = others[1:]
		}
		if len(others) == 0 || s.start < others[0].start {
			result = append(result, s)
		}
	}
	return result
}

// linesAfter is how many bytes of the text belong to a key that has begun: the rest of the line, and the
// lines that look like one.
func linesAfter(text string) int {
	end := lineEnd(text, 0)
	for end < len(text) {
		next := lineEnd(text, end+1)
		if !keyLine.MatchString(text[end+1 : next]) {
			break
		}
		end = next
	}
	return len(strings.TrimRight(text[:end], " \t\r\n"))
}

// linesBefore is where a key begins whose end comes after the text.
func linesBefore(text string) int {
	start := strings.LastIndexAny(text, " \t\r\n\"'") + 1
	for at := start; at > 0 && text[at-1] == '\n'; {
		before := strings.LastIndexByte(text[:at-1], '\n') + 1
		if !keyLine.MatchString(text[before : at-1]) {
			break
		}
		start, at = before, before
	}
	return start
}

// keyBodies are the middle of a key. A list of digests has no capitals, and a text with certificates is
// full of such lines that are public.
func keyBodies(text string) []span {
	if strings.Contains(text, "CERTIFICATE-----") {
		return nil
	}
	var spans []span
	for _, s := range groups(keyBody, text, 1) {
		if lines := text[s.start:s.end]; upper.MatchString(lines) && lower.MatchString(lines) {
			spans = append(spans, s)
		}
	}
	return spans
}

var (
	// authority is an address with something behind a colon: a password, or a port. Whatever an
	// address may have in it should be encoded, but passwords often are not.
	authority = regexp.MustCompile(`[A-Za-z][A-Za-z0-9+.-]*://[^\s/?#@:"'\[]*:(\S+)`)
	port      = regexp.MustCompile(`^\d{1,5}(?:[^\w@]|$)`)

	// tokenUser is an address that has a token where the user would be.
	tokenUser = regexp.MustCompile(`[A-Za-z][A-Za-z0-9+.-]*://([\w-]*\d[\w-]*)@`)

	// dataSource is an address as Go's driver of MySQL has it.
	dataSource = regexp.MustCompile(`[\w.-]+:(\S+)@(?:tcp|tcp6|unix)\(`)

	// curlUser is a login as curl takes it.
	curlUser = regexp.MustCompile(`(?:^|\s)(?:-u|--user|--proxy-user)[ \t=]+["']?([\w.@-]*[A-Za-z][\w.@-]*):([^\s"']+)`)
)

// minTokenUser is how many bytes a user has that is a token.
const minTokenUser = 20

// userinfos are the passwords of addresses; the users stay.
func userinfos(text string) []span {
	var spans []span
	for _, s := range groups(authority, text, 1) {
		rest := text[s.start:s.end]
		if port.MatchString(rest) {
			continue
		}
		spans = append(spans, span{s.start, s.start + passwordLength(rest)})
	}
	for _, s := range groups(tokenUser, text, 1) {
		if s.end-s.start >= minTokenUser {
			spans = append(spans, s)
		}
	}
	return spans
}

// passwordLength is where the last @ is: a password may have more of them, and slashes. Only if there is
// one before a quote does the quote end the address.
func passwordLength(rest string) int {
	quoted, _, _ := strings.Cut(rest, `"`)
	if i := strings.LastIndexByte(quoted, '@'); i >= 0 {
		return i
	}
	return max(0, strings.LastIndexByte(rest, '@'))
}

func dataSources(text string) []span {
	return groups(dataSource, text, 1)
}

// curlUsers are the passwords that curl is given. An identity of Kubernetes has colons too.
func curlUsers(text string) []span {
	var spans []span
	for _, match := range curlUser.FindAllStringSubmatchIndex(text, -1) {
		if user := group(match, 1); text[user.start:user.end] != "system" {
			spans = append(spans, group(match, 2))
		}
	}
	return spans
}
