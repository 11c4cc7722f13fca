// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package images

import (
	"archive/tar"
	"errors"
	"io"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
)

func TestBaseIsTheSameEachTime(t *testing.T) {
	var digests []v1.Hash
	for range 2 {
		base, err := Base()
		if err != nil {
			t.Fatal(err)
		}
		digest, err := base.Digest()
		if err != nil {
			t.Fatal(err)
		}
		digests = append(digests, digest)
	}
	if digests[0] != digests[1] {
		t.Errorf("two digests: %s", digests)
	}
}

func TestImageHasFilesFoldersAndLinks(t *testing.T) {
	image, err := Image(v1.Config{},
		File{Path: "/tmp/", Mode: 0o777 | os.ModeSticky},
		File{Path: "/usr/bin/tool", Content: []byte("x")},
		File{Path: "/usr/bin/sh", Link: "tool"},
		File{Path: "/etc/passwd", Mode: 0o644},
	)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"dtrwxrwxrwx tmp", "drwxr-xr-x usr", "drwxr-xr-x usr/bin", "-rwxr-xr-x usr/bin/tool", "Lrwxr-xr-x usr/bin/sh -> tool",
		"drwxr-xr-x etc", "-rw-r--r-- etc/passwd",
	}
	if diff := cmp.Diff(want, listing(t, image)); diff != "" {
		t.Error("listing (-want, +got):", diff)
	}
}

func TestImagesAreOfThisMachinesPlatform(t *testing.T) {
	base, err := Base()
	if err != nil {
		t.Fatal(err)
	}
	config, err := base.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if !config.Platform().Satisfies(Platform()) || config.Config.User != "65532:65532" {
		t.Errorf("platform %s, user %q", config.Platform(), config.Config.User)
	}
}

func TestWhatIsPushedCanBePulled(t *testing.T) {
	for name, blobs := range map[string]string{"in memory": "", "on disk": t.TempDir()} {
		t.Run(name, func(t *testing.T) {
			registry, err := NewRegistry("127.0.0.1:0", blobs)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = registry.Close() }()
			base, err := Base()
			if err != nil {
				t.Fatal(err)
			}
			pushed, err := Push(t.Context(), registry.Address()+"/base:latest", base)
			if err != nil {
				t.Fatal(err)
			}
			pulled, err := Pull(t.Context(), pushed.String())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(listing(t, base), listing(t, pulled)); diff != "" {
				t.Error("pushed and pulled:", diff)
			}
		})
	}
}

// listing is the image's file system in the manner of ls.
func listing(t *testing.T, image v1.Image) []string {
	t.Helper()
	reader := mutate.Extract(image)
	defer func() { _ = reader.Close() }()
	var lines []string
	for files := tar.NewReader(reader); ; {
		header, err := files.Next()
		if errors.Is(err, io.EOF) {
			return lines
		}
		if err != nil {
			t.Fatal(err)
		}
		line := header.FileInfo().Mode().String() + " " + header.Name
		if header.Linkname != "" {
			line += " -> " + header.Linkname
		}
		lines = append(lines, line)
	}
}
