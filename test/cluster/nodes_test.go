// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// The programs that read them say so only on a node; what no reader could parse shows here.
func TestFilesOfANodeAreWhole(t *testing.T) {
	settings := nodeSettings{
		Name: "node-1", Dir: "/state", Registry: "10.90.0.1:5000", PauseImage: pauseImage, CNIPlugins: cniPlugins,
		PodSubnet: podSubnet(1), ClusterSubnet: clusterSubnet, ClientCA: "/ca", ControlGroup: "/group", ProxyKubeconfig: "/kubeconfig",
	}
	files, err := nodeFiles.ReadDir("nodes")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		target := filepath.Join(t.TempDir(), file.Name())
		if err := writeNodeFile(file.Name(), target, settings); err != nil {
			t.Fatal(err)
		}
		content, err := os.ReadFile(target)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(content), "{{") || strings.Contains(string(content), "<no value>") {
			t.Errorf("%s has holes:\n%s", file.Name(), content)
		}
		var parsed map[string]any
		switch filepath.Ext(file.Name()) {
		case ".yaml":
			err = yaml.UnmarshalStrict(content, &parsed)
		case ".conflist":
			err = json.Unmarshal(content, &parsed)
		}
		if err != nil {
			t.Errorf("%s: %v\n%s", file.Name(), err, content)
		}
	}
}

func TestNodesHaveAddressesOfTheirOwn(t *testing.T) {
	got := []string{nodeAddress(1), podSubnet(1), nodeAddress(2), podSubnet(2)}
	if diff := cmp.Diff([]string{"10.90.0.11", "10.88.1.0/24", "10.90.0.12", "10.88.2.0/24"}, got); diff != "" {
		t.Error("(-want, +got):", diff)
	}
}

func TestTektonIsAdaptedToPods(t *testing.T) {
	deployment := func(command, args string) *unstructured.Unstructured {
		object := &unstructured.Unstructured{}
		text := `{kind: Deployment, metadata: {name: x}, spec: {template: {spec: {containers: [{name: c` + command + args + `}]}}}}`
		if err := yaml.Unmarshal([]byte(text), &object.Object); err != nil {
			t.Fatal(err)
		}
		return object
	}
	object := deployment(`, command: [/sbin/tini, --, /ko-app/resolvers]`, `, args: [-nop-image, "ko://nop", -shell-image, elsewhere]`)
	if !forPods(object, "registry:1") {
		t.Fatal("a Deployment is left out")
	}
	want := deployment(`, command: [/ko-app/resolvers]`, `, args: [-nop-image, "ko://nop", -shell-image, "registry:1/`+ShellImage+`"]`)
	if diff := cmp.Diff(want.Object, object.Object); diff != "" {
		t.Error("(-want, +got):", diff)
	}
	for _, left := range []string{
		`{kind: HorizontalPodAutoscaler, metadata: {name: x}}`, `{kind: Deployment, metadata: {name: tekton-events-controller}}`,
	} {
		object := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte(left), &object.Object); err != nil {
			t.Fatal(err)
		}
		if forPods(object, "registry:1") {
			t.Errorf("%s is not left out", left)
		}
	}
}

func TestImagesInManifestsAreFoundOnce(t *testing.T) {
	digest := "sha256:" + strings.Repeat("a", 64)
	text := "image: localhost:1/a@" + digest + "\nargs: [\"localhost:1/b/c:v1@" + digest + "\", 'localhost:1/a@" + digest + "']\nother: elsewhere/a@" + digest
	want := []string{"a@" + digest, "b/c:v1@" + digest}
	if diff := cmp.Diff(want, ImagesIn([]byte(text), "localhost:1")); diff != "" {
		t.Error("(-want, +got):", diff)
	}
}
