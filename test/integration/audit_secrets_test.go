// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/test/cluster"
)

// planted are twenty secrets, by the parameters that hold them: half of them by their names, half by
// their shapes. Each has a part that nothing else has.
func planted() map[string]string {
	named := []string{
		"PASSWORD", "DB_PASSWORD", "API_KEY", "ACCESS_TOKEN", "CLIENT_SECRET", "PRIVATE_KEY", "SSH_KEY", "CREDENTIALS", "AUTH_TOKEN", "PASSPHRASE",
	}
	secrets := map[string]string{}
	for i, name := range named {
		secrets[name] = fmt.Sprintf("plain%02dvalue", i)
	}
	maps.Copy(secrets, map[string]string{
		"HEADER":   "Authorization: Bearer shape01aaaabbbbccccdddd",
		"URL":      "https://user:shape02password@db.example.com/x",
		"DSN_TEXT": "host=db user=app password=shape03password dbname=x",
		"FLAG":     "--password=shape04password --verbose",
		"GITHUB":   "ghp_shape05AAAABBBBCCCCDDDDEEEEFFFF123456",
		"JSON":     `{"token": "shape06tokenvalue", "user": "app"}`,
		"YAML":     "user: app\npassword: shape07password\n",
		"AWS":      "aws_secret_access_key=shape08AAAABBBBCCCCDDDDEEEEFFFFGGGGHHHH",
		"CURL":     "curl -u admin:shape09password https://example.com",
		"PEM":      "-----BEGIN PRIVATE KEY-----\nshape10AAAABBBBCCCCDDDDEEEEFFFF\n-----END PRIVATE KEY-----",
	})
	return secrets
}

// leaks are the parts of the secrets that must not be anywhere.
func leaks() []string {
	var parts []string
	for i := range 10 {
		plain := fmt.Sprintf("plain%02dvalue", i)
		parts = append(parts, plain, base64.StdEncoding.EncodeToString([]byte(plain)), fmt.Sprintf("shape%02d", i+1))
	}
	return parts
}

func expectNoSecret(t *testing.T, where, text string) {
	t.Helper()
	for _, part := range leaks() {
		if i := strings.Index(text, part); i >= 0 {
			t.Errorf("%s has %s: ...%s...", where, part, text[max(0, i-60):min(len(text), i+60)])
		}
	}
}

// Twenty secrets in the parameters, which the workflow also writes into its log, and in the rationale: none
// of them gets into the database, the log of the controller, an event, or the status.
func TestNoSecretLeaves(t *testing.T) {
	server := database(t)
	secrets := planted()
	var said []string
	for _, name := range slices.Sorted(maps.Keys(secrets)) {
		said = append(said, name+"="+secrets[name])
	}
	log := strings.Join(said, "\n")
	image, _ := workflow{simulate: map[string]string{
		cluster.AnnotationFailTask: "repair", cluster.AnnotationLog: log,
	}}.push(t, bundle(t))
	wfe := newExecution(newNamespace(t), "api", image, withParameters(secrets))
	wfe.Spec.Rationale = "because of " + log
	wfe = awaitPhase(t, submit(t, wfe), v1alpha1.PhaseFailed)
	wfe = awaitExecution(t, wfe, "a complete audit trail", isAudited)

	for _, param := range runOf(t, wfe).Spec.Params {
		if want, ok := secrets[param.Name]; ok && param.Value.StringVal != want {
			t.Errorf("the workflow was given %q as %s", param.Value.StringVal, param.Name)
		}
	}
	status, err := json.Marshal(wfe.Status)
	must(t, err)
	expectNoSecret(t, "the status", string(status))
	if wfe.Status.FailureDetails.LogTail == "" {
		t.Error("the log of the step was not kept: there was nothing to hide")
	}

	var rows string
	must(t, connect(t, server).QueryRow(t.Context(),
		`SELECT string_agg(audit_events::text, E'\n') FROM audit_events WHERE namespace = $1`, wfe.Namespace).Scan(&rows))
	expectNoSecret(t, "the database", rows)
	if !strings.Contains(rows, "DB_PASSWORD") {
		t.Error("the database does not have the parameters: there was nothing to hide")
	}

	events, err := world.Kube.CoreV1().Events(wfe.Namespace).List(t.Context(), metav1.ListOptions{})
	must(t, err)
	text, err := json.Marshal(events)
	must(t, err)
	expectNoSecret(t, "an event", string(text))

	written, err := os.ReadFile(world.Replica.Log())
	must(t, err)
	expectNoSecret(t, "the log", string(written))
}
