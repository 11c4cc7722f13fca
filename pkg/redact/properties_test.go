// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package redact

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// contexts are what the package claims to know: a place for a secret, and the secrets that can stand in it.
// Each of them has a letter and a digit; lineful are all that a line can hold, words have no spaces.
var contexts = map[string]struct {
	secrets *rapid.Generator[string]
	put     func(name, secret string) string
}{
	"shell":            {words, func(n, s string) string { return n + "=" + s + " psql -h db" }},
	"shell, quoted":    {lineful, func(n, s string) string { return "export " + n + "='" + strings.ReplaceAll(s, "'", `'\''`) + "'; psql" }},
	"flag":             {words, func(_, s string) string { return "x --password=" + s + " -v" }},
	"flag, next word":  {words, func(_, s string) string { return "x --token " + s + " -v" }},
	"YAML":             {lineful, func(n, s string) string { return "  " + n + ": " + s }},
	"YAML, quoted":     {lineful, func(n, s string) string { return "- " + n + ": '" + strings.ReplaceAll(s, "'", "''") + "' # x" }},
	"JSON":             {lineful, func(n, s string) string { return fmt.Sprintf(`{"a":"b",%q:%s,"c":1}`, n, quoted(s)) }},
	"JSON, spaces":     {lineful, func(n, s string) string { return fmt.Sprintf(`error: { %q : %s }`, n, quoted(s)) }},
	"JSON in JSON":     {lineful, func(n, s string) string { return `{"body":` + quoted(fmt.Sprintf(`{%q:%s,"c":1}`, n, quoted(s))) + `}` }},
	"environment":      {lineful, func(n, s string) string { return fmt.Sprintf(`[{"name":%q,"value":%s}]`, n, quoted(s)) }},
	"environment YAML": {lineful, func(n, s string) string { return "- name: " + n + "\n  value: " + s }},
	"address":          {words, func(_, s string) string { return "dial postgres://app:" + s + "@db:5432/x failed" }},
	"query":            {tokens, func(_, s string) string { return `Get "https://h/x?a=b&access_token=` + s + `&c=d": EOF` }},
	"header":           {words, func(_, s string) string { return "> Authorization: Bearer " + s }},
	"header, quoted":   {tokens, func(_, s string) string { return `curl -H "Authorization: Basic ` + s + `" https://h` }},
	"bearer":           {tokens, func(_, s string) string { return "sent bearer " + s + " to x" }},
	"sentence":         {tokens, func(n, s string) string { return "the new " + n + ": " + s + " is bad" }},
	"GitHub":           {tokens, func(_, s string) string { return "x ghp_" + strings.NewReplacer("-", "0", "_", "0").Replace(s) }},
}

var (
	names    = rapid.SampledFrom([]string{"DB_PASSWORD", "password", "apiKey", "API_KEY", "client-secret", "ACCESS_TOKEN", "aws_secret_access_key", "db.password"})
	tokens   = rapid.StringMatching(`S[A-Za-z0-9_-]{20,30}7`)
	words    = rapid.StringMatching(`S[!-~ä]{8,30}7`).Filter(func(s string) bool { return !strings.ContainsAny(s, "\"'`") })
	lineful  = rapid.StringMatching(`S[ -~ä]{8,30}7`)
	innocent = rapid.SampledFrom([]string{
		"", "error: You must be logged in to the server (Unauthorized)", `secrets "db-credentials" is forbidden`, "NAME   READY   STATUS", "  labels:", "    app: api",
		"0/3 nodes are available: 1 Insufficient cpu", `{"level":"info","msg":"started"}`, "deployment.apps/api restarted", "2026-03-01T12:00:00Z I0301 main.go:42] started",
		"couldn't find key password in Secret payment/db", "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
	})
)

func quoted(s string) string {
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(s); err != nil {
		panic(err)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// TestPlantedSecretsNeverSurvive: not as a whole, and no piece of some length either.
func TestPlantedSecretsNeverSurvive(t *testing.T) {
	t.Parallel()
	for name, context := range contexts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) {
				secret := context.secrets.Draw(t, "secret")
				before, after := rapid.SliceOfN(innocent, 0, 3).Draw(t, "before"), rapid.SliceOfN(innocent, 0, 3).Draw(t, "after")
				around := strings.Join(append(before, after...), "\n")
				planted := context.put(names.Draw(t, "name"), secret)
				text := strings.Join(append(append(before, planted), after...), "\n")
				got := Text(text)
				frame := around + context.put("", "")
				for _, piece := range pieces(secret) {
					if strings.Contains(got, piece) && !strings.Contains(frame, piece) {
						t.Fatalf("%q is left of %q in %q, which was %q", piece, secret, got, text)
					}
				}
				if again := Text(got); again != got {
					t.Fatalf("not final: %q becomes %q", got, again)
				}
			})
		})
	}
}

