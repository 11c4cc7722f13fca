// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"bytes"
	"context"
	"debug/elf"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"kubernaut.ai/workflowexecution/test/images"
)

const (
	busybox    = "busybox"
	pauseImage = "pause:latest"
	// ShellImage is an image with busybox, its sh among it, and kubectl, in the registry of a cluster with real nodes.
	// It is nobody's user (65532).
	ShellImage = "tools/kubectl:v1"
	baseImage  = "base:latest"
)

// ownImages are those of the nodes and of workflows, by their places in the registry.
func ownImages(ctx context.Context, root, kubectl string) (map[string]v1.Image, error) {
	pause, err := pauseOf(ctx, root)
	if err != nil {
		return nil, err
	}
	shell, err := shellOf(ctx, kubectl)
	if err != nil {
		return nil, err
	}
	base, err := images.Base()
	return map[string]v1.Image{pauseImage: pause, ShellImage: shell, baseImage: base}, err
}

func pauseOf(ctx context.Context, root string) (v1.Image, error) {
	dir, err := os.MkdirTemp("", "pause-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "pause")
	if _, err := goCommand(ctx, root, "build", "-trimpath", "-ldflags=-s -w", "-o", path, "./test/cluster/pause"); err != nil {
		return nil, err
	}
	program, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return images.Image(v1.Config{User: "65532:65532", Entrypoint: []string{"/pause"}}, images.File{Path: "/pause", Content: program})
}

func shellOf(ctx context.Context, kubectl string) (v1.Image, error) {
	box, applets, err := readBusybox(ctx)
	if err != nil {
		return nil, err
	}
	client, err := os.ReadFile(kubectl)
	if err != nil {
		return nil, err
	}
	files := []images.File{
		{Path: "/tmp/", Mode: 0o777 | os.ModeSticky},
		{Path: "/etc/passwd", Mode: 0o644, Content: []byte("root:x:0:0:root:/root:/bin/sh\nnonroot:x:65532:65532:nonroot:/tmp:/bin/sh\n")},
		{Path: "/bin/busybox", Content: box},
		{Path: "/usr/bin/kubectl", Content: client},
	}
	for _, applet := range applets {
		if applet != busybox {
			files = append(files, images.File{Path: "/bin/" + applet, Link: "/bin/busybox"})
		}
	}
	config := v1.Config{User: "65532:65532", WorkingDir: "/tmp", Env: []string{"PATH=/usr/bin:/bin", "HOME=/tmp"}, Cmd: []string{"/bin/sh"}}
	return images.Image(config, files...)
}

// readBusybox reads the machine's busybox, which has to bring its libraries with it, and the names it answers to.
func readBusybox(ctx context.Context) (content []byte, applets []string, err error) {
	path, err := exec.LookPath(busybox)
	if err != nil {
		return nil, nil, err
	}
	if content, err = os.ReadFile(path); err != nil {
		return nil, nil, err
	}
	file, err := elf.NewFile(bytes.NewReader(content))
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	for _, program := range file.Progs {
		if program.Type == elf.PT_INTERP {
			return nil, nil, fmt.Errorf("%s needs libraries that an image does not have; on Debian: apt-get install busybox-static", path)
		}
	}
	list, err := exec.CommandContext(ctx, path, "--list").Output()
	return content, strings.Fields(string(list)), err
}
