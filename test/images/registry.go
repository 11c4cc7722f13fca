// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package images

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// Registry is an OCI registry that lives in this process and speaks plain http, as clients expect of a loopback or
// private address.
type Registry struct {
	listener net.Listener
	server   *http.Server
}

// NewRegistry starts a registry on an address, host:port; port 0 is any free one. Layers are kept below the folder
// blobs, or in memory if that is empty; manifests are always in memory and gone with the registry.
func NewRegistry(address, blobs string) (*Registry, error) {
	options := []registry.Option{registry.Logger(log.New(io.Discard, "", 0))}
	if blobs != "" {
		if err := os.MkdirAll(blobs, 0o755); err != nil {
			return nil, err
		}
		options = append(options, registry.WithBlobHandler(registry.NewDiskBlobHandler(blobs)))
	}
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", address)
	if err != nil {
		return nil, err
	}
	r := &Registry{
		listener: listener,
		server:   &http.Server{Handler: registry.New(options...), ReadHeaderTimeout: time.Minute},
	}
	go func() { _ = r.server.Serve(listener) }()
	return r, nil
}

// Address is the host:port on which the registry listens.
func (r *Registry) Address() string { return r.listener.Addr().String() }

// Close stops the registry.
func (r *Registry) Close() error { return r.server.Close() }

// Push pushes an image to a reference, for example 127.0.0.1:5000/base:latest, and returns the reference by digest.
func Push(ctx context.Context, reference string, image v1.Image) (name.Digest, error) {
	ref, err := name.ParseReference(reference)
	if err != nil {
		return name.Digest{}, err
	}
	if err := remote.Write(ref, image, remote.WithContext(ctx)); err != nil {
		return name.Digest{}, fmt.Errorf("pushing %s: %w", ref, err)
	}
	digest, err := image.Digest()
	if err != nil {
		return name.Digest{}, err
	}
	return ref.Context().Digest(digest.String()), nil
}

// Pull returns the image of a reference for this machine's architecture.
func Pull(ctx context.Context, reference string) (v1.Image, error) {
	ref, err := name.ParseReference(reference)
	if err != nil {
		return nil, err
	}
	image, err := remote.Image(ref, remote.WithContext(ctx), remote.WithPlatform(Platform()))
	if err != nil {
		return nil, fmt.Errorf("pulling %s: %w", ref, err)
	}
	return image, nil
}
