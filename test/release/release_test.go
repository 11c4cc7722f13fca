// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package release

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kubernaut.ai/workflowexecution/test/cluster"
	"kubernaut.ai/workflowexecution/test/images"
)

const (
	version = "v0.1.0-test.1"
	// goFlags are those of the other programs that tests build, so that what they compiled is used again.
	goFlags = "-gcflags=all=-dwarf=false"
)

// source is this repository.
var source = filepath.Join("..", "..")

// made is a release of this work tree, and the registry with its images.
type made struct {
	Options
	revision revision
	images   []*unpacked
}

// A release is made the way users make it, but for the registry and the base image, and then taken apart.
func TestRelease(t *testing.T) {
	release := makeRelease(t)
	t.Run("runs as somebody else than root", func(t *testing.T) {
		for _, image := range release.images {
			image.checkUser(t)
		}
	})
	t.Run("is small", func(t *testing.T) {
		for _, image := range release.images {
			image.checkSize(t)
		}
	})
	t.Run("knows its version", func(t *testing.T) {
		for _, image := range release.images {
			image.checkVersion(t.Context(), t, version, release.revision.commit)
		}
	})
	t.Run("has the licences of its modules", func(t *testing.T) {
		for _, image := range release.images {
			image.checkLicences(t)
		}
	})
	t.Run("names images by digest", release.checkManifest)
	t.Run("has a list of contents for each image", release.checkContents)
	t.Run("has checksums", func(t *testing.T) { checkChecksums(t, release.Dir) })
	t.Run("is the same from another clone", release.checkReproducible)
}

// What users without a release do: "ko apply -f config/", with nothing in the environment but the registry.
func TestKoBuildsWithoutAVersion(t *testing.T) {
	registry, base := registryWithBase(t)
	program, err := cluster.Tool(t.Context(), cluster.Options{Progress: t.Output()}, "ko")
	if err != nil {
		t.Fatal(err)
	}
	revision, err := revisionOf(t.Context(), source, true)
	if err != nil {
		t.Fatal(err)
	}
	manifests, err := images.Ko{
		Program: program, Dir: source, Manifests: []string{filepath.Join("config", "503-webhook-deployment.yaml")}, Repository: registry,
		BaseImage: base, Env: []string{"VERSION=", "COMMIT=", "GOFLAGS=" + goFlags}, Log: t.Output(),
		Flags: []string{"--platform=" + images.Platform().String()},
	}.Resolve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_, image, found := strings.Cut(string(manifests), "image: ")
	if !found {
		t.Fatalf("no image in\n%s", manifests)
	}
	reference, _, _ := strings.Cut(image, "\n")
	unpack(t, reference).checkVersion(t.Context(), t, "devel", revision.commit)
}

// registryWithBase starts a registry and returns the folder in it for images, and the image to build on.
func registryWithBase(t *testing.T) (folder, base string) {
	t.Helper()
	registry, err := images.NewRegistry("127.0.0.1:0", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = registry.Close() })
	image, err := images.Base()
	if err != nil {
		t.Fatal(err)
	}
	reference, err := images.Push(t.Context(), registry.Address()+"/base:latest", image)
	if err != nil {
		t.Fatal(err)
	}
	return registry.Address() + "/product", reference.String()
}

func makeRelease(t *testing.T) *made {
	t.Helper()
	folder, base := registryWithBase(t)
	m := &made{Options: Options{
		Root: source, Dir: filepath.Join(t.TempDir(), "release"), Version: version, Repository: folder,
		BaseImage: base, Platforms: []string{images.Platform().String()}, AllowDirty: true, GoFlags: goFlags,
		Progress: t.Output(),
	}}
	var err error
	if m.revision, err = revisionOf(t.Context(), source, true); err != nil {
		t.Fatal(err)
	}
	if err := Make(t.Context(), m.Options); err != nil {
		t.Fatal(err)
	}
	for _, reference := range m.references(t) {
		m.images = append(m.images, unpack(t, reference))
	}
	return m
}

