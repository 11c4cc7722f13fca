// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package datastorage

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"os"
	"sync"

	utilnet "k8s.io/apimachinery/pkg/util/net"
)

// maxHeader is how many bytes the header of an answer may have.
const maxHeader = 64 << 10

// connection is the transport to the service, a new one whenever the CA has changed: connections that the
// old one has vouched for must not be used on.
type connection struct {
	mu        sync.Mutex
	transport *http.Transport
	ca        []byte
}

// client never follows a redirect: it would carry the token to somewhere else.
func (s *Sink) client() (*http.Client, error) {
	transport, err := s.connection.to(s.options.CAFile)
	if err != nil {
		return nil, err
	}
	return &http.Client{
		Transport: transport,
		Timeout:   s.options.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		},
	}, nil
}

func (c *connection) to(caFile string) (*http.Transport, error) {
	ca, roots, err := read(caFile)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.transport != nil && bytes.Equal(ca, c.ca) {
		return c.transport, nil
	}
	if c.transport != nil {
		c.transport.CloseIdleConnections()
	}
	// These defaults notice a connection of HTTP/2 that is dead, and know NO_PROXY with ranges of addresses.
	c.transport = utilnet.SetTransportDefaults(&http.Transport{
		TLSClientConfig:        &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		MaxResponseHeaderBytes: maxHeader,
	})
	c.ca = ca
	return c.transport, nil
}

func (c *connection) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.transport != nil {
		c.transport.CloseIdleConnections()
	}
}

// read returns no pool if there is no file to be read, which stands for the system's.
func read(caFile string) ([]byte, *x509.CertPool, error) {
	if caFile == "" {
		return nil, nil, nil
	}
	ca, err := os.ReadFile(caFile) //nolint:gosec // The configuration says which file it is.
	if err != nil {
		return nil, nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(ca) {
		return nil, nil, fmt.Errorf("there is no certificate in %s", caFile)
	}
	return ca, roots, nil
}
