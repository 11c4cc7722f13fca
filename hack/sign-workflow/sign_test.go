// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sigstore/sigstore/pkg/cryptoutils"
	"github.com/sigstore/sigstore/pkg/signature/kms/fake"
)

const pipeline = `# A comment.
apiVersion: tekton.dev/v1
kind: Pipeline
metadata:
  name: workflow
  labels: {team: payment}
spec:
  params:
    - name: TARGET_RESOURCE
  tasks:
    - name: repair
      taskSpec:
        steps:
          - name: repair
            image: registry.example.com/tools/kubectl:v1
            computeResources: {limits: {memory: 64Mi}}
            script: |
              #!/bin/sh
              echo "repaired"
`

const task = `apiVersion: tekton.dev/v1
kind: Task
metadata:
  name: repair
spec:
  steps:
    - name: repair
      image: registry.example.com/tools/kubectl:v1
      command: [repair]
`

// pair is a key pair as PEM files.
type pair struct{ private, public string }

func newPair(t *testing.T, private crypto.Signer, blockType string, der []byte) pair {
	t.Helper()
	public, err := cryptoutils.MarshalPublicKeyToPEM(private.Public())
	if err != nil {
		t.Fatal(err)
	}
	return writePair(t, pem.EncodeToMemory(&pem.Block{Type: blockType, Bytes: der}), public)
}

