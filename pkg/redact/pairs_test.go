// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package redact

import "testing"

func TestPairs(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]row{
		"shell":                {"PGPASSWORD={} psql -h db", "p@s/s:w=r,d;!$+"},
		"shell, trace":         {"+ export DB_PASSWORD={}\n+ psql", "swordfish"},
		"shell, double quotes": {`PASSWORD="{}" psql`, "correct horse 'battery'"},
		"shell, single quotes": {"PASSWORD='{}' psql", `correct "horse" battery`},
		"shell, quote inside":  {"PASSWORD='{}' psql", `it'\''s a secret`},
		"shell, more quotes":   {"PASSWORD={} psql", `'one'"two three"\"four`},
		"shell, outer quotes":  {`sh -c "PASSWORD='{}'"; x`, "one two"},
		"shell, escaped quote": {"PASSWORD={} psql", `"one two"\"three"`},
		"shell, backslash":     {"PASSWORD='{}' psql", `a\'\'' b`},
		"YAML, backslash":      {"password: '{}' # x", `a\'' b`},
		"shell, concatenated":  {"PASSWORD={} psql", `"one two"three'`},
		"shell, lines":         {"PASSWORD='{}' psql", "one\ntwo"},
		"shell, no end":        {"PASSWORD={}\nnext line", `"one two`},
		"SQL, doubled quote":   {"password = '{}', x", "it''s a secret"},
		"flag":                 {"mysql --password={} -h db", "p=w"},
		"flag, quoted":         {`mysql --password="{}" -h db`, "a b"},
		"flag, next word":      {"helm login --password {} registry", "swordfish"},
		"flag, next, quoted":   {"helm login --password '{}' registry", "sword fish"},
		"flag, one dash":       {"tool -token {} -v", "swordfish"},
		"flag in JSON":         {`args: ["--api-key", "{}", "-v"]`, "sword fish"},
		"flag with a pair":     {"kubectl create secret generic x --from-literal=password={}", "a=b"},
		"flag with a path":     {"vault kv put a/b/password={} x=y", "sword"},
		"helm":                 {"helm upgrade --set db.auth.password={} x", "swordfish"},
		"properties":           {"spring.datasource.password={}", "swordfish"},
		"ini":                  {"password = {}\nhost = x", "correct horse battery"},
		"arrow":                {`:password => "{}", x`, "swordfish"},
		"Go":                   {`password := "{}"`, "swordfish"},
		"two in a line":        {"password={} token={}", "swordfish"},

		"YAML":                     {"user: app\npassword: {}\nhost: db", "correct horse: battery #4"},
		"YAML, quoted":             {"  password: \"{}\"  # old\n", `a \"b\" c`},
		"YAML, single quotes":      {"password: '{}'\n", "it''s here"},
		"YAML, quoted key":         {"\"password\": {}\n", "a!b c"},
		"YAML, list":               {"- token: {}\n- x", random},
		"YAML, block":              {"a:\n  password: >-\n    {}\n  host: x", "one\n    two"},
		"YAML, flow":               {"{user: app, password: {}, host: x}", "correct horse"},
		"YAML, flow, last":         {"{user: app, password: {}", "horse}"},
		"kubeconfig":               {"users:\n- name: x\n  user:\n    client-key-data: {}\n    token: {}", "LS0tLS1C"},
		"Windows":                  {"password: {}\r\nnext", "swordfish"},
		"aligned":                  {"Password   : {}", "swordfish"},
		"AWS":                      {"aws_secret_access_key = {}", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"},
		"environment, YAML":        {"- name: DB_PASSWORD\n  value: {}\n- name: X", "correct horse"},
		"environment, YAML quoted": {"- name: DB_PASSWORD\n  value: \"{}\"\n", "correct horse"},
		"environment, JSON":        {`{"name":"DB_PASSWORD","value":"{}"},{"name":"X","value":"y"}`, "a b"},
		"environment, Go":          {"EnvVar{Name:DB_PASSWORD,Value:{} x", "a,ValueFrom:nil,}"},

		"JSON":                {`{"user":"app","password":"{}","host":"db"}`, "a,b:c}d{ e"},
		"JSON, spaces":        {`{ "password" : "{}" }`, "a b"},
		"JSON, escaped quote": {`{"password":"{}","host":"db"}`, `a\"b\\`},
		"JSON, number":        {`{"api_key":{},"n":1}`, "1234567"},
		"JSON, list":          {`{"tokens":{},"n":1}`, `["a","b"]`},
		"JSON, cut":           {`{"password":{}`, `"swordfi`},
		"JSON in JSON":        {`{"body":"{\"password\":\"{}\",\"host\":\"db\"}"}`, "a b"},
		"JSON in JSON, quote": {`{"body":"{\"password\":\"{}\",\"host\":\"db\"}"}`, `a\\\"b`},
		"JSON in JSON, cut":   {`{"body":"{\"password\":\"{}"}`, "a b"},
		"pair in JSON, cut":   {`{"env":"password: {}`, "sword fish"},
		"object, assigned":    {`CREDENTIALS={}`, `{"user": "app", "x": "y"}`},
		"docker login":        {`{"auths":{"ghcr.io":{"auth":"{}"}}}`, "YXBwOnN3b3JkZmlzaA=="},
		"pair in JSON":        {`{"env":"PGPASSWORD={}","n":"x"}`, "swordfish"},
		"Python":              {`{'password': '{}', 'host': 'db'}`, `it\'s`},

		"Go's struct":          {"{User:app Password:{} Host:db}", "swordfish"},
		"query in an error":    {`msg="login failed" password={} user=app`, "swordfish"},
		"sentence":             {"Your password: {}", "swordfish"},
		"sentence, no word":    {"got token: {} from x", "a1b2c3d4"},
		"escaped line feed":    {`stderr: "x\npassword: {}`, `horse""`},
		"SQL":                  {"CREATE USER app IDENTIFIED BY '{}';", "sword fish"},
		"SQL, role":            {"ALTER ROLE app WITH PASSWORD '{}';", "sword fish"},
		"a mark with a tail":   {"password={} x", Mark + "tail"},
		"key of lower case":    {"secret: {}", "hunter2"},
		"secret equals a name": {"secret={}", "db-credentials"},
	} {
		t.Run(name, func(t *testing.T) { t.Parallel(); r.check(t, Text) })
	}
}

