// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package images

import (
	"archive/tar"
	"bytes"
	"io"
	"os"
	"path"
	"runtime"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// File is a file, a link or a folder of an image. The folders above it come by themselves.
type File struct {
	// Path in the image, for example /etc/passwd. One that ends with a slash is a folder.
	Path string
	// Mode has the permissions and os.ModeSticky; zero means 0755.
	Mode os.FileMode
	// Link is what a symbolic link points to.
	Link    string
	Content []byte
}

// Platform is that of the images made here: Linux on this machine's architecture.
func Platform() v1.Platform { return v1.Platform{OS: "linux", Architecture: runtime.GOARCH} }

// Image makes an image of one layer. The same files and configuration always give the same digest.
func Image(config v1.Config, files ...File) (v1.Image, error) {
	layer, err := layerOf(files)
	if err != nil {
		return nil, err
	}
	platform := Platform()
	image, err := mutate.ConfigFile(empty.Image, &v1.ConfigFile{
		OS: platform.OS, Architecture: platform.Architecture, Config: config, RootFS: v1.RootFS{Type: "layers"},
	})
	if err != nil {
		return nil, err
	}
	if image, err = mutate.AppendLayers(image, layer); err != nil {
		return nil, err
	}
	return mutate.CreatedAt(image, v1.Time{Time: time.Unix(0, 0).UTC()})
}

// Base is an image with what programs without an operating system expect: a /tmp for everybody, the users root, nonroot
// and user, of which nonroot is the image's own. It has no certificates of public authorities.
func Base() (v1.Image, error) {
	return Image(
		v1.Config{
			User: "65532:65532", WorkingDir: "/",
			Env: []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
		},
		File{Path: "/tmp/", Mode: 0o777 | os.ModeSticky},
		File{Path: "/root/", Mode: 0o700},
		File{Path: "/home/nonroot/", Mode: 0o777},
		File{Path: "/etc/passwd", Mode: 0o644, Content: []byte(
			"root:x:0:0:root:/root:/sbin/nologin\n" +
				"nobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin\n" +
				"nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n")},
		File{Path: "/etc/group", Mode: 0o644, Content: []byte(
			"root:x:0:\nnobody:x:65534:\nnonroot:x:65532:\n")},
	)
}

func layerOf(files []File) (v1.Layer, error) {
	var buffer bytes.Buffer
	writer := tar.NewWriter(&buffer)
	for _, file := range withFolders(files) {
		if err := writer.WriteHeader(headerOf(file)); err != nil {
			return nil, err
		}
		if _, err := writer.Write(file.Content); err != nil {
			return nil, err
		}
	}
	if err := writer.Close(); err != nil {
		return nil, err
	}
	return tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(buffer.Bytes())), nil
	})
}

// withFolders puts before each file the folders above it that are not listed themselves.
func withFolders(files []File) []File {
	given := make([]string, 0, len(files))
	for _, file := range files {
		given = append(given, path.Clean(file.Path))
	}
	var all []File
	for _, file := range files {
		var above []File
		for dir := path.Dir(path.Clean(file.Path)); dir != "/" && dir != "."; dir = path.Dir(dir) {
			if !slices.Contains(given, dir) {
				given = append(given, dir)
				above = append(above, File{Path: dir + "/"})
			}
		}
		slices.Reverse(above)
		all = append(append(all, above...), file)
	}
	return all
}

func headerOf(file File) *tar.Header {
	header := &tar.Header{
		Name:     strings.TrimPrefix(file.Path, "/"),
		Typeflag: tar.TypeReg,
		Mode:     int64(file.Mode.Perm()),
		Size:     int64(len(file.Content)),
		ModTime:  time.Unix(0, 0).UTC(),
		Format:   tar.FormatPAX,
	}
	if file.Mode == 0 {
		header.Mode = 0o755
	}
	if file.Mode&os.ModeSticky != 0 {
		header.Mode |= 0o1000
	}
	switch {
	case file.Link != "":
		header.Typeflag, header.Linkname = tar.TypeSymlink, file.Link
	case strings.HasSuffix(file.Path, "/"):
		header.Typeflag = tar.TypeDir
	}
	return header
}
