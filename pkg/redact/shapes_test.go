// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package redact

import (
	"strings"
	"testing"
)

// The secrets of these tests are put together here, so that a scanner of repositories finds none.
const (
	jwt    = "eyJ" + "hbGciOiJSUzI1NiIsImtpZCI6IjEifQ" + "." + "eyJ" + "pc3MiOiJrdWJlcm5ldGVzIn0" + "." + "c2lnbmF0dXJl-_x9"
	random = "b7Hq2Lk9ZxV4mN8sTgW1yRc6PdJf3aEu5oQi"
)

// row is a text in which {} stands for a secret before, and for the mark after.
type row struct{ text, secret string }

func (r row) before() string { return strings.ReplaceAll(r.text, "{}", r.secret) }

func (r row) check(t *testing.T, redact func(string) string) {
	t.Helper()
	got, want := redact(r.before()), strings.ReplaceAll(r.text, "{}", Mark)
	if got != want {
		t.Errorf("Text(%q)\n got %q\nwant %q", r.before(), got, want)
	}
	if again := redact(got); again != got {
		t.Errorf("not final: %q becomes %q", got, again)
	}
}

func TestTokens(t *testing.T) {
	t.Parallel()
	for name, secret := range map[string]string{
		"JSON Web Token": jwt, "JSON Web Token, cut": jwt[:len(jwt)-12], "JSON Web Token, no head": jwt[strings.Index(jwt, ".")+1:],
		"AWS access key id": "AKIA" + "IOSFODNN7EXAMPLE", "AWS temporary key id": "ASIA" + "IOSFODNN7EXAMPLE",
		"GitHub personal": "ghp_" + random, "GitHub OAuth": "gho_" + random, "GitHub user": "ghu_" + random, "GitHub server": "ghs_" + random, "GitHub refresh": "ghr_" + random,
		"GitHub fine-grained": "github_pat_" + random + "_" + random, "GitLab": "glpat-" + random[:20], "Slack bot": "xoxb-" + "123456789012-" + random, "Slack user": "xoxp-" + random,
		"Slack app": "xapp-1-" + random, "Google": "AIza" + random[:35], "Google OAuth": "ya29." + random, "Stripe": "sk_live_" + random, "Stripe restricted": "rk_live_" + random,
		"npm": "npm_" + random, "Vault": "hvs." + random, "Docker Hub": "dckr_pat_" + random, "OpenShift": "sha256~" + random + "1234567", "SendGrid": "SG." + random[:22] + "." + random,
		"registry login": "eyJhdXRocyI6eyJnaGNyLmlvIjp7fX19", "private key in base64": "LS0tLS1CRUdJTiBSU0EgUFJJVkFURSBLRVktLS0tLQpNSUlFb3dJQkFBS0NBUUVB",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, text := range []string{"{}", "got {} from the server", "x:\n  {}\ny: z", `{"a":"{}","b":1}`, "(see '{}')", "a={}, b=c", "<{}>"} {
				row{text, secret}.check(t, Text)
			}
		})
	}
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]row{
		"bearer":             {"Authorization: Bearer {}", random},
		"bearer of words":    {"> Authorization: Bearer {}\n> Accept: */*", "swordfish"},
		"basic":              {"authorization: Basic {}", "YXBwOnN3b3JkZmlzaA=="},
		"token":              {"Authorization: token {}", random},
		"curl":               {`+ curl -H "Authorization: Bearer {}" https://api/x`, "sword-fish/=+"},
		"curl, single":       {`curl -H 'Authorization: Bearer {}' -d a=b https://api/x`, "sword-fish"},
		"curl, no space":     {`curl -H"Authorization: Bearer {}" https://api`, "swordfish"},
		"in JSON":            {`{"headers":{"Authorization":"{}","Accept":"*/*"}}`, "Bearer " + random},
		"other scheme":       {"Authorization: Digest {}", `username="app", response="6629fae4"`},
		"AWS":                {"Authorization: AWS4-HMAC-SHA256 {}", "Credential=" + "AKIA" + "IOSFODNN7EXAMPLE/20260301/eu/s3/aws4_request, Signature=fe5f80"},
		"no scheme":          {"Authorization: {}", random},
		"proxy":              {"Proxy-Authorization: Basic {}", "YXBwOnN3b3JkZmlzaA=="},
		"cookie":             {"< Set-Cookie: {}\r\n< Date: x", "sid=38afes7a8; Path=/"},
		"own header":         {"X-Api-Key: {}", random},
		"own header, quoted": {`-H "X-Auth-Token: {}" -v`, "sword fish1"},
		"bare bearer":        {"sent bearer {} and got 401", random},
		"bare basic":         {"sent Basic {} and got 401", "YXBwOnN3b3JkZmlzaA=="},
		"Go's header":        {"map[Accept:[*/*] Authorization:[Bearer {} X:[1]]", random + "]"},
	} {
		t.Run(name, func(t *testing.T) { t.Parallel(); r.check(t, Text) })
	}
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]row{
		"user and password":      {"postgres://app:{}@db.payment:5432/app?sslmode=disable", "sw0rdfish"},
		"no user":                {"redis://:{}@cache:6379/0", "swordfish"},
		"special characters":     {"dial postgres://app:{}@db/x: refused", "p@ss/w:rd?#=+,"},
		"in quotes":              {`parse "amqp://app:{}@mq/x": bad`, "p'a@b"},
		"digits":                 {"http://app:{}@host/x", "12345"},
		"several hosts":          {"mongodb://app:{}@a:27017,b:27017/x", "swordfish"},
		"in JSON":                {`{"url":"https://ci:{}@git/x","mail":"a@b.c"}`, "swordfish"},
		"token for a user":       {"fatal: https://{}@github.com/a/b.git: 403", random},
		"MySQL":                  {"app:{}@tcp(db:3306)/x", "sword@fish"},
		"query":                  {"GET /x?a=b&token={}&c=d HTTP/1.1", random},
		"first of query":         {"GET https://h/x?access_token={}#top", "a/b=c"},
		"SAS":                    {"https://s.blob/x?sv=2020&sig={}&se=2026", "a%2Fb%3D"},
		"AWS":                    {"https://b.s3/x?X-Amz-Date=1&X-Amz-Signature={}", "fe5f80f77d5fa3beca038a248ff027"},
		"AWS security token":     {"https://b.s3/x?X-Amz-Security-Token={}&a=b", "IQoJb3JpZ2luX2Vj"},
		"in quotes, query":       {`Get "https://h/x?token={}": EOF`, "swordfish"},
		"curl":                   {"curl -u app:{} https://h", "sword:fish"},
		"curl, quoted":           {`curl --user "app:{}" https://h`, "swordfish"},
		"Slack":                  {"POST https://{}: 404", "hooks.slack" + ".com/services/T000/B000/XXXXXXXX"},
		"Azure storage":          {"AccountName=a;AccountKey={}", "abc/def+ghi==;EndpointSuffix=core.windows.net"},
		"connection string":      {"Server=db;User=app;Password={}", "p;w=d,x"},
		"postgres key and value": {"host=db user=app password={} dbname=x", "p=w/d:@"},
		"postgres, quoted":       {"host=db password='{}' dbname=x", `my pass\' word`},
	} {
		t.Run(name, func(t *testing.T) { t.Parallel(); r.check(t, Text) })
	}
}

