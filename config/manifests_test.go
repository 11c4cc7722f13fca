// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

// Package config_test checks the manifests as a cluster would, as far as that goes without one.
package config_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/apimachinery/pkg/util/yaml"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
)

const (
	systemNamespace    = "kubernaut-system"
	executionNamespace = "kubernaut-workflows"
	controllerName     = "workflowexecution-controller"
	webhookName        = "workflowexecution-webhook"
)

// manifest is one object of a file.
type manifest struct {
	file   string
	object runtime.Object
	meta.Type
	name, namespace string
	labels          map[string]string
}

func newDecoder() runtime.Decoder {
	scheme := runtime.NewScheme()
	utilruntime.Must(clientgoscheme.AddToScheme(scheme))
	utilruntime.Must(apiextensionsv1.AddToScheme(scheme))
	return serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDeserializer()
}

// manifests are the objects in the order in which kubectl applies them.
func manifests(t *testing.T) []manifest {
	t.Helper()
	files, err := filepath.Glob("*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("Glob() = %v, %v", files, err)
	}
	slices.Sort(files)
	var all []manifest
	for _, file := range files {
		all = append(all, read(t, file)...)
	}
	return all
}

func read(t *testing.T, file string) []manifest {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal("ReadFile() =", err)
	}
	decoder := newDecoder()
	reader := yaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(raw)))
	var objects []manifest
	for {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return objects
		}
		if err != nil {
			t.Fatalf("%s: Read() = %v", file, err)
		}
		objects = append(objects, decode(t, decoder, file, document)...)
	}
}

func decode(t *testing.T, decoder runtime.Decoder, file string, document []byte) []manifest {
	t.Helper()
	if isComment(document) {
		return nil
	}
	object, _, err := decoder.Decode(document, nil, nil)
	if err != nil {
		t.Fatalf("%s: Decode() = %v", file, err)
	}
	accessor, err := meta.Accessor(object)
	if err != nil {
		t.Fatalf("%s: Accessor() = %v", file, err)
	}
	typed, err := meta.TypeAccessor(object)
	if err != nil {
		t.Fatalf("%s: TypeAccessor() = %v", file, err)
	}
	return []manifest{{
		file: file, object: object, Type: typed,
		name: accessor.GetName(), namespace: accessor.GetNamespace(), labels: accessor.GetLabels(),
	}}
}

func isComment(document []byte) bool {
	for line := range bytes.Lines(document) {
		if line = bytes.TrimSpace(line); len(line) > 0 && line[0] != '#' {
			return false
		}
	}
	return true
}

// find returns the objects of one type by namespace/name.
func find[T runtime.Object](t *testing.T) map[string]T {
	t.Helper()
	found := map[string]T{}
	for _, m := range manifests(t) {
		if object, ok := m.object.(T); ok {
			found[m.namespace+"/"+m.name] = object
		}
	}
	return found
}

func TestEveryObjectIsLabelled(t *testing.T) {
	for _, m := range manifests(t) {
		if _, ok := m.object.(*apiextensionsv1.CustomResourceDefinition); ok {
			continue
		}
		if m.labels["app.kubernetes.io/name"] != "workflowexecution" ||
			m.labels["app.kubernetes.io/part-of"] != "kubernaut" ||
			m.labels["app.kubernetes.io/component"] == "" {
			t.Errorf("%s: %s %s has labels %v", m.file, m.GetKind(), m.name, m.labels)
		}
	}
}

func TestObjectsComeBeforeThoseThatNeedThem(t *testing.T) {
	// Kinds that are not listed may be anywhere after the namespaces.
	rank := map[string]int{
		"Namespace":                0,
		"ServiceAccount":           1,
		"ClusterRole":              2,
		"Role":                     2,
		"CustomResourceDefinition": 3,
		"ConfigMap":                4,
		"Deployment":               5,
	}
	highest := 0
	for _, m := range manifests(t) {
		r, ok := rank[m.GetKind()]
		if ok && r < highest {
			t.Errorf("%s: %s %s comes after objects that need it", m.file, m.GetKind(), m.name)
		}
		highest = max(highest, r)
	}
}

func TestEveryNamespaceIsDeclared(t *testing.T) {
	declared := find[*corev1.Namespace](t)
	for _, m := range manifests(t) {
		if _, ok := declared["/"+m.namespace]; m.namespace != "" && !ok {
			t.Errorf("%s: %s %s lies in %s, which is not declared", m.file, m.GetKind(), m.name, m.namespace)
		}
	}
}
