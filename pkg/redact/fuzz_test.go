// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package redact

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzText: whatever a log has in it, the result is text, and final.
func FuzzText(f *testing.F) {
	for _, text := range []string{
		"", Mark, "[REDACTED", "password=" + Mark + "x", "password=\"", `\"password\":\"a\\\"b\"`, "password: |\n  a\n b", "Authorization: Bearer ",
		"a://b:c@d", "a://:@", "?sig=&token=", "-----BEGIN PRIVATE KEY-----", "AAAA\n-----END PRIVATE KEY-----", "password='it'\\''s", "tokens: [\"a\"]",
		"--token ", "--token \xff", "password: \xfe\xff", "name: token value: x", "Basic YTpi", "Set-Cookie: a", jwt, "password := ä", "curl -u a:b", "\\npassword: x",
		`\"password\":\"a\\\"b]"`,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r := Values(map[string]string{"TOKEN": strings.Clone(text[:len(text)/2])})
		for name, redact := range map[string]func(string) string{"Text": Text, "Values": r.Text} {
			got := redact(text)
			if utf8.ValidString(text) && !utf8.ValidString(got) {
				t.Errorf("%s(%q) = %q, which is not valid", name, text, got)
			}
			if again := redact(got); again != got {
				t.Errorf("%s(%q) = %q, and then %q", name, text, got, again)
			}
		}
		name := normal(text)
		if isSecret(name) != isSecret(normal(name)) {
			t.Errorf("%q is a secret name, or not, depending on how it is written", name)
		}
	})
}
