// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package release

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
)

func TestVersionIsALabelOfEachObject(t *testing.T) {
	got, err := withVersion([]byte(`# About the first.
apiVersion: v1
kind: Namespace
metadata:
  name: one
---
---
# Copyright.

# About the second.
apiVersion: v1
kind: ConfigMap
metadata:
  name: two
  labels:
    a: b
    app.kubernetes.io/version: old
data:
  _example: |
    # kept
    key: value
`), "v1.2.3")
	if err != nil {
		t.Fatal(err)
	}
	want := `# About the first.
apiVersion: v1
kind: Namespace
metadata:
  name: one
  labels:
    app.kubernetes.io/version: v1.2.3
---
# Copyright.

# About the second.
apiVersion: v1
kind: ConfigMap
metadata:
  name: two
  labels:
    a: b
    app.kubernetes.io/version: v1.2.3
data:
  _example: |
    # kept
    key: value
`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error("(-want, +got):", diff)
	}
}

func TestOptionalPartsAreFilesOfTheirOwn(t *testing.T) {
	config, dir := t.TempDir(), t.TempDir()
	for path, content := range map[string]string{
		"500-deployment.yaml":       "kind: Deployment\n",
		"optional/policy.yaml":      "kind: VerificationPolicy\nmetadata: {name: p}\n",
		"optional/policy_test.go":   "package optional\n",
		"monitoring/dashboard.json": "{}\n",
		"elsewhere/something.yaml":  "kind: Something\n",
	} {
		path = filepath.Join(config, path)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(content), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	if err := copyParts(config, dir, "v1.2.3"); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{filepath.Join(dir, "monitoring-dashboard.json"), filepath.Join(dir, "optional-policy.yaml")}
	if diff := cmp.Diff(want, files); diff != "" {
		t.Error("files (-want, +got):", diff)
	}
	if policy := read(t, filepath.Join(dir, "optional-policy.yaml")); !strings.Contains(policy, versionLabel+": v1.2.3") {
		t.Error("no version:", policy)
	}
}

func TestOptionalPartsNameNoImagesToBeBuilt(t *testing.T) {
	config := t.TempDir()
	folder := filepath.Join(config, "optional")
	if err := errors.Join(os.Mkdir(folder, 0o755), os.WriteFile(filepath.Join(folder, "x.yaml"), []byte("image: ko://x\n"), 0o600)); err != nil {
		t.Fatal(err)
	}
	if err := copyParts(config, t.TempDir(), "v1.2.3"); err == nil || !strings.Contains(err.Error(), "x.yaml") {
		t.Error("error:", err)
	}
}

// objects are those of a stream of manifests.
func objects(t *testing.T, manifests []byte) []*unstructured.Unstructured {
	t.Helper()
	var all []*unstructured.Unstructured
	for decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(manifests), 4096); ; {
		object := &unstructured.Unstructured{}
		err := decoder.Decode(&object.Object)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		if len(object.Object) > 0 {
			all = append(all, object)
		}
	}
}

// names are the kinds, namespaces and names of a stream of manifests, in its order.
func names(t *testing.T, manifests []byte) []string {
	t.Helper()
	var all []string
	for _, object := range objects(t, manifests) {
		all = append(all, strings.Join([]string{object.GetKind(), object.GetNamespace(), object.GetName()}, " "))
	}
	return all
}
