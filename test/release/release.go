// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package release

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"kubernaut.ai/workflowexecution/test/cluster"
	"kubernaut.ai/workflowexecution/test/images"
)

const (
	// ManifestFile has everything that an installation needs.
	ManifestFile = "workflowexecution.yaml"
	// ImagesFile lists the images by digest, one a line.
	ImagesFile = "images.txt"
	// ChecksumsFile is what "sha256sum --check" reads.
	ChecksumsFile = "SHA256SUMS"
)

// Options says what is released, and where it goes.
type Options struct {
	// Root is the source, a work tree of git.
	Root string
	// Dir is the folder that is made. One that is there already must be empty or have a release in it, which goes.
	Dir string
	// Version of the release, for example v1.2.3.
	Version string
	// Repository is the registry and the folder for the images, for example registry.example.com/kubernaut.
	Repository string
	// BaseImage is the image on which those of the programs are built. Empty means what .ko.yaml says.
	BaseImage string
	// Platforms of the images, for example linux/amd64.
	Platforms []string
	// AllowDirty lets the source differ from the commit that is noted in the programs, with "-dirty" after it.
	AllowDirty bool
	// GoFlags are flags for the Go command beyond those of .ko.yaml. Empty for what users get.
	GoFlags string
	// Progress receives a line for each thing that takes a while; nil is nobody.
	Progress io.Writer
}

// Make builds and pushes the images and writes the release. An error of options names all that are wrong.
func Make(ctx context.Context, o Options) error {
	if err := o.check(); err != nil {
		return err
	}
	revision, err := revisionOf(ctx, o.Root, o.AllowDirty)
	if err != nil {
		return err
	}
	if err := emptyFolder(o.Dir); err != nil {
		return err
	}
	ko, err := o.ko(ctx, revision)
	if err != nil {
		return err
	}
	if err := o.writeManifest(ctx, ko); err != nil {
		return err
	}
	if err := copyParts(filepath.Join(o.Root, "config"), o.Dir, o.Version); err != nil {
		return err
	}
	return writeChecksums(o.Dir)
}

func (o Options) ko(ctx context.Context, revision revision) (images.Ko, error) {
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return images.Ko{}, err
	}
	program, err := cluster.Tool(ctx, cluster.Options{Root: o.Root, Progress: o.Progress}, "ko")
	if err != nil {
		return images.Ko{}, err
	}
	flags := []string{
		"--base-import-paths", "--tags=" + o.Version, "--sbom-dir=" + dir, "--image-refs=" + filepath.Join(dir, ImagesFile),
		"--image-annotation=org.opencontainers.image.version=" + o.Version,
		"--image-annotation=org.opencontainers.image.revision=" + revision.commit,
		"--image-annotation=org.opencontainers.image.licenses=Apache-2.0",
	}
	if len(o.Platforms) > 0 {
		flags = append(flags, "--platform="+strings.Join(o.Platforms, ","))
	}
	return images.Ko{
		Program: program, Dir: o.Root, Repository: o.Repository, BaseImage: o.BaseImage, Flags: flags, Log: o.Progress,
		Env: []string{
			"VERSION=" + o.Version, "COMMIT=" + revision.commit, "GOFLAGS=" + o.GoFlags,
			// The images are as old as the commit, so that two builds of it are the same.
			"SOURCE_DATE_EPOCH=" + strconv.FormatInt(revision.time, 10),
		},
	}, nil
}

func (o Options) writeManifest(ctx context.Context, ko images.Ko) error {
	ko.Manifests = []string{"config"}
	resolved, err := ko.Resolve(ctx)
	if err != nil {
		return err
	}
	if err := sortLines(filepath.Join(o.Dir, ImagesFile)); err != nil {
		return err
	}
	labelled, err := withVersion(resolved, o.Version)
	if err != nil {
		return fmt.Errorf("reading the manifests that ko wrote: %w", err)
	}
	return os.WriteFile(filepath.Join(o.Dir, ManifestFile), labelled, 0o644)
}

// sortLines brings what ko appended in the order of its builds into one that is always the same.
func sortLines(path string) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	lines := strings.Fields(string(content))
	slices.Sort(lines)
	return os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o644)
}

// emptyFolder makes a folder, and takes an earlier release out of it but nothing else.
func emptyFolder(dir string) error {
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, os.ErrNotExist), err == nil && len(entries) == 0:
		return os.MkdirAll(dir, 0o755)
	case err != nil:
		return err
	}
	if _, err := os.Stat(filepath.Join(dir, ManifestFile)); err != nil {
		return fmt.Errorf("%s is neither empty nor a release: it has no %s", dir, ManifestFile)
	}
	return errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o755))
}
