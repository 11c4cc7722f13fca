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
	"path/filepath"

	"kubernaut.ai/workflowexecution/test/cluster"
	"kubernaut.ai/workflowexecution/test/images"
	"kubernaut.ai/workflowexecution/test/release"
)

const (
	// repository is the folder for the images of a release, in the registry of a cluster with real nodes.
	repository = "workflowexecution"

	filesFolder  = "files"
	imagesFolder = "images"
)

// Source is what a release is made from.
type Source struct {
	// Version of the release, for example v1.2.3.
	Version string
	// Commit is one of the repository's history; empty is its work tree as it is.
	Commit string
}

// Current is the source as it is.
var Current = Source{Version: "v0.2.0-e2e"}

// ReleaseFolder is where the machine has the release with this version, and its images.
func ReleaseFolder(version string) string { return filepath.Join(os.Getenv(EnvReleases), version) }

// ReleaseManifest is the file of a release that its users apply.
func ReleaseManifest(folder string) string {
	return filepath.Join(folder, filesFolder, release.ManifestFile)
}

// ReleaseImages is the folder with the images of a release, for Cluster.LoadImages.
func ReleaseImages(folder string) string { return filepath.Join(folder, imagesFolder) }

// BuildRelease makes a release as "make release" does, and its images, for the registry of a cluster with real nodes.
func BuildRelease(ctx context.Context, o cluster.Options, source Source, folder string) (err error) {
	root, remove, err := source.checkOut(ctx, o.Root)
	if err != nil {
		return fmt.Errorf("making release %s: %w", source.Version, err)
	}
	defer remove()
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
	if err := release.Make(ctx, release.Options{
		Root: root, Dir: filepath.Join(folder, filesFolder), Version: source.Version,
		Repository: registry.Address() + "/" + repository, BaseImage: baseImage.String(),
		Platforms: []string{images.Platform().String()}, AllowDirty: true,
		// Those of the other programs that tests build, so that what they compiled is used again.
		GoFlags: "-gcflags=all=-dwarf=false",
	}); err != nil {
		return fmt.Errorf("making release %s: %w", source.Version, err)
	}
	return moveImages(ctx, registry.Address(), folder)
}

// moveImages takes the images of a release out of a registry, and names them as the nodes will find them.
func moveImages(ctx context.Context, registry, folder string) error {
	manifests, err := os.ReadFile(ReleaseManifest(folder))
	if err != nil {
		return err
	}
	places := cluster.ImagesIn(manifests, registry)
	if err := cluster.SaveImages(ctx, registry, ReleaseImages(folder), places); err != nil {
		return err
	}
	manifests = bytes.ReplaceAll(manifests, []byte(registry), []byte(cluster.NodeRegistry()))
	return os.WriteFile(ReleaseManifest(folder), manifests, 0o644)
}

// checkOut is the root of the source: the repository's own, or that of a clone at the commit, which remove removes.
func (s Source) checkOut(ctx context.Context, repository string) (root string, remove func(), err error) {
	if s.Commit == "" {
		return repository, func() {}, nil
	}
	if err := git(ctx, repository, "cat-file", "-e", s.Commit+"^{commit}"); err != nil {
		return "", nil, fmt.Errorf("%s has no commit %s, as a clone that is shallow: "+
			"git fetch --unshallow (or fetch-depth: 0 where CI checks it out): %w", repository, s.Commit, err)
	}
	if root, err = os.MkdirTemp("", "workflowexecution-source-"); err != nil {
		return "", nil, err
	}
	remove = func() { _ = os.RemoveAll(root) }
	if err = git(ctx, repository, "clone", "--quiet", "--shared", "--no-checkout", ".", root); err == nil {
		err = git(ctx, root, "checkout", "--quiet", "--detach", s.Commit)
	}
	if err != nil {
		remove()
		return "", nil, err
	}
	return root, remove, nil
}

func git(ctx context.Context, dir string, args ...string) error {
	output, err := exec.CommandContext(ctx, "git", append([]string{"-C", dir}, args...)...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("git %s in %s: %w: %s", args[0], dir, err, bytes.TrimSpace(output))
	}
	return nil
}

// Release installs a release as its users do, with kubectl, and waits until it is available.
func Release(ctx context.Context, c *cluster.Cluster, folder string) error {
	if err := c.LoadImages(ctx, ReleaseImages(folder)); err != nil {
		return err
	}
	if _, err := Kubectl(ctx, c, "apply", "-f", ReleaseManifest(folder)); err != nil {
		return err
	}
	return c.AwaitDeployments(ctx, Deployments)
}
