// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"fmt"
	"os/exec"
	"slices"
	"strings"
)

// The network of real nodes: each node is a host on one link with the control plane, and has a subnet for its pods.
const (
	linkBridge    = "link0"
	hostAddress   = "10.90.0.1"
	linkPrefix    = "/24"
	clusterSubnet = "10.88.0.0/16"
	serviceSubnet = "10.96.0.0/16"

	apiServerPort = 6443
	registryPort  = 5000
)

// nodeAddress is that of a node on the link.
func nodeAddress(number int) string { return fmt.Sprintf("10.90.0.%d", 10+number) }

// podSubnet is that of the pods of a node.
func podSubnet(number int) string { return fmt.Sprintf("10.88.%d.0/24", number) }

// makeLink makes the link that the control plane and the nodes are on.
func makeLink(ctx context.Context) error {
	return shell(ctx, fmt.Sprintf(`
ip link add %[1]s type bridge
ip addr add %[2]s dev %[1]s
ip link set %[1]s up
echo 1 > /proc/sys/net/ipv4/ip_forward
`, linkBridge, hostAddress+linkPrefix))
}

// plugIn gives the node, by a process in its network, an interface on the link, and routes to its pods from
// everywhere.
func (n *realNode) plugIn(ctx context.Context) error {
	return shell(ctx, fmt.Sprintf(`
ip link add %[1]s type veth peer name eth0 netns %[2]d
ip link set %[1]s master %[3]s up
ip route add %[4]s via %[5]s
`, n.name, n.holder.PID(), linkBridge, podSubnet(n.number), nodeAddress(n.number)))
}

// configure sets up the node's side. Names of the world outside are not even asked for. The bridge of the pods has to
// pass its traffic through the rules of kube-proxy, or a pod could not reach itself or its neighbour through a Service.
func (n *realNode) configure(ctx context.Context) error {
	return shell(ctx, fmt.Sprintf(`
hostname %s
mount -t tmpfs -o mode=755 run /run
touch /run/no-names
mount --bind /run/no-names /etc/resolv.conf
ip link set lo up
ip addr add %s dev eth0
ip link set eth0 up
ip route add default via %s
echo 1 > /proc/sys/net/ipv4/ip_forward
if [ -e /proc/sys/net/bridge/bridge-nf-call-iptables ]; then echo 1 > /proc/sys/net/bridge/bridge-nf-call-iptables; fi
`, n.name, nodeAddress(n.number)+linkPrefix, hostAddress), n.enter()...)
}

// enter is the command that runs another one on the node.
func (n *realNode) enter() []string {
	return []string{"nsenter", fmt.Sprintf("--target=%d", n.holder.PID()), "--net", "--mount", "--uts", "--"}
}

// shell runs a script, behind the words of a prefix.
func shell(ctx context.Context, script string, prefix ...string) error {
	words := slices.Concat(prefix, []string{"sh", "-euc", script})
	output, err := exec.CommandContext(ctx, words[0], words[1:]...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, strings.TrimSpace(string(output)))
	}
	return nil
}
