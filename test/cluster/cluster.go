// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"k8s.io/client-go/rest"

	"kubernaut.ai/workflowexecution/test/images"
)

// startTimeout is for the whole start. It is reached only by what neither dies nor gets ready.
const startTimeout = 3 * time.Minute

const (
	etcdFolder       = "etcd"
	logsFolder       = "logs"
	pkiFolder        = "pki"
	kubeconfigFolder = "kubeconfig"
)

// Cluster is a running cluster.
type Cluster struct {
	dir      string
	keep     bool
	programs *Programs
	progress *progress

	// nodes is the number of real nodes.
	nodes     int
	ports     *ports
	authority *authority
	pki       pki
	apiPort   int
	endpoint  string
	etcdURL   string
	registry  *images.Registry
	kubelet   *simulatedKubelet
	clients

	// failed ends a start that is under way.
	failed context.CancelCauseFunc

	mu       sync.Mutex
	own      []*Process
	guests   []*Process
	stopOnce sync.Once
	stopErr  error
}

// Start builds what is missing, starts a cluster and returns when Tekton admits and works on PipelineRuns. When it
// fails nothing is left running, and the error names the folder with the logs.
//
// The children end with this process at the latest. To end them earlier, and to remove the state folder, call Stop.
func Start(ctx context.Context, o Options) (*Cluster, error) {
	build := Build
	if o.Nodes > 0 {
		build = BuildNodes
	}
	programs, err := build(ctx, o)
	if err != nil {
		return nil, err
	}
	const attempts = 3
	for attempt := 1; ; attempt++ {
		c, err := start(ctx, o, programs)
		if err == nil {
			return c, nil
		}
		if attempt == attempts || !isPortCollision(err) {
			return nil, err
		}
		o.progress().printf("a port was taken by another program; starting again with other ports")
	}
}

func start(ctx context.Context, o Options, programs *Programs) (*Cluster, error) {
	c, err := newCluster(ctx, o, programs)
	if err != nil {
		return nil, err
	}
	startCtx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	startCtx, c.failed = context.WithCancelCause(startCtx)
	err = c.bringUp(startCtx, o)
	if err == nil {
		err = c.reportReady()
	}
	switch {
	case err == nil:
		return c, nil
	case ctx.Err() != nil:
		// Nothing failed: the start is not wanted any more.
		return nil, errors.Join(context.Cause(ctx), c.Stop())
	default:
		err = better(err, context.Cause(startCtx))
		c.KeepState()
		return nil, fmt.Errorf("the local cluster did not start: %w\n(logs: %s)", errors.Join(err, c.Stop()), c.logs())
	}
}

// better prefers the death of a program over the trouble that others had because of it.
func better(err, cause error) error {
	if _, ok := errors.AsType[*deathError](cause); ok {
		return cause
	}
	return err
}

// isPortCollision recognises what all of the programs log, in Go's words, when they cannot listen.
func isPortCollision(err error) bool {
	death, ok := errors.AsType[*deathError](err)
	return ok && strings.Contains(death.tail, "address already in use")
}

// Dir is the state folder.
func (c *Cluster) Dir() string { return c.dir }

// Kubeconfig is the path of a kubeconfig with all rights.
func (c *Cluster) Kubeconfig() string { return c.kubeconfig }

// Config is the configuration of a client with all rights and generous limits.
func (c *Cluster) Config() *rest.Config { return rest.CopyConfig(c.config) }

// Program is the path of one of the built programs, for example kubectl.
func (c *Cluster) Program(name string) string { return c.programs.Path(name) }

// Registry is the address, host:port, of the cluster's own registry. It speaks plain http, as clients expect of a
// loopback address, and lives as long as the process that started the cluster.
func (c *Cluster) Registry() string { return c.registry.Address() }

// Printf writes a line to the progress of the cluster.
func (c *Cluster) Printf(format string, args ...any) { c.progress.printf(format, args...) }

// KeepState makes Stop leave the state folder in place and say where it is.
func (c *Cluster) KeepState() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.keep = true
}

// Stop ends everything that was started, and removes the state folder unless it is to be kept. It may be called
// more than once.
func (c *Cluster) Stop() error {
	c.stopOnce.Do(func() { c.stopErr = c.stop() })
	return c.stopErr
}

func (c *Cluster) stop() error {
	c.mu.Lock()
	own, guests, keep := c.own, c.guests, c.keep
	c.mu.Unlock()
	// The end of one may be the death of another before its turn comes.
	for _, p := range own {
		p.expected.Store(true)
	}

	err := errors.Join(
		// Guests may have something to say to the API server before they go.
		inParallel(guests, func(p *Process) error { return p.interruptAndWait(guestPatience) }),
		// The others have nothing to save: the store goes away with them.
		inParallel(own, (*Process).Kill),
	)
	_ = c.registry.Close()
	c.kubelet.close()
	c.ports.release()
	if keep {
		c.progress.printf("the state of the cluster is kept in %s", c.dir)
		return err
	}
	return errors.Join(err, os.RemoveAll(c.dir))
}

func (c *Cluster) logs() string { return filepath.Join(c.dir, logsFolder) }