// pieces are the parts of a secret that would tell of it.
func pieces(secret string) []string {
	const length = 5
	var result []string
	for i := 0; i+length <= len(secret); i++ {
		result = append(result, secret[i:i+length])
	}
	return append(result, secret[len(secret)-3:])
}

func TestKnownValuesNeverSurvive(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		secret := rapid.StringN(minValue, 40, -1).Draw(t, "secret")
		r := Values(map[string]string{names.Draw(t, "name"): secret})
		text := rapid.String().Draw(t, "before") + rapid.SampledFrom(forms(secret)).Draw(t, "form") + rapid.String().Draw(t, "after")
		got := r.Text(text)
		if !isTooCommon(secret) && strings.Contains(strings.ReplaceAll(got, Mark, "\x00"), secret) && secret != "\x00" {
			t.Fatalf("%q is left of %q", got, text)
		}
		if again := r.Text(got); again != got {
			t.Fatalf("not final: %q becomes %q", got, again)
		}
	})
}

// TestOrdinaryWordsStay: neither what Kubernetes says of Secrets, nor the names of things, in any order.
func TestOrdinaryWordsStay(t *testing.T) {
	t.Parallel()
	word := rapid.OneOf(
		rapid.SampledFrom([]string{
			"secret", "Secret", "secrets", "token", "tokens", "password", "credentials", "key", "auth", "the", "not", "found", "pod", "expired", "invalid", "volume",
			"kube-root-ca.crt", "api-token", "db-credentials", "payment/api", "(Unauthorized)", `"db-credentials"`, "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b",
			"error:", "reason:", "app=api", "count=3", "12s", "3/3", "10.0.0.1:6443", "https://10.0.0.1:6443/api", "2026-03-01T12:00:00Z", "<none>",
		}),
		rapid.StringMatching(`[a-z]{1,8}(-[a-z0-9]{1,10}){0,3}`),
	)
	rapid.Check(t, func(t *rapid.T) {
		var b strings.Builder
		for range rapid.IntRange(0, 20).Draw(t, "words") {
			b.WriteString(word.Draw(t, "word"))
			b.WriteString(rapid.SampledFrom([]string{" ", "  ", ", ", "\n", "\n  ", ". ", " / "}).Draw(t, "gap"))
		}
		if got := Text(b.String()); got != b.String() {
			t.Fatalf("%q becomes %q", b.String(), got)
		}
	})
}

// TestTimeIsLinear: ten times the text may not take a hundred times as long, whatever repeats in it.
func TestTimeIsLinear(t *testing.T) {
	for _, piece := range []string{
		"token: a ", "token: a, ", "token:", "token=&", "?token=&", "password=\"", `"token":null,`, "password='' ", "Secret: a ", "--token a ", "a://b:c@", "a://b:",
		"-----BEGIN PRIVATE KEY-----", "A-b: -----BEGIN PRIVATE KEY-----\n", "-----END PRIVATE KEY-----", "A-b: -----END PRIVATE KEY-----\n", "eyJ", "[[", "bearer ",
		"name: token value: a ", "name:\n", "password: |\n", "Authorization: x ", `\"`, "\n", " ", "AAAA\n", "password: [\"", "secret: {", "- token: a\n",
	} {
		const size = 64 << 10
		text := strings.Repeat(piece, size/len(piece))
		start := time.Now()
		got := Text(text)
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("%q: %v", piece, took)
		}
		if len(got) > len(Mark)*len(text) {
			t.Errorf("%q: %d bytes", piece, len(got))
		}
	}
}

// TestWhatDoesNotComeToRest: a text that shows something new each time is not looked at for ever.
func TestWhatDoesNotComeToRest(t *testing.T) {
	t.Parallel()
	first := func(text string) []span {
		before, _, found := strings.Cut(text, "a")
		if !found {
			return nil
		}
		return []span{{len(before), len(before) + 1}}
	}
	if got, want := rewrite("a-a", first), Mark+"-"+Mark; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := rewrite(strings.Repeat("a-", maxPasses+1), first); got != Mark {
		t.Errorf("got %q", got)
	}
}