// references are the lines of the list of images.
func (m *made) references(t *testing.T) []string {
	t.Helper()
	list := read(t, filepath.Join(m.Dir, ImagesFile))
	references := strings.Fields(list)
	if len(references) != 2 {
		t.Fatalf("%s has %d lines, expected one for the controller and one for the webhook:\n%s", ImagesFile, len(references), list)
	}
	return references
}

func (m *made) checkManifest(t *testing.T) {
	manifest := read(t, filepath.Join(m.Dir, ManifestFile))
	if strings.Contains(manifest, "ko://") {
		t.Error("an image has not been built: there is still a ko://")
	}
	for _, reference := range m.references(t) {
		if !strings.Contains(manifest, "image: "+reference+"\n") {
			t.Errorf("no container has the image %s", reference)
		}
	}
	shipped, err := filepath.Glob(filepath.Join(source, "config", "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, file := range shipped {
		want = append(want, names(t, []byte(read(t, file)))...)
	}
	if diff := cmp.Diff(want, names(t, []byte(manifest))); diff != "" {
		t.Error("objects of config/ (-) and of the release (+):", diff)
	}
	for _, object := range objects(t, []byte(manifest)) {
		if object.GetLabels()[versionLabel] != version {
			t.Errorf("%s %s has the labels %v", object.GetKind(), object.GetName(), object.GetLabels())
		}
	}
}

func (m *made) checkContents(t *testing.T) {
	for _, program := range []string{"workflowexecution", "webhook"} {
		file := program + "-" + strings.ReplaceAll(images.Platform().String(), "/", "-") + ".spdx.json"
		if content := read(t, filepath.Join(m.Dir, file)); !strings.Contains(content, "pkg:golang/k8s.io/client-go@") {
			t.Errorf("%s does not list client-go", file)
		}
	}
}

// The second release comes from another folder, and must not differ in a byte.
func (m *made) checkReproducible(t *testing.T) {
	again := m.Options
	again.Root = clone(t, m.Root)
	again.Dir = filepath.Join(t.TempDir(), "release")
	if err := Make(t.Context(), again); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(read(t, filepath.Join(m.Dir, ChecksumsFile)), read(t, filepath.Join(again.Dir, ChecksumsFile))); diff != "" {
		t.Error("checksums of two releases of one source:", diff)
	}
}

// clone makes another clone of a work tree, with the changes that are not committed yet.
func clone(t *testing.T, root string) string {
	t.Helper()
	copied := filepath.Join(t.TempDir(), "another", "folder")
	command(t.Context(), t, "git", "clone", "--quiet", "--no-checkout", root, copied)
	for file := range strings.SplitSeq(command(t.Context(), t, "git", "-C", root, "ls-files", "-co", "--exclude-standard", "-z"), "\x00") {
		from, to := filepath.Join(root, file), filepath.Join(copied, file)
		info, err := os.Lstat(from)
		if file == "" || os.IsNotExist(err) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, []byte(read(t, from)), info.Mode().Perm()|0o200); err != nil {
			t.Fatal(err)
		}
	}
	command(t.Context(), t, "git", "-C", copied, "reset", "--quiet")
	return copied
}

func checkChecksums(t *testing.T, dir string) {
	t.Helper()
	check := exec.CommandContext(t.Context(), "sha256sum", "--check", "--strict", ChecksumsFile)
	check.Dir = dir
	if out, err := check.CombinedOutput(); err != nil {
		t.Errorf("sha256sum: %v\n%s", err, out)
	}
	sums := read(t, filepath.Join(dir, ChecksumsFile))
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && path != ChecksumsFile && !strings.Contains(sums, "  "+path+"\n") {
			t.Errorf("%s has no checksum", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func command(ctx context.Context, t *testing.T, name string, args ...string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, stderr.String())
	}
	return stdout.String()
}

func read(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}
