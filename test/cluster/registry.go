// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"
)

// localRegistry is an OCI registry that lives in this process and keeps everything in memory.
type localRegistry struct {
	listener net.Listener
	server   *http.Server
}

func newRegistry() (*localRegistry, error) {
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &localRegistry{
		listener: listener,
		server: &http.Server{
			Handler:           registry.New(registry.Logger(log.New(io.Discard, "", 0))),
			ReadHeaderTimeout: time.Minute,
		},
	}
	go func() { _ = r.server.Serve(listener) }()
	return r, nil
}

func (r *localRegistry) close() {
	_ = r.server.Close()
}

// Registry is the address, host:port, of the cluster's own registry. It speaks plain http, as clients expect of a
// loopback address, and lives as long as the process that started the cluster.
func (c *Cluster) Registry() string { return c.registry.listener.Addr().String() }
