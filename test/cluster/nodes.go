// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"net"
	"os"
	"path"
	"path/filepath"
	"text/template"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubernaut.ai/workflowexecution/test/machine"
)

const (
	containerd = "containerd"
	kubelet    = "kubelet"
	kubeProxy  = "kube-proxy"

	// cniPlugins is where Debian puts them.
	cniPlugins = "/usr/lib/cni"
)

// NodeTools are the programs that a real node needs beside those that are built.
var NodeTools = []machine.Tool{
	{Name: containerd, Package: "containerd"},
	{Name: "containerd-shim-runc-v2", Package: "containerd"},
	{Name: "runc", Package: "runc"},
	{Name: filepath.Join(cniPlugins, "bridge"), Package: "containernetworking-plugins"},
	{Name: "iptables", Package: "iptables"},
	{Name: busybox, Package: "busybox-static"},
	{Name: "nsenter", Package: "util-linux"},
	{Name: "unshare", Package: "util-linux"},
}

//go:embed nodes
var nodeFiles embed.FS

// realNode is a host of its own, with its own network, mounts and name, that runs a container runtime, a kubelet and
// a kube-proxy.
type realNode struct {
	name   string
	number int
	dir    string
	// holder keeps the namespaces of the node.
	holder *Process
}

// NodeName is the name of a real node, counted from 1.
func NodeName(number int) string { return fmt.Sprintf("node-%d", number) }

// nodeSettings is what the files of a node are made from.
type nodeSettings struct {
	Name, Dir, Logs, Registry, PauseImage, CNIPlugins, PodSubnet, ClusterSubnet, ClientCA, ControlGroup, ProxyKubeconfig string
}

// startNodes starts the real nodes and waits until pods can be scheduled to each.
func (c *Cluster) startNodes(ctx context.Context, count int) error {
	group, ctx := errgroup.WithContext(ctx)
	for number := 1; number <= count; number++ {
		group.Go(func() error { return c.StartNode(ctx, number) })
	}
	return group.Wait()
}

// StartNode adds a real node and waits until pods can be scheduled to it.
func (c *Cluster) StartNode(ctx context.Context, number int) error {
	n := &realNode{name: NodeName(number), number: number, dir: filepath.Join(c.dir, NodeName(number))}
	if err := c.boot(ctx, n); err != nil {
		return fmt.Errorf("starting %s: %w", n.name, err)
	}
	return poll(ctx, "waiting for "+n.name, func(ctx context.Context) error { return c.isFree(ctx, n.name) })
}

func (c *Cluster) boot(ctx context.Context, n *realNode) (err error) {
	if err := os.MkdirAll(n.dir, 0o755); err != nil {
		return err
	}
	if n.holder, err = c.startAt(n.name, nil, "unshare", "--net", "--mount", "--uts", "--", "sleep", "infinity"); err != nil {
		return err
	}
	if err := n.awaitNamespaces(ctx); err != nil {
		return err
	}
	if err := errors.Join(n.plugIn(ctx), n.configure(ctx)); err != nil {
		return err
	}
	group := path.Join(machine.ControlGroup(), n.name)
	if err := machine.MakeControlGroup(group); err != nil {
		return err
	}
	if err := c.writeNodeFiles(n, group); err != nil {
		return err
	}
	return c.startNodePrograms(ctx, n)
}

// awaitNamespaces waits until the holder has left those of this process.
func (n *realNode) awaitNamespaces(ctx context.Context) error {
	return poll(ctx, "waiting for the namespaces of "+n.name, func(context.Context) error {
		// The last that unshare makes before it becomes the command.
		command, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", n.holder.PID()))
		if err == nil && string(command) != "sleep\n" {
			err = fmt.Errorf("the holder is still %q", command)
		}
		return err
	})
}

