// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package install

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"

	"kubernaut.ai/workflowexecution/test/cluster"
	"kubernaut.ai/workflowexecution/test/machine"
)

const (
	// EnvReleases names the environment variable with the folder of the releases, on a machine of its own.
	EnvReleases = "WORKFLOWEXECUTION_RELEASES"

	// Deployments is the label of those that config/ has.
	Deployments = "app.kubernetes.io/part-of=kubernaut"
)

// NodeWorld is a cluster with real nodes, and the product installed in it.
type NodeWorld struct {
	Root    string
	Cluster *cluster.Cluster
	Clients
}

// RunTestsOnNodes is the body of a TestMain whose tests share a cluster with real nodes and the product installed as
// users install it, from a release of the source as it is. Other releases are made too, but not installed. The tests
// run on a machine of its own, so TestMain has to call machine.Init first. Before anything is installed, use gets the
// world; the tests do not run if it returns an error.
func RunTestsOnNodes(m interface{ Run() int }, root string, nodes int, use func(*NodeWorld) error, others ...Source) (exitCode int) {
	options := cluster.Options{Root: root, Nodes: nodes, Progress: os.Stderr}
	if !machine.Inside() {
		ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer cancel()
		exitCode, err := enterWithTools(ctx, options, others)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return max(exitCode, 1)
		}
		return exitCode
	}
	options.Dir = machine.Folder()
	tests := &preparedTests{tests: m}
	return cluster.RunTests(tests, options, func(c *cluster.Cluster) {
		w := &NodeWorld{Root: root, Cluster: c}
		tests.err = w.prepare(context.Background(), use)
	})
}

func (w *NodeWorld) prepare(ctx context.Context, use func(*NodeWorld) error) error {
	if err := w.connectTo(w.Cluster.Config()); err != nil {
		return err
	}
	if err := use(w); err != nil {
		return err
	}
	return Release(ctx, w.Cluster, ReleaseFolder(Current.Version))
}

// enterWithTools builds the programs that the commands of the documentation want, too. Inside nothing can be built.
func enterWithTools(ctx context.Context, o cluster.Options, others []Source) (exitCode int, err error) {
	if _, err := cluster.Tool(ctx, o, "tkn"); err != nil {
		return 0, err
	}
	if _, err := cluster.SigningProgram(ctx, o); err != nil {
		return 0, err
	}
	return EnterMachine(ctx, o, machine.Options{}, others...)
}

// EnterMachine builds what the nodes need and a release of the source as it is and of others, and runs this program
// again on a machine of its own, where ReleaseFolder finds them.
func EnterMachine(ctx context.Context, o cluster.Options, m machine.Options, others ...Source) (exitCode int, err error) {
	if _, err := cluster.BuildNodes(ctx, o); err != nil {
		return 0, err
	}
	folder, err := os.MkdirTemp("", "workflowexecution-releases-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(folder)
	for _, source := range append([]Source{Current}, others...) {
		if err := BuildRelease(ctx, o, source, filepath.Join(folder, source.Version)); err != nil {
			return 0, err
		}
	}
	m.Env = append(m.Env, EnvReleases+"="+folder)
	m.Keep = append(m.Keep, "logs")
	return machine.Enter(ctx, m)
}

// Kubectl runs kubectl as the administrator and returns all that it said.
func Kubectl(ctx context.Context, c *cluster.Cluster, args ...string) (string, error) {
	words := append([]string{"--kubeconfig", c.Kubeconfig()}, args...)
	output, err := exec.CommandContext(ctx, c.Program("kubectl"), words...).CombinedOutput()
	if err != nil {
		return string(output), fmt.Errorf("kubectl %v: %w\n%s", args, err, output)
	}
	return string(output), nil
}
