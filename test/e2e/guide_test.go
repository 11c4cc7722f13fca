// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/tools/clientcmd"

	"kubernaut.ai/workflowexecution/test/cluster"
)

// guidePatience is for all commands of a block together, on a machine that has other things to do.
const guidePatience = 10 * time.Minute

// guide is a folder in which the commands of the documentation do what they do at the top of the repository.
type guide struct {
	dir string
	// own puts what is there in the place of what the documentation has for an example.
	own *strings.Replacer
	env []string
}

// newGuide makes a guide whose kubectl works in a namespace. In all files and commands, the registry takes the place of
// that of the documentation, and the second of each two further words that of the first.
func newGuide(t *testing.T, namespace string, replace ...string) *guide {
	t.Helper()
	g := &guide{dir: t.TempDir(), own: strings.NewReplacer(append(replace, "registry.example.com", w.Cluster.Registry())...)}
	kubeconfig := filepath.Join(g.dir, "kubeconfig")
	g.env = append(os.Environ(), "HOME="+g.dir, "KUBECONFIG="+kubeconfig, "PATH="+g.bin()+":"+os.Getenv("PATH"))
	config, err := clientcmd.LoadFromFile(w.Cluster.Kubeconfig())
	if err != nil {
		t.Fatal(err)
	}
	config.Contexts[config.CurrentContext].Namespace = namespace
	if err := clientcmd.WriteToFile(*config, kubeconfig); err != nil {
		t.Fatal(err)
	}
	options := cluster.Options{Root: w.Root}
	tkn, err := cluster.Tool(t.Context(), options, "tkn")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := cluster.SigningProgram(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	for name, program := range map[string]string{"kubectl": w.Cluster.Program("kubectl"), "tkn": tkn, "sign-workflow": signer} {
		g.link(t, name, program)
	}
	return g
}

func (g *guide) bin() string { return filepath.Join(g.dir, "bin") }

func (g *guide) link(t *testing.T, name, program string) {
	t.Helper()
	if err := os.MkdirAll(g.bin(), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(program, filepath.Join(g.bin(), name)); err != nil {
		t.Fatal(err)
	}
}

// bring copies files of the repository, given by their paths in it.
func (g *guide) bring(t *testing.T, files ...string) {
	t.Helper()
	for _, file := range files {
		content, err := os.ReadFile(filepath.Join(w.Root, file))
		if err != nil {
			t.Fatal(err)
		}
		g.write(t, file, string(content))
	}
}

func (g *guide) write(t *testing.T, file, content string) {
	t.Helper()
	path := filepath.Join(g.dir, file)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(g.own.Replace(content)), 0o600); err != nil {
		t.Fatal(err)
	}
}

// follow runs the commands of a document's first block for a shell after a text.
func (g *guide) follow(t *testing.T, document, after string) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(w.Root, document))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(content), after)
	block := shellBlock.FindStringSubmatch(rest)
	if !found || block == nil {
		t.Fatalf("%s has no commands after %q", document, after)
	}
	g.run(t, block[1])
}

var shellBlock = regexp.MustCompile("(?s)```sh\n(.*?)```")

// run runs commands until the first one that fails. The programs of this repository are there: go builds none.
func (g *guide) run(t *testing.T, script string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), guidePatience)
	defer cancel()
	command := exec.CommandContext(ctx, "sh", "-euxc", g.own.Replace(goCommands.ReplaceAllString(script, "")))
	command.Dir, command.Env = g.dir, g.env
	output, err := command.CombinedOutput()
	t.Logf("%s", output)
	if err != nil {
		t.Fatal(err)
	}
}

var goCommands = regexp.MustCompile(`(?m)^go .*\n`)