func TestPrivateKeys(t *testing.T) {
	t.Parallel()
	body := strings.Repeat("MIIEowIBAAKCAQEAx9Zt"+random[:20]+"+/QpWzTnLcYb7M8eRdKj"+"kq7v\n", 5) + "q1w2e3==\n"
	begin, end := "-----BEGIN RSA PRIVATE"+" KEY-----\n", "-----END RSA PRIVATE"+" KEY-----"
	key := begin + body + end
	for name, r := range map[string]row{
		"whole":             {"before\n{}\nafter", key},
		"PKCS 8":            {"before\n{}\nafter", strings.ReplaceAll(key, "RSA ", "")},
		"encrypted":         {"{}\nafter", strings.Replace(key, "KEY-----\n", "KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,0A\n\n", 1)},
		"PGP":               {"{}\nafter", strings.ReplaceAll(key, "KEY-----", "KEY BLOCK-----")},
		"in JSON":           {`{"error":"{}","pod":"x"}`, strings.ReplaceAll(key, "\n", `\n`)},
		"no end":            {"before\n{}", strings.TrimSpace(begin + body)},
		"no end, cut":       {"before\n{}", begin + body[:150]},
		"no end, and more":  {"before\n{}\nerror: it is not there.", strings.TrimSpace(begin + body)},
		"no beginning":      {"{}\nafter", body[30:] + end},
		"no beginning, one": {"{}\nafter", "q1w2e3==\n" + end},
		"half a beginning":  {"RSA PRIVATE KEY-----\n{}\nafter", body + end},
		"in JSON, no start": {`{"e":"{}"}`, strings.ReplaceAll(body[30:]+end, "\n", `\n`)},
		"only the middle":   {"{}\nafter that", strings.TrimSpace(body[65:260])},
		"indented":          {"tls:\n  {}\nafter", strings.ReplaceAll(key, "\n", "\n  ")},
		"behind a prefix":   {"x {}\nx done now", strings.TrimSpace(strings.ReplaceAll(begin+body[:195], "\n", "\nx "))},
		"twice":             {"{}\n---\n{}\nafter", key},
		"YAML":              {"key.pem: |\n  {}\nother: x", strings.ReplaceAll(key, "\n", "\n  ")},
		"secret in YAML":    {"tls.key: |\n  {}\nother: x", "one\n\n  two: 2"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r.check(t, Text)
		})
	}
	certificate := "-----BEGIN CERTIFICATE-----\n" + body + "-----END CERTIFICATE-----\n"
	if got := Text(certificate); got != certificate {
		t.Errorf("a certificate is public: %q", got)
	}
}
