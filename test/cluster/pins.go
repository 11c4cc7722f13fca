// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
)

// programNames names the programs whose package name alone does not tell what they are.
var programNames = map[string]string{
	"go.etcd.io/etcd/server/v3":                   "etcd",
	"github.com/tektoncd/pipeline/cmd/controller": tektonController,
	"github.com/tektoncd/pipeline/cmd/resolvers":  tektonResolvers,
	"github.com/tektoncd/pipeline/cmd/webhook":    tektonWebhook,
}

const (
	kubernetesModule = "k8s.io/kubernetes"
	tektonModule     = "github.com/tektoncd/pipeline"
)

// pinned is one folder of third_party: a go.mod whose tool lines are the programs to build.
type pinned struct {
	dir      string
	key      string
	ldflags  string
	programs []pin
	requires map[string]string
}

// pin is one program of a pinned module.
type pin struct {
	name    string
	pkg     string
	version string
}

// onDemand are the pinned programs that a cluster with a simulated node does not need. Build leaves them out, Tool
// builds one of them when somebody asks for it.
var onDemand = []string{"ko", "tkn", "kubelet", "kube-proxy"}

// readPins reads the pins below root, in the versions that the environment chooses.
func readPins(root string) ([]pinned, error) {
	folders, err := pinFolders()
	if err != nil {
		return nil, err
	}
	var all []pinned
	for _, folder := range folders {
		p, err := readPinned(filepath.Join(root, "third_party", folder))
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, nil
}

// withoutOnDemand leaves out what is built on demand only.
func withoutOnDemand(pins []pinned) []pinned {
	var needed []pinned
	for _, module := range pins {
		module.programs = slices.DeleteFunc(slices.Clone(module.programs), func(p pin) bool {
			return slices.Contains(onDemand, p.name)
		})
		if len(module.programs) > 0 {
			needed = append(needed, module)
		}
	}
	return needed
}

func readPinned(dir string) (pinned, error) {
	mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil {
		return pinned{}, err
	}
	sum, err := os.ReadFile(filepath.Join(dir, "go.sum"))
	if err != nil {
		return pinned{}, err
	}
	file, err := modfile.Parse(filepath.Join(dir, "go.mod"), mod, nil)
	if err != nil {
		return pinned{}, err
	}
	p := pinned{dir: dir, requires: map[string]string{}}
	for _, r := range file.Require {
		p.requires[r.Mod.Path] = r.Mod.Version
	}
	for _, tool := range file.Tool {
		p.programs = append(p.programs, pin{name: programName(tool.Path), pkg: tool.Path, version: p.versionOf(tool.Path)})
	}
	if len(p.programs) == 0 {
		return pinned{}, fmt.Errorf("%s has no tool lines", file.Syntax.Name)
	}
	p.ldflags = linkerFlags(p.requires[kubernetesModule])
	p.key = buildKey(mod, sum, p.ldflags)
	return p, nil
}

func programName(pkg string) string {
	if name, ok := programNames[pkg]; ok {
		return name
	}
	return path.Base(pkg)
}

// versionOf is the version of the module with the longest path that holds the package.
func (p pinned) versionOf(pkg string) string {
	for module := pkg; module != "."; module = path.Dir(module) {
		if version, ok := p.requires[module]; ok {
			return version
		}
	}
	return ""
}

// linkerFlags gives the Kubernetes programs their version. Without it an API server reports one that Knative's
// programs cannot parse, and they die at their start.
func linkerFlags(kubernetes string) string {
	flags := []string{"-s", "-w"}
	if kubernetes == "" {
		return strings.Join(flags, " ")
	}
	part := append(strings.SplitN(strings.TrimPrefix(kubernetes, "v"), ".", 3), "", "")
	for _, value := range []string{
		"gitVersion=" + kubernetes, "gitMajor=" + part[0], "gitMinor=" + part[1],
		"gitTreeState=clean", "gitCommit=unknown", "buildDate=1970-01-01T00:00:00Z",
	} {
		flags = append(flags, "-X", "k8s.io/component-base/version."+value)
	}
	return strings.Join(flags, " ")
}

// buildKey changes with everything that can change a built program.
func buildKey(mod, sum []byte, ldflags string) string {
	hash := sha256.New()
	for _, part := range [][]byte{mod, sum, []byte(ldflags), []byte(runtime.Version()), []byte(runtime.GOOS), []byte(runtime.GOARCH)} {
		_, _ = fmt.Fprintf(hash, "%d:%s;", len(part), part)
	}
	return hex.EncodeToString(hash.Sum(nil))[:16]
}