// TestUntouched are texts that speak of secrets and show none.
func TestUntouched(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", " ", "\n", Mark, "x " + Mark + " y",
		`secrets "db-credentials" is forbidden: User "system:serviceaccount:kubernaut-workflows:kubernaut-workflow-runner" cannot get resource "secrets" in API group "" in the namespace "payment"`,
		`MountVolume.SetUp failed for volume "token" : secret "api-token" not found`,
		`MountVolume.SetUp failed for volume "kube-api-access-x2x4z" : failed to fetch token: serviceaccounts "runner" is forbidden`,
		`MountVolume.SetUp failed for volume "token" : references non-existent secret key: password`,
		`failed to fetch token: pod "x" not found`, "failed to refresh token: oauth2: cannot fetch token: 400 Bad Request",
		"serviceaccount token expired", "invalid bearer token", "error: invalid token: expired", "Unable to authenticate the request: [invalid bearer token, service account token has expired]",
		"couldn't find key password in Secret payment/db", "failed to create fsnotify watcher: too many open files",
		"Error: key not found: token", "token bucket rate limiter", "error: You must be logged in to the server (Unauthorized)",
		`password authentication failed for user "app"`, "x509: certificate signed by unknown authority",
		"0/3 nodes are available: 1 Insufficient cpu, 2 node(s) had untolerated taint {key: value}",
		"the secret: it was never there", "secret: it was never there", "token: not found", "credentials: no such file or directory",
		"open /var/run/secrets/kubernetes.io/serviceaccount/token: no such file or directory", "open /etc/tls/tls.key: permission denied",
		"secret/db-password: forbidden", "secret/db-credentials created", "configmap/kube-root-ca.crt unchanged",
		"Secret: db-credentials", "secretName: db-credentials", "name: db-credentials", "  secret:\n    secretName: db-credentials", "valueFrom:\n  secretKeyRef:\n    name: db\n    key: password",
		"imagePullSecrets:\n- name: regcred", "Image pull secrets:  <none>", "Image pull secrets:  regcred", "Mountable secrets:   <none>", "Tokens:              default-token-abc12",
		"Data\n====\npassword:  12 bytes\ntoken:     1024 bytes", "automountServiceAccountToken: false", "tokenExpirationSeconds: 3607", "token: null", `{"token":null,"maxTokens":4096}`,
		"NAME                  TYPE                                  DATA   AGE\napi-token             kubernetes.io/service-account-token   3      5d\ndb-credentials        Opaque                                2      5d",
		"sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "registry.example.com/auth-token:v1.2.3", "image secret-rotator:v1 is not there", "docker://registry:5000/x@sha256:9f86d081",
		"http://api:8080/x?mail=a@b.c", "https://10.0.0.1:6443/api/v1/namespaces/payment/secrets/api-token", "ssh://git@github.com/a/b.git", "git@github.com:a/b.git", "http://[::1]:8080/x@y",
		"arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/db-AbCdEf", "commit 2972e4e1f0c3b5a7d9e8f6a4b2c0d1e3f5a7b9c1", "3f2504e0-4f89-41d3-9a0c-0305e82c3301", "api-7d9f5c8b6-x2x4z", "2026-03-01T12:00:00Z token expired",
		"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\n2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",
		"--password string   Password for basic authentication", "--token='': Bearer token for authentication", "unknown flag: --token\nSee 'kubectl --help'", "flag needs an argument: --token", "docker login --password-stdin registry", "use --token to log in",
		`WWW-Authenticate: Bearer realm="https://auth/x",service="registry"`, "Basic authentication is not supported", "docker run -u 1000:1000 x", "kubectl --user system:serviceaccount:a:b get pods",
		"PWD=/workspace", "OLDPWD=/", "passed=3 failed=1", "PASS: 3", "token.go:42: unexpected token", "created secrets=3 configmaps=2", "label key: value", "spec.key: Required value", `The X "y" is invalid: spec.password: Required value`,
		`{"kind":"Secret","secret":{"secretName":"x"},"imagePullSecrets":[{"name":"regcred"}]}`, "password: <set to the key 'password' in secret 'db'>"[:0],
		"Warning  BackOff  pod/token-refresher-7d9f5c8b6-x2x4z  Back-off restarting failed container", "Täglich ist das Paßwort: ungültig",
	} {
		if got := Text(text); got != text {
			t.Errorf("Text(%q)\n got %q", text, got)
		}
	}
}
