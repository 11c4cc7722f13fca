// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// PushBundle pushes Tekton objects, each given as YAML, as a bundle to the cluster's registry, for example to
// "workflows/restart:v1". It returns the digest of the bundle.
func (c *Cluster) PushBundle(ctx context.Context, repositoryAndTag string, objects ...[]byte) (digest string, err error) {
	return PushBundle(ctx, c.Registry(), repositoryAndTag, objects...)
}

// PushBundle pushes a bundle to any registry.
func PushBundle(ctx context.Context, registry, repositoryAndTag string, objects ...[]byte) (digest string, err error) {
	reference, err := name.ParseReference(registry+"/"+repositoryAndTag, name.StrictValidation)
	if err != nil {
		return "", err
	}
	image, err := bundle(objects)
	if err != nil {
		return "", err
	}
	if err := remote.Write(reference, image, remote.WithContext(ctx)); err != nil {
		return "", fmt.Errorf("pushing %s: %w", reference, err)
	}
	hash, err := image.Digest()
	return hash.String(), err
}

// bundle makes an image with one layer per object, whose annotations say what the object is.
func bundle(objects [][]byte) (v1.Image, error) {
	additions := make([]mutate.Addendum, 0, len(objects))
	for _, content := range objects {
		object := &unstructured.Unstructured{}
		if err := yaml.Unmarshal(content, &object.Object); err != nil {
			return nil, fmt.Errorf("reading an object of the bundle: %w", err)
		}
		layer, err := tarLayer(object.GetName(), content)
		if err != nil {
			return nil, err
		}
		additions = append(additions, mutate.Addendum{Layer: layer, Annotations: map[string]string{
			"dev.tekton.image.name":       object.GetName(),
			"dev.tekton.image.kind":       strings.ToLower(object.GetKind()),
			"dev.tekton.image.apiVersion": object.GroupVersionKind().Version,
		}})
	}
	return mutate.Append(empty.Image, additions...)
}

func tarLayer(name string, content []byte) (v1.Layer, error) {
	var buffer bytes.Buffer
	writer := tar.NewWriter(&buffer)
	header := &tar.Header{Name: name, Mode: 0o600, Size: int64(len(content)), Typeflag: tar.TypeReg}
	if err := writer.WriteHeader(header); err != nil {
		return nil, err
	}
	if _, err := writer.Write(content); err != nil {
		return nil, err
	}
	if err := writer.Close(); err != nil {
		return nil, err
	}
	return tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(buffer.Bytes())), nil
	})
}
