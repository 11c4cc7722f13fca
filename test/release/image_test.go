// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package release

import (
	"archive/tar"
	"context"
	"debug/buildinfo"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"

	"kubernaut.ai/workflowexecution/test/images"
)

const (
	licences = "var/run/ko/licenses/"
	// maxCompressed is some space above the 23 MB of the larger image, in bytes.
	maxCompressed = 30 << 20
)

// unpacked is the image of a program, pulled and unpacked.
type unpacked struct {
	reference string
	config    v1.Config
	// files are the paths of everything in it.
	files []string
	// program is the entrypoint, as a file of this machine.
	program    string
	compressed int64
}

func unpack(t *testing.T, reference string) *unpacked {
	t.Helper()
	image, err := images.Pull(t.Context(), reference)
	if err != nil {
		t.Fatal(err)
	}
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	u := &unpacked{reference: reference, config: config.Config}
	if len(u.config.Entrypoint) != 1 {
		t.Fatalf("%s has the entrypoint %q, expected one path", reference, u.config.Entrypoint)
	}
	u.readFiles(t, image)
	layers, err := image.Layers()
	if err != nil {
		t.Fatal(err)
	}
	for _, layer := range layers {
		size, err := layer.Size()
		if err != nil {
			t.Fatal(err)
		}
		u.compressed += size
	}
	return u
}

func (u *unpacked) readFiles(t *testing.T, image v1.Image) {
	t.Helper()
	entrypoint := strings.TrimPrefix(u.config.Entrypoint[0], "/")
	reader := mutate.Extract(image)
	defer func() { _ = reader.Close() }()
	for files := tar.NewReader(reader); ; {
		header, err := files.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimPrefix(header.Name, "/")
		u.files = append(u.files, name)
		if header.Typeflag == tar.TypeSymlink || header.Typeflag == tar.TypeLink {
			t.Errorf("%s has a link: %s -> %s", u.reference, name, header.Linkname)
		}
		if name == entrypoint {
			u.program = filepath.Join(t.TempDir(), filepath.Base(name))
			content, err := io.ReadAll(files)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(u.program, content, 0o700); err != nil {
				t.Fatal(err)
			}
		}
	}
	if u.program == "" {
		t.Fatalf("%s has no file at its entrypoint %s", u.reference, entrypoint)
	}
}

func (u *unpacked) checkUser(t *testing.T) {
	t.Helper()
	user, _, _ := strings.Cut(u.config.User, ":")
	if user == "" || user == "0" || strings.Trim(user, "0123456789") != "" {
		t.Errorf("%s runs as %q; runAsNonRoot wants a number that is not 0", u.reference, u.config.User)
	}
}

func (u *unpacked) checkSize(t *testing.T) {
	t.Helper()
	t.Logf("%s has %.1f MB compressed", u.reference, float64(u.compressed)/1e6)
	if u.compressed > maxCompressed {
		t.Errorf("%s has %d bytes compressed, more than %d", u.reference, u.compressed, maxCompressed)
	}
}

// checkVersion asks the program itself.
func (u *unpacked) checkVersion(ctx context.Context, t *testing.T, version, commit string) {
	t.Helper()
	out, err := exec.CommandContext(ctx, u.program, "--version").CombinedOutput()
	if err != nil {
		t.Fatalf("%s --version: %v\n%s", u.config.Entrypoint[0], err, out)
	}
	for _, want := range []string{version, commit} {
		if !strings.Contains(string(out), want) {
			t.Errorf("%s --version says %q, expected %s in it", u.config.Entrypoint[0], out, want)
		}
	}
}

// checkLicences wants a licence of each module that the program is made of, and of no others.
func (u *unpacked) checkLicences(t *testing.T) {
	t.Helper()
	info, err := buildinfo.ReadFile(u.program)
	if err != nil {
		t.Fatal(err)
	}
	var modules []string
	for _, module := range info.Deps {
		modules = append(modules, module.Path)
		if !slices.ContainsFunc(u.files, func(file string) bool { return strings.HasPrefix(file, licences+module.Path+"/") }) {
			t.Errorf("%s has no licence of %s", u.reference, module.Path)
		}
	}
	for _, file := range u.files {
		path, ok := strings.CutPrefix(file, licences)
		if ok && strings.Contains(strings.ToUpper(filepath.Base(path)), "LICENSE") &&
			!slices.ContainsFunc(modules, func(module string) bool { return strings.HasPrefix(path, module+"/") }) {
			t.Errorf("%s has a licence of something that its program does not contain: %s", u.reference, path)
		}
	}
}