func writePair(t *testing.T, private, public []byte) pair {
	t.Helper()
	folder := t.TempDir()
	p := pair{private: filepath.Join(folder, "workflow.key"), public: filepath.Join(folder, "workflow.pub")}
	for file, content := range map[string][]byte{p.private: private, p.public: public} {
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// ecdsaPair is what "openssl ecparam -name prime256v1 -genkey -noout" writes.
func ecdsaPair(t *testing.T) pair {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return newPair(t, key, "EC PRIVATE KEY", der)
}

// pkcs8Pair is what "openssl genpkey" writes.
func pkcs8Pair(t *testing.T, key crypto.Signer) pair {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return newPair(t, key, "PRIVATE KEY", der)
}

// encryptedPair is what "cosign generate-key-pair" writes.
func encryptedPair(t *testing.T, password string) pair {
	t.Helper()
	private, public, err := cryptoutils.GeneratePEMEncodedECDSAKeyPair(elliptic.P256(), cryptoutils.StaticPasswordFunc([]byte(password)))
	if err != nil {
		t.Fatal(err)
	}
	return writePair(t, private, public)
}

func signed(t *testing.T, document string, key pair) string {
	t.Helper()
	var out bytes.Buffer
	if err := run(t.Context(), []string{"sign", "-key", key.private, "-"}, strings.NewReader(document), &out); err != nil {
		t.Fatal("sign:", err)
	}
	return out.String()
}

func verifies(t *testing.T, document string, key pair) error {
	t.Helper()
	return run(t.Context(), []string{"verify", "-key", key.public, "-"}, strings.NewReader(document), &bytes.Buffer{})
}

func TestTektonAcceptsWhatIsSigned(t *testing.T) {
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rivest, err := rsa.GenerateKey(rand.Reader, 3072)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(passwordVariable, "correct horse")
	for name, key := range map[string]pair{
		"ECDSA":            ecdsaPair(t),
		"ECDSA, PKCS 8":    pkcs8Pair(t, p384),
		"Ed25519":          pkcs8Pair(t, edwards),
		"RSA":              pkcs8Pair(t, rivest),
		"cosign encrypted": encryptedPair(t, "correct horse"),
	} {
		for _, document := range []string{pipeline, task} {
			if err := verifies(t, signed(t, document, key), key); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if err := verifies(t, signed(t, document, key), ecdsaPair(t)); err == nil {
				t.Errorf("%s: another key verifies it", name)
			}
		}
	}
}

func TestTektonAcceptsTheExamples(t *testing.T) {
	files, err := filepath.Glob("../../examples/*/pipeline.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal("found no examples:", err)
	}
	key := ecdsaPair(t)
	for _, file := range files {
		document, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := verifies(t, signed(t, string(document), key), key); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
}

func TestTektonRefusesWhatWasChanged(t *testing.T) {
	key := ecdsaPair(t)
	document := signed(t, pipeline, key)
	for name, changed := range map[string]string{
		"not signed":         pipeline,
		"another script":     strings.Replace(document, "repaired", "broken", 1),
		"more memory":        strings.Replace(document, "64Mi", "65Mi", 1),
		"another label":      strings.Replace(document, "payment", "shop", 1),
		"another annotation": strings.Replace(document, "annotations:", "annotations:\n    note: mine", 1),
		"another name":       strings.Replace(document, "name: workflow", "name: rebuild", 1),
		"another signature":  strings.Replace(document, "signature: ME", "signature: MF", 1),
	} {
		if changed == document {
			t.Fatalf("%s: nothing was changed in\n%s", name, document)
		}
		if err := verifies(t, changed, key); err == nil {
			t.Errorf("%s: it was accepted", name)
		}
	}
}

// TestSignedAgain with another key, the second signature counts.
func TestSignedAgain(t *testing.T) {
	first, second := ecdsaPair(t), ecdsaPair(t)
	document := signed(t, signed(t, pipeline, first), second)
	if err := verifies(t, document, second); err != nil {
		t.Error(err)
	}
	if err := verifies(t, document, first); err == nil {
		t.Error("the first signature is still there")
	}
}

func TestKeysOfAKMS(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.WithValue(t.Context(), fake.KmsCtxKey{}, crypto.PrivateKey(key))
	const uri = fake.ReferenceScheme + "key"
	var out bytes.Buffer
	if err := run(ctx, []string{"sign", "-key", uri, "-"}, strings.NewReader(pipeline), &out); err != nil {
		t.Fatal(err)
	}
	for _, known := range []string{uri, pkcs8Pair(t, key).public} {
		if err := run(ctx, []string{"verify", "-key", known, "-"}, bytes.NewReader(out.Bytes()), nil); err != nil {
			t.Errorf("%s: %v", known, err)
		}
	}
}

func TestRefusals(t *testing.T) {
	key := ecdsaPair(t)
	encrypted := encryptedPair(t, "correct horse")
	t.Setenv(passwordVariable, "")
	if err := os.Unsetenv(passwordVariable); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name, document string
		args           []string
		says           string
	}{
		{name: "no command", says: "want sign or verify"},
		{name: "another command", args: []string{"check", "-key", key.private, "-"}, says: `"check": want sign or verify`},
		{name: "no key", args: []string{"sign", "-"}, says: "want -key KEY and one FILE"},
		{name: "no file", args: []string{"sign", "-key", key.private}, says: "want -key KEY and one FILE"},
		{name: "a key that is not there", args: []string{"sign", "-key", "nowhere.key", "-"}, says: "nowhere.key"},
		{name: "a public key to sign", args: []string{"sign", "-key", key.public, "-"}, says: "key " + key.public},
		{name: "a key without its password", args: []string{"sign", "-key", encrypted.private, "-"}, says: passwordVariable},
		{
			name: "a field that Tekton does not know", document: strings.Replace(pipeline, "computeResources", "resources", 1),
			says: `unknown field "resources"`,
		},
		{name: "two objects", document: pipeline + "---\n" + task, says: "it has 2 objects: sign each in a file of its own"},
		{name: "no object", document: "# nothing\n", says: "it has 0 objects"},
		{
			name: "another version", document: strings.Replace(pipeline, "tekton.dev/v1", "tekton.dev/v1beta1", 1),
			says: `apiVersion "tekton.dev/v1beta1", kind "Pipeline": want tekton.dev/v1 and Pipeline or Task`,
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			if row.document == "" {
				row.document = pipeline
			} else {
				row.args = []string{"sign", "-key", key.private, "-"}
			}
			var out bytes.Buffer
			err := run(t.Context(), row.args, strings.NewReader(row.document), &out)
			if err == nil || !strings.Contains(err.Error(), row.says) || out.Len() > 0 {
				t.Errorf("run() = %v, want %q, and no output but %q", err, row.says, out.String())
			}
		})
	}
}
