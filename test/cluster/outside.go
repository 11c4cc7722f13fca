// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"io"
	"net"
	"path/filepath"
	"strconv"

	"k8s.io/client-go/tools/clientcmd"
)

// Outside is how a cluster on a machine of its own is reached from the computer on which that machine runs.
type Outside struct {
	// PID of the process there with which the machine ends.
	PID int
	// API and Registry listen there for callers of the API server and of the registry.
	API, Registry net.Listener
}

// open lets callers from outside in and returns the state as they need it.
func (o *Outside) open(c *Cluster) (DetachedState, error) {
	go relay(o.API, net.JoinHostPort("127.0.0.1", strconv.Itoa(c.apiPort)))
	go relay(o.Registry, c.Registry())
	config, err := clientcmd.LoadFromFile(c.kubeconfig)
	if err != nil {
		return DetachedState{}, err
	}
	config.Clusters[contextName].Server = "https://" + o.API.Addr().String()
	path := filepath.Join(c.dir, kubeconfigFolder, "outside.kubeconfig")
	return DetachedState{
		PID: o.PID, Kubeconfig: path, Registry: o.Registry.Addr().String(), Dir: c.dir,
	}, clientcmd.WriteToFile(*config, path)
}

// relay connects every caller of a listener with an address, until the listener is closed.
func relay(listener net.Listener, address string) {
	for {
		caller, err := listener.Accept()
		if err != nil {
			return
		}
		go connect(caller, address)
	}
}

func connect(caller net.Conn, address string) {
	defer caller.Close()
	server, err := net.Dial("tcp", address) //nolint:noctx // it lives as long as its caller stays
	if err != nil {
		return
	}
	defer server.Close()
	done := make(chan struct{}, 2)
	for _, ends := range [][2]net.Conn{{caller, server}, {server, caller}} {
		go func() {
			_, _ = io.Copy(ends[0], ends[1])
			// Whoever has no more to say may still listen.
			if half, ok := ends[0].(*net.TCPConn); ok {
				_ = half.CloseWrite()
			}
			done <- struct{}{}
		}()
	}
	<-done
	<-done
}
