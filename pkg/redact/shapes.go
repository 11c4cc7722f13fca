// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package redact

import (
	"encoding/base64"
	"regexp"
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
