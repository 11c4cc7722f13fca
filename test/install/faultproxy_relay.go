// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package install

import (
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"kubernaut.ai/workflowexecution/test/cluster"
)

// relay stands between a replica and the API server, and forwards whatever credentials the replica
// sends.
type relay struct {
	server *httptest.Server
}

// newRelay asks before about each request on its way there, and after about each answer on its way
// back. A request that before returns as nil was answered by it. Both may panic with
// http.ErrAbortHandler, and after may return an error: then the replica gets no answer.
func newRelay(
	c *cluster.Cluster,
	before func(http.ResponseWriter, *http.Request) *http.Request, after func(*http.Response) error,
) (*relay, error) {
	anonymous := rest.AnonymousClientConfig(c.Config())
	transport, err := rest.TransportFor(anonymous)
	if err != nil {
		return nil, err
	}
	target, err := url.Parse(anonymous.Host)
	if err != nil {
		return nil, err
	}
	proxy := &httputil.ReverseProxy{
		Transport:      transport,
		Rewrite:        func(r *httputil.ProxyRequest) { r.SetURL(target) },
		FlushInterval:  -1, // watches are streams
		ModifyResponse: after,
		ErrorHandler:   func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if forwarded := before(w, r); forwarded != nil {
			proxy.ServeHTTP(w, forwarded)
		}
	}))
	server.EnableHTTP2 = true
	// Clients send their credentials over TLS only.
	server.StartTLS()
	return &relay{server: server}, nil
}

// Through makes the flag with which a replica of the controller works through the proxy.
func (r *relay) Through(c *Controller) (flag string, err error) {
	config, err := clientcmd.LoadFromFile(c.kubeconfig)
	if err != nil {
		return "", err
	}
	for _, server := range config.Clusters {
		server.Server = r.server.URL
		server.CertificateAuthority, server.CertificateAuthorityData = "", nil
		server.InsecureSkipTLSVerify = true
	}
	_, port, err := net.SplitHostPort(r.server.Listener.Addr().String())
	if err != nil {
		return "", err
	}
	path := c.kubeconfig + ".through-" + port
	return "-kubeconfig=" + path, clientcmd.WriteToFile(*config, path)
}

// Close ends the proxy, and whatever still goes through it.
func (r *relay) Close() {
	r.server.CloseClientConnections()
	r.server.Close()
}
