// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package install

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"

	"kubernaut.ai/workflowexecution/test/cluster"
	"kubernaut.ai/workflowexecution/test/images"
	"kubernaut.ai/workflowexecution/test/machine"
)

const (
	// EnvRelease names the environment variable with the folder of the release, on a machine of its own.
	EnvRelease = "WORKFLOWEXECUTION_RELEASE"

	releaseManifest = "workflowexecution.yaml"
	releaseImages   = "images"

	// Deployments is the label of those that config/ has.
	Deployments = "app.kubernetes.io/part-of=kubernaut"
)

// NodeWorld is a cluster with real nodes and the product installed in it.
type NodeWorld struct {
	Root    string
	Cluster *cluster.Cluster
	// Release is the folder with the release that is installed.
	Release string
	Clients
}

// RunTestsOnNodes is the body of a TestMain whose tests share a cluster with real nodes and the product installed as
// users install it, from a release. The tests run on a machine of its own, so TestMain has to call machine.Init first.
func RunTestsOnNodes(m interface{ Run() int }, root string, nodes int, use func(*NodeWorld)) (exitCode int) {
	options := cluster.Options{Root: root, Nodes: nodes, Progress: os.Stderr}
	if !machine.Inside() {
		ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer cancel()
		exitCode, err := EnterMachine(ctx, options, machine.Options{})
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return max(exitCode, 1)
		}
		return exitCode
	}
	options.Dir = machine.Folder()
	tests := &preparedTests{tests: m}
	return cluster.RunTests(tests, options, func(c *cluster.Cluster) {
		w := &NodeWorld{Root: root, Cluster: c, Release: os.Getenv(EnvRelease)}
		if tests.err = w.connectTo(c.Config()); tests.err == nil {
			tests.err = Release(context.Background(), c, w.Release)
		}
		use(w)
	})
}

// EnterMachine builds what the nodes need and a release of the product, and runs this program again on a machine of
// its own, where Release finds it.
func EnterMachine(ctx context.Context, o cluster.Options, m machine.Options) (exitCode int, err error) {
	if _, err := cluster.BuildNodes(ctx, o); err != nil {
		return 0, err
	}
	folder, err := os.MkdirTemp("", "workflowexecution-release-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(folder)
	if err := BuildRelease(ctx, o, folder); err != nil {
		return 0, err
	}
	m.Env = append(m.Env, EnvRelease+"="+folder)
	m.Keep = append(m.Keep, "logs")
	return machine.Enter(ctx, m)
}

// BuildRelease makes a release into a folder: the manifests and the images that they name in the registry of a
// cluster with real nodes.
func BuildRelease(ctx context.Context, o cluster.Options, folder string) (err error) {
	ko, err := cluster.Tool(ctx, o, "ko")
	if err != nil {
		return err
	}
	registry, err := images.NewRegistry("127.0.0.1:0", filepath.Join(folder, "blobs"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, registry.Close()) }()
	base, err := images.Base()
	if err != nil {
		return err
	}
	baseImage, err := images.Push(ctx, registry.Address()+"/base:latest", base)
	if err != nil {
		return err
	}
	manifests, err := images.Ko{
		Program: ko, Dir: o.Root, Manifests: []string{configFolder},
		Repository: registry.Address() + "/workflowexecution", BaseImage: baseImage.String(),
		Env:   []string{cluster.CompilerGC},
		Flags: []string{"--insecure-registry", "--sbom=none"},
	}.Resolve(ctx)
	if err != nil {
		return err
	}
	places := cluster.ImagesIn(manifests, registry.Address())
	if err := cluster.SaveImages(ctx, registry.Address(), filepath.Join(folder, releaseImages), places); err != nil {
		return err
	}
	manifests = bytes.ReplaceAll(manifests, []byte(registry.Address()), []byte(cluster.NodeRegistry()))
	return os.WriteFile(filepath.Join(folder, releaseManifest), manifests, 0o644)
}

// Release installs a release as its users do, with kubectl, and waits until it is available.
func Release(ctx context.Context, c *cluster.Cluster, folder string) error {
	if err := c.LoadImages(ctx, filepath.Join(folder, releaseImages)); err != nil {
		return err
	}
	if _, err := Kubectl(ctx, c, "apply", "-f", filepath.Join(folder, releaseManifest)); err != nil {
		return err
	}
	return c.AwaitDeployments(ctx, Deployments)
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
