// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sync/errgroup"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"kubernaut.ai/workflowexecution/test/images"
)

// clients are those of the administrator.
type clients struct {
	kubeconfig string
	config     *rest.Config
	client     kubernetes.Interface
	dynamic    dynamic.Interface
	mapper     *mapper
}

// newCluster prepares everything that needs no running program.
func newCluster(ctx context.Context, o Options, programs *Programs) (*Cluster, error) {
	dir, err := stateDir(o.Dir)
	if err != nil {
		return nil, err
	}
	c := &Cluster{dir: dir, keep: o.Keep, nodes: o.Nodes, programs: programs, progress: o.progress(), failed: func(error) {}}
	if c.ports, err = newPorts(); err != nil {
		return nil, err
	}
	if err := c.choosePlaces(ctx, o); err != nil {
		return nil, err
	}
	if c.authority, err = newAuthority(); err != nil {
		return nil, err
	}
	if c.pki, err = c.authority.write(filepath.Join(dir, pkiFolder)); err != nil {
		return nil, err
	}
	if c.clients, err = c.adminClients(); err != nil {
		return nil, err
	}
	if o.Nodes == 0 {
		c.kubelet, err = newKubelet(c.client, c.pki)
	}
	return c, err
}

// choosePlaces chooses the ports of what others have to find. Real nodes have a machine of their own, where all are free.
func (c *Cluster) choosePlaces(ctx context.Context, o Options) (err error) {
	if o.Nodes == 0 {
		if c.apiPort, err = c.ports.take(); err != nil {
			return err
		}
		c.endpoint = loopbackURL("https", c.apiPort)
		c.registry, err = images.NewRegistry("127.0.0.1:0", "")
		return err
	}
	if err := makeLink(ctx); err != nil {
		return err
	}
	c.apiPort = apiServerPort
	c.endpoint = "https://" + net.JoinHostPort(hostAddress, strconv.Itoa(apiServerPort))
	c.registry, err = images.NewRegistry(NodeRegistry(), filepath.Join(c.dir, "registry"))
	return err
}

// stateDir makes the folder, or clears it of what a cluster before that was not stopped has left there.
func stateDir(dir string) (string, error) {
	var err error
	if dir == "" {
		dir, err = os.MkdirTemp("", "workflowexecution-cluster-")
	} else {
		dir, err = filepath.Abs(dir)
	}
	if err != nil {
		return "", err
	}
	for _, folder := range []string{etcdFolder, logsFolder, pkiFolder, kubeconfigFolder} {
		path := filepath.Join(dir, folder)
		if err := os.RemoveAll(path); err != nil {
			return "", err
		}
		if err := os.MkdirAll(path, 0o700); err != nil {
			return "", err
		}
	}
	return dir, nil
}

func (c *Cluster) adminClients() (out clients, err error) {
	if out.kubeconfig, err = c.clientKubeconfig("admin", "system:masters"); err != nil {
		return out, err
	}
	if out.config, err = loadConfig(out.kubeconfig); err != nil {
		return out, err
	}
	if out.client, err = kubernetes.NewForConfig(out.config); err != nil {
		return out, err
	}
	if out.dynamic, err = dynamic.NewForConfig(out.config); err != nil {
		return out, err
	}
	out.mapper, err = newMapper(out.config)
	return out, err
}

// bringUp starts the programs in the order in which they need each other, side by side where they do not.
func (c *Cluster) bringUp(ctx context.Context, o Options) error {
	if err := c.startEtcd(ctx); err != nil {
		return err
	}
	if err := c.StartAPIServer(ctx); err != nil {
		return err
	}
	if o.Nodes > 0 {
		return c.bringUpNodes(ctx, o)
	}
	kindsKnown := make(chan struct{})
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return c.startNode(ctx) })
	group.Go(func() error { return c.startScheduler(ctx) })
	group.Go(func() error { return c.startTekton(ctx, kindsKnown) })
	group.Go(func() error {
		// The garbage collector learns the kinds that exist when it starts, and new ones only half a minute later.
		select {
		case <-kindsKnown:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if err := c.Apply(ctx, o.Manifests...); err != nil {
			return err
		}
		return c.startControllerManager(ctx)
	})
	return group.Wait()
}
