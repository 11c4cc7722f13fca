// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"

	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"kubernaut.ai/workflowexecution/test/images"
	"kubernaut.ai/workflowexecution/test/machine"
)

const (
	// imagesRecipe changes when what is made here changes.
	imagesRecipe = "2"

	layoutFolder   = "layout"
	tektonManifest = "tekton.yaml"
	// referenceName is the annotation of OCI for the name of an image in a layout.
	referenceName = "org.opencontainers.image.ref.name"
)

// NodeRegistry is the address of the registry of a cluster with real nodes, for the nodes, their pods and the control
// plane.
func NodeRegistry() string { return net.JoinHostPort(hostAddress, strconv.Itoa(registryPort)) }

// BuildNodes makes what real nodes need and is not made yet. It is to be called where the module proxy can be
// reached, that is outside of a machine of its own.
func BuildNodes(ctx context.Context, o Options) (*Programs, error) {
	if err := machine.Check(NodeTools...); err != nil {
		return nil, err
	}
	programs, err := Build(ctx, o)
	if err != nil {
		return nil, err
	}
	for _, name := range []string{kubelet, kubeProxy} {
		if programs.paths[name], err = Tool(ctx, o, name); err != nil {
			return nil, err
		}
	}
	pins, cache, err := o.pinsAndCache()
	if err != nil {
		return nil, err
	}
	key, err := imagesKey(pins)
	if err != nil {
		return nil, err
	}
	// Before the lock of a build is taken, which building a tool takes too.
	ko, err := Tool(ctx, o, "ko")
	if err != nil {
		return nil, err
	}
	programs.nodeImages = filepath.Join(cache, "node-images-"+key)
	made := artifact{
		title: "images of the nodes and of Tekton", target: programs.nodeImages, lane: "images",
		make: func(ctx context.Context, path string) error { return makeImages(ctx, o, programs, ko, path) },
	}
	if len(missing([]artifact{made})) == 0 {
		return programs, nil
	}
	return programs, makeMissing(ctx, cache, []artifact{made}, o.progress())
}

func imagesKey(pins []pinned) (string, error) {
	box, err := exec.LookPath(busybox)
	if err != nil {
		return "", err
	}
	content, err := os.ReadFile(box)
	if err != nil {
		return "", err
	}
	hash := sha256.New()
	_, _ = fmt.Fprintf(hash, "%s;%x;", imagesRecipe, sha256.Sum256(content))
	for _, module := range pins {
		_, _ = fmt.Fprintf(hash, "%s;", module.key)
	}
	return hex.EncodeToString(hash.Sum(nil))[:16], nil
}

// makeImages fills a folder with the images, and with Tekton's manifests that name them as the nodes will find them.
func makeImages(ctx context.Context, o Options, programs *Programs, ko, folder string) (err error) {
	root, err := o.root()
	if err != nil {
		return err
	}
	blobs, err := os.MkdirTemp("", "node-images-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(blobs)
	registry, err := images.NewRegistry("127.0.0.1:0", blobs)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, registry.Close()) }()

	own, err := ownImages(ctx, root, programs.Path("kubectl"))
	if err != nil {
		return err
	}
	names := []string{}
	for place, image := range own {
		if _, err := images.Push(ctx, registry.Address()+"/"+place, image); err != nil {
			return err
		}
		names = append(names, place)
	}
	manifests, err := resolveTekton(ctx, ko, root, programs.tektonConfig, registry.Address())
	if err != nil {
		return err
	}
	names = append(names, ImagesIn(manifests, registry.Address())...)
	if err := SaveImages(ctx, registry.Address(), filepath.Join(folder, layoutFolder), names); err != nil {
		return err
	}
	manifests = bytes.ReplaceAll(manifests, []byte(registry.Address()), []byte(NodeRegistry()))
	return os.WriteFile(filepath.Join(folder, tektonManifest), manifests, 0o644)
}

// resolveTekton builds Tekton's images from the pinned module.
func resolveTekton(ctx context.Context, ko, root, config, registry string) ([]byte, error) {
	dir, err := os.MkdirTemp("", "tekton-config-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if err := writeTektonForPods(config, dir, registry); err != nil {
		return nil, err
	}
	return images.Ko{
		Program: ko, Dir: filepath.Join(root, "third_party", "tekton"), Manifests: []string{dir},
		Repository: registry + "/tekton", BaseImage: registry + "/" + baseImage,
		// The flags with which its programs were built for the simulated node: what was compiled is still there.
		Env:   []string{"GOFLAGS=-gcflags=all=-dwarf=false", "CGO_ENABLED=0", CompilerGC},
		Flags: []string{"--insecure-registry", "--sbom=none", "-R"},
	}.Resolve(ctx)
}

// writeTektonForPods copies the manifests without what has no place on the nodes, and with images that are there.
func writeTektonForPods(config, dir, registry string) error {
	files, err := yamlTree(config)
	if err != nil {
		return err
	}
	for i, file := range files {
		manifests, err := readManifests(file)
		if err != nil {
			return err
		}
		var all bytes.Buffer
		for _, m := range manifests {
			if !forPods(m.Unstructured, registry) {
				continue
			}
			content, err := yaml.Marshal(m.Object)
			if err != nil {
				return err
			}
			all.WriteString("---\n")
			all.Write(content)
		}
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%03d.yaml", i)), all.Bytes(), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// forPods adapts an object of Tekton's. The program for cloud events has nobody to talk to, and nobody measures the
// pods that an autoscaler would scale.
func forPods(object *unstructured.Unstructured, registry string) bool {
	switch {
	case object.GetKind() == "HorizontalPodAutoscaler", object.GetName() == "tekton-events-controller":
		return false
	case object.GetKind() == "Deployment":
		adaptContainers(object, registry)
	}
	return true
}

func adaptContainers(object *unstructured.Unstructured, registry string) {
	path := []string{"spec", "template", "spec", "containers"}
	containers, _, _ := unstructured.NestedSlice(object.Object, path...)
	for _, container := range containers {
		c, ok := container.(map[string]any)
		if !ok {
			continue
		}
		// The init process of another base image, and "--".
		if command, ok := c["command"].([]any); ok && len(command) > 2 && command[0] == "/sbin/tini" {
			c["command"] = command[2:]
		}
		args, _, _ := unstructured.NestedSlice(c, "args")
		for i := 1; i < len(args); i++ {
			if args[i-1] == "-shell-image" {
				args[i] = registry + "/" + ShellImage
			}
		}
		c["args"] = args
	}
	_ = unstructured.SetNestedSlice(object.Object, containers, path...)
}

// ImagesIn are the places, below the registry, of all images that manifests name by digest.
func ImagesIn(manifests []byte, registry string) []string {
	found := regexp.MustCompile(regexp.QuoteMeta(registry)+`/([^\s"',]+@sha256:[0-9a-f]{64})`).FindAllSubmatch(manifests, -1)
	seen := map[string]bool{}
	var places []string
	for _, match := range found {
		place := string(match[1])
		if !seen[place] {
			seen[place] = true
			places = append(places, place)
		}
	}
	return places
}

// SaveImages copies images, given by their places, from a registry to a layout on disk.
func SaveImages(ctx context.Context, registry, folder string, places []string) error {
	path, err := layout.Write(folder, empty.Index)
	if err != nil {
		return err
	}
	for _, place := range places {
		image, err := images.Pull(ctx, registry+"/"+place)
		if err != nil {
			return err
		}
		if err := path.AppendImage(image, layout.WithAnnotations(map[string]string{referenceName: place})); err != nil {
			return err
		}
	}
	return nil
}