func (c *Cluster) writeNodeFiles(n *realNode, group string) error {
	proxyKubeconfig, err := c.clientKubeconfig("system:" + kubeProxy)
	if err != nil {
		return err
	}
	settings := nodeSettings{
		Name: n.name, Dir: n.dir, Logs: filepath.Join(c.dir, logsFolder, n.name+"-pods"), Registry: c.Registry(),
		PauseImage: pauseImage, CNIPlugins: cniPlugins,
		PodSubnet: podSubnet(n.number), ClusterSubnet: clusterSubnet, ClientCA: c.pki.ca, ControlGroup: group,
		ProxyKubeconfig: proxyKubeconfig,
	}
	for name, target := range map[string]string{
		"containerd.toml": "containerd.toml",
		"kubelet.yaml":    "kubelet.yaml",
		"kube-proxy.yaml": "kube-proxy.yaml",
		"cni.conflist":    "cni/pods.conflist",
		"hosts.toml":      "registries/" + c.Registry() + "/hosts.toml",
	} {
		if err := writeNodeFile(name, filepath.Join(n.dir, target), settings); err != nil {
			return err
		}
	}
	return nil
}

func writeNodeFile(name, target string, settings nodeSettings) error {
	content, err := template.ParseFS(nodeFiles, "nodes/"+name)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return err
	}
	file, err := os.Create(target)
	if err != nil {
		return err
	}
	return errors.Join(content.Execute(file, settings), file.Close())
}

// startNodePrograms starts what runs on the node. A kubelet that finds no container runtime ends.
func (c *Cluster) startNodePrograms(ctx context.Context, n *realNode) error {
	if err := c.startOn(n, containerd, "--config="+filepath.Join(n.dir, "containerd.toml")); err != nil {
		return err
	}
	if err := n.awaitContainerd(ctx); err != nil {
		return err
	}
	if err := c.startOn(n, c.Program(kubeProxy), "--config="+filepath.Join(n.dir, "kube-proxy.yaml")); err != nil {
		return err
	}
	kubeletKubeconfig, err := c.clientKubeconfig("system:node:"+n.name, "system:nodes")
	if err != nil {
		return err
	}
	return c.startOn(n, c.Program(kubelet),
		"--config="+filepath.Join(n.dir, "kubelet.yaml"), "--kubeconfig="+kubeletKubeconfig,
		"--hostname-override="+n.name, "--node-ip="+nodeAddress(n.number),
		"--root-dir="+filepath.Join(n.dir, kubelet), "--cert-dir="+filepath.Join(n.dir, "kubelet-pki"),
	)
}

func (c *Cluster) startOn(n *realNode, path string, args ...string) error {
	words := append(append(n.enter(), path), args...)
	_, err := c.startAt(nodeProgram(n.name, filepath.Base(path)), nil, words[0], words[1:]...)
	return err
}

// awaitContainerd waits until the container runtime of the node listens, on a socket that only the node sees.
func (n *realNode) awaitContainerd(ctx context.Context) error {
	socket := fmt.Sprintf("/proc/%d/root/run/containerd/containerd.sock", n.holder.PID())
	return poll(ctx, "waiting for "+nodeProgram(n.name, containerd), func(ctx context.Context) error {
		connection, err := (&net.Dialer{}).DialContext(ctx, "unix", socket)
		if err != nil {
			return err
		}
		return connection.Close()
	})
}

func nodeProgram(node, program string) string { return node + "-" + program }

// Kubelet is the kubelet of a real node, for tests that disturb it.
func (c *Cluster) Kubelet(node string) *Process { return c.program(nodeProgram(node, kubelet)) }

// isFree returns nil when pods can be scheduled to the node.
func (c *Cluster) isFree(ctx context.Context, name string) error {
	node, err := c.client.CoreV1().Nodes().Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return err
	}
	if len(node.Spec.Taints) > 0 {
		return fmt.Errorf("node %s has taints: %v", name, node.Spec.Taints)
	}
	for _, condition := range node.Status.Conditions {
		if condition.Type == corev1.NodeReady && condition.Status == corev1.ConditionTrue {
			return nil
		}
	}
	return fmt.Errorf("node %s is not ready", name)
}
