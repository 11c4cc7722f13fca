// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package redact

import (
	"regexp"
	"strings"
	"unicode"
)

// maxName is how many bytes of a name count, from its end: what a name is of stands there.
const maxName = 128

// Names are looked at as lower-case words with a dash between them.
var (
	// secretTerm is what a secret is called. Some of it may be written in one word with what goes before.
	secretTerm = regexp.MustCompile(`\b(?:` +
		`(?:api|app|application|consumer|access|private|secret|signing|encryption|decryption|symmetric|` +
		`client|master|root|admin|account|storage|shared|deploy|license|session|unseal|recovery|auth|hmac|aes|rsa|ecdsa|ed25519|` +
		`ssh|gpg|pgp|tls|ssl|cert|certificate)-keys?|` +
		`[a-z0-9]*(?:passwords?|passwds?|passphrases?|credentials?|creds|secrets?|tokens?|` +
		`(?:api|access|private|secret|account|signing|encryption|auth)keys?|connectionstrings?|dockerconfigjson)|` +
		`pwd|dsn|jwt|requirepass|masterauth|sshpass|dockercfg|connstr|conn-str|(?:connection|conn)-strings?` +
		`)\d*\b`)

	// secretEnding is what a secret is called only if nothing else follows: AUTH is one, AUTH_TYPE is none.
	secretEnding = regexp.MustCompile(`(?:\b[a-z0-9]+-pass|\b(?:auth|basicauth|httpauth|authorization|bearer|cookies?))\d*` +
		`(?:-(?:header|string|value|data))?$`)

	// aboutTerm begins what follows a term that only tells something about a secret.
	aboutTerm = regexp.MustCompile(`^-(?:` +
		`names?|namespaces?|ns|refs?|references?|paths?|files?|filename|dir|directory|stdin|mounts?|volumes?|stores?|sources?|` +
		`counts?|ttl|expir(?:y|ation|es|ed)|timeout|lifetime|age|max|min|length|len|size|limits?|usage|used|per|rate|bucket|budget|` +
		`rotation|interval|period|polic(?:y|ies)|types?|kinds?|class|versions?|format|algorithm|alg|modes?|methods?|scopes?|` +
		`url|uri|endpoints?|issuer|audiences?|enabled|disabled|required|optional|status|state|errors?|` +
		`fields?|labels?|selectors?|annotations?|prefix|suffix|pattern|regex|reviews?|requests?|` +
		`providers?|generator|manager|controller|operator|rotator|refresher|cleaner|injector|driver` +
		`)\b`)

	// holdsTerm ends a name that tells something about a secret, but has it inside.
	holdsTerm = regexp.MustCompile(`-(?:value|data|contents?|json|ya?ml|base64|b64)$`)

	// amount is a number of tokens of a language model.
	amount = regexp.MustCompile(`^(?:.*-)?(?:max|min|num|number|total|count|avg|prompt|completion|input|output)(?:-[a-z]+)?-tokens$`)

	// passwordTerm is what a secret is called that a person may have made up of ordinary words.
	passwordTerm = regexp.MustCompile(`(?:passwords?|passwds?|passphrases?|\bpwd|-pass)\d*$`)
)

// IsSecretName tells whether what has this name is a secret, however the name is written: DB_PASSWORD,
// apiKey, x-api-key. The name of a Secret, the lifetime of a token and the like are none.
func IsSecretName(name string) bool {
	return isSecret(normal(name))
}

func isSecret(name string) bool {
	terms := secretTerm.FindAllStringIndex(name, -1)
	if len(terms) == 0 || amount.MatchString(name) {
		return secretEnding.MatchString(name)
	}
	rest := name[terms[len(terms)-1][1]:]
	return !aboutTerm.MatchString(rest) || holdsTerm.MatchString(rest)
}

// normal is the name as lower-case words with a dash between them.
func normal(name string) string {
	runes := []rune(name[max(0, len(name)-maxName):])
	var b strings.Builder
	for i, r := range runes {
		if !isWord(r) {
			r = '-'
		} else if i > 0 && startsWord(runes, i) {
			b.WriteByte('-')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return strings.Trim(b.String(), "-")
}

func isWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

// startsWord tells whether a hump begins at i: the K of apiKey and of APIKey.
func startsWord(name []rune, i int) bool {
	if !unicode.IsUpper(name[i]) {
		return false
	}
	afterLower := unicode.IsLower(name[i-1]) || unicode.IsDigit(name[i-1])
	endsAcronym := unicode.IsUpper(name[i-1]) && i+1 < len(name) && unicode.IsLower(name[i+1])
	return afterLower || endsAcronym
}
