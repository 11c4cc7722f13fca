// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package redact

import "testing"

func TestIsSecretName(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"PASSWORD", "DB_PASSWORD", "PASSWD", "PASSWORD1", "PASSWORD_2", "PASSWORD_PROD", "PGPASSWORD", "dbpassword", "db.password", "spring.datasource.password",
		"PWD", "MYSQL_PWD", "DB_PASS", "PASSPHRASE", "SSH_PASSPHRASE", "NEW_PASSWORD_VALUE",
		"SECRET", "SECRETS", "CLIENT_SECRET", "clientSecret", "CLIENT_SECRET_ID", "SECRET_ID", "SECRET_VALUE", "SECRET_FILE_CONTENT", "SECRET_STORE_PASSWORD",
		"TOKEN", "TOKENS", "GITHUB_TOKEN", "TOKEN_GITHUB", "token", "accessToken", "access_token", "OAuth2Token", "authtoken", "id-token", "TOKEN_2", "X-Auth-Token",
		"API_KEY", "APIKEY", "apiKey", "API-Key", "x-api-key", "APIKey", "ApiKey", "API_KEYS", "api.key",
		"ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "accessKeyId", "SharedAccessKey", "AccountKey", "storage_account_key",
		"PRIVATE_KEY", "privatekey", "SSH_KEY", "TLS_KEY", "tls.key", "CERT_KEY", "client-key", "client-key-data", "CLIENT_KEY_DATA",
		"CREDENTIAL", "CREDENTIALS", "CREDENTIALS_JSON", "DB_CREDS", "AUTH", "BASIC_AUTH", "AUTHORIZATION", "Proxy-Authorization", "AUTH_HEADER", "BEARER", "BEARER_TOKEN",
		"CONNECTION_STRING", "ConnectionString", "DB_CONNECTION_STRING", "DSN", "SENTRY_DSN", "SIGNING_KEY", "ENCRYPTION_KEY", "SECRET_KEY", "SECRET_KEY_BASE",
		"Cookie", "set-cookie", "JWT", ".dockerconfigjson", "requirepass", "vault_token_unwrapped",
	} {
		if !IsSecretName(name) {
			t.Errorf("IsSecretName(%q) = false", name)
		}
	}
}

func TestIsNoSecretName(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"", "_", "-", "KEY", "key", "LABEL_KEY", "PARTITION_KEY", "SORT_KEY", "PUBLIC_KEY", "PRIMARY_KEY", "KEYSPACE", "MONKEY", "KEYS", "KEY_NAME", "TAINT_KEY",
		"AUTHOR", "AUTHORITY", "AUTHENTICATED", "AUTH_TYPE", "AUTH_URL", "AUTH_METHOD", "OAUTH", "UNAUTHORIZED",
		"PASSENGER_COUNT", "PASS", "PASSED", "BYPASS", "COMPASS", "passthrough", "PASSWORD_FILE", "PASSWORD_LENGTH", "PASSWORD_MIN_LENGTH", "password-stdin", "PASSWORD_POLICY",
		"SECRET_NAME", "SECRET_NAMESPACE", "SECRET_KEY_NAME", "DB_SECRET_NAME", "secretName", "secretKeyRef", "secretRef", "SecretNamespace", "SECRETARY", "secretsmanager", "SECRET_PATH", "SECRET_STORE",
		"PASSWORD_SECRET_NAME", "SECRET_VERSION", "SECRET_TYPE",
		"TOKEN_COUNT", "TOKEN_TTL", "TOKEN_TTL_SECONDS", "TOKEN_EXPIRY", "MAX_TOKENS", "max_tokens", "maxTokens", "MAX_OUTPUT_TOKENS", "TOTAL_TOKENS", "prompt_tokens", "TOKENIZER",
		"TOKEN_URL", "TOKEN_PATH", "tokenExpirationSeconds", "TokenReview", "tokenreviews", "token-refresher", "OLDPWD", "PWDX",
		"REASON", "TARGET_RESOURCE", "NAMESPACE", "IMAGE", "REPLICAS", "COOKIE_NAME", "CREDENTIAL_PROVIDER", "ACCESS_MODE", "sha256",
	} {
		if IsSecretName(name) {
			t.Errorf("IsSecretName(%q) = true", name)
		}
	}
}
