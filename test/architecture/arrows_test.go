// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

// Package architecture holds what no compiler does: which package may know which other one, and how
// long a story may get.
package architecture

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "kubernaut.ai/workflowexecution"

// arrows are the packages of ours that a package may depend on, directly or not. A package belongs to
// the longest entry that it lies under; one without an entry is an error, so that nobody forgets it.
var arrows = map[string][]string{
	"pkg/apis":          {"pkg/apis"},
	"pkg/apierror":      {"pkg/apierror"},
	"pkg/redact":        {"pkg/redact", "pkg/apis"},
	"pkg/targetlock":    {"pkg/apierror", "pkg/targetlock", "pkg/redact", "pkg/apis"},
	"pkg/failure":       {"pkg/apierror", "pkg/failure", "pkg/redact", "pkg/apis"},
	"pkg/audit":         {"pkg/audit", "pkg/redact", "pkg/apis"},
	"pkg/observability": {"pkg/observability", "pkg/redact", "pkg/apis"},
	"pkg/client":        {"pkg/client", "pkg/apis"},
	"pkg/reconciler/workflowexecution": {
		"pkg/reconciler/workflowexecution", "pkg/reconciler/takeover", "pkg/reconciler/pipelinerun", "pkg/reconciler/retry", "pkg/reconciler/events",
		"pkg/targetlock", "pkg/failure", "pkg/audit", "pkg/redact", "pkg/observability", "pkg/client", "pkg/apierror", "pkg/apis",
	},
	"pkg/reconciler/targetlease": {
		"pkg/reconciler/targetlease", "pkg/reconciler/takeover", "pkg/reconciler/pipelinerun", "pkg/reconciler/retry", "pkg/reconciler/events", "pkg/targetlock",
		"pkg/redact", "pkg/client", "pkg/apierror", "pkg/apis",
	},
	"pkg/reconciler/takeover":    {"pkg/apierror", "pkg/reconciler/takeover", "pkg/reconciler/pipelinerun", "pkg/targetlock", "pkg/redact", "pkg/client", "pkg/apis"},
	"pkg/reconciler/pipelinerun": {"pkg/apierror", "pkg/reconciler/pipelinerun", "pkg/targetlock", "pkg/redact", "pkg/apis"},
	"pkg/reconciler/pipelinerun/informers": {
		"pkg/reconciler/pipelinerun/informers", "pkg/reconciler/pipelinerun/resources", "pkg/apis",
	},
	"pkg/reconciler/pipelinerun/resources": {"pkg/reconciler/pipelinerun/resources", "pkg/apis"},
	"pkg/reconciler/retry":                 {"pkg/reconciler/retry"},
	"pkg/reconciler/events":                {"pkg/reconciler/events", "pkg/client", "pkg/apis"},
	// Builders that the tests of the reconcilers share.
	"pkg/reconciler/testing": {
		"pkg/reconciler/testing", "pkg/reconciler/pipelinerun/resources",
		"pkg/targetlock", "pkg/failure", "pkg/audit", "pkg/redact", "pkg/client", "pkg/apierror", "pkg/apis",
	},
	"pkg/version": {"pkg/version"},
	"pkg/startup": {"pkg/startup", "pkg/observability", "pkg/version", "pkg/apis"},
	"pkg/webhook": {"pkg/webhook", "pkg/redact", "pkg/client", "pkg/apis"},
	"cmd":         {"cmd", "pkg"},
	"examples":    {"examples", "pkg"},
	"config":      {"config", "pkg"},
	"test":        {"cmd", "config", "pkg", "test"},
}

// strangers are packages of others that a package of ours must not import itself. What they import in
// turn is not ours to decide: Tekton's types bring half of client-go along.
var strangers = map[string][]string{
	"pkg/apis": {
		"k8s.io/client-go", "knative.dev/pkg/client", "knative.dev/pkg/injection", "github.com/tektoncd/pipeline/pkg/client",
		"knative.dev/pkg/reconciler",
	},
	"pkg/reconciler/pipelinerun/resources": {
		"k8s.io/client-go", "k8s.io/utils/clock", "knative.dev/pkg/client", "knative.dev/pkg/injection", "knative.dev/pkg/controller",
		"github.com/tektoncd/pipeline/pkg/client", "context", "net", "os",
	},
	"pkg/targetlock": {"github.com/tektoncd/pipeline", "knative.dev/pkg/controller", "knative.dev/pkg/reconciler"},
	"pkg/failure":    {"github.com/tektoncd/pipeline/pkg/reconciler", "knative.dev/pkg/controller", "knative.dev/pkg/reconciler"},
	"pkg/audit":      {"github.com/tektoncd/pipeline/pkg/reconciler"},
}

type goPackage struct {
	ImportPath                         string
	Imports, TestImports, XTestImports []string
}

// name is the path inside the module.
func (p goPackage) name() string {
	return strings.TrimPrefix(p.ImportPath, module+"/")
}

func packages(t *testing.T) map[string]goPackage {
	t.Helper()
	command := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports,TestImports,XTestImports", "./...")
	command.Dir = root
	output, err := command.Output()
	if err != nil {
		if failed := (*exec.ExitError)(nil); errors.As(err, &failed) {
			t.Fatalf("go list: %v\n%s", err, failed.Stderr)
		}
		t.Fatal("go list:", err)
	}
	found := map[string]goPackage{}
	for decoder := json.NewDecoder(bytes.NewReader(output)); ; {
		var p goPackage
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(p.ImportPath, module+"/") {
			found[p.ImportPath] = p
		}
	}
	if len(found) < 10 {
		t.Fatalf("go list found only %d packages of ours", len(found))
	}
	return found
}

func isUnder(name, folder string) bool {
	return name == folder || strings.HasPrefix(name, folder+"/")
}

func isUnderAny(name string, folders []string) bool {
	return slices.ContainsFunc(folders, func(folder string) bool { return isUnder(name, folder) })
}

// dependencies are the packages of ours that a package needs, with one way that leads there.
func dependencies(all map[string]goPackage, from goPackage) map[string]string {
	ways := map[string]string{from.ImportPath: from.name()}
	for queue := []goPackage{from}; len(queue) > 0; queue = queue[1:] {
		for _, path := range queue[0].Imports {
			if next, ours := all[path]; ours && ways[path] == "" {
				ways[path] = ways[queue[0].ImportPath] + " -> " + next.name()
				queue = append(queue, next)
			}
		}
	}
	return ways
}

func allowed(name string) ([]string, bool) {
	longest := ""
	for folder := range arrows {
		if isUnder(name, folder) && len(folder) > len(longest) {
			longest = folder
		}
	}
	return arrows[longest], longest != ""
}

func TestArrowsGoDown(t *testing.T) {
	all := packages(t)
	for _, from := range all {
		targets, known := allowed(from.name())
		if !known {
			t.Errorf("say in the table of arrows what %s may depend on", from.name())
			continue
		}
		for path, way := range dependencies(all, from) {
			if !isUnderAny(all[path].name(), targets) {
				t.Errorf("%s must not depend on %s: %s", from.name(), all[path].name(), way)
			}
		}
	}
}

func TestStrangersStayOutside(t *testing.T) {
	for _, p := range packages(t) {
		for folder, refused := range strangers {
			if !isUnder(p.name(), folder) {
				continue
			}
			for _, path := range p.Imports {
				if isUnderAny(path, refused) {
					t.Errorf("%s must not import %s", p.name(), path)
				}
			}
		}
	}
}

// TestNobodyImportsTests counts tests in: what tests share lies under test/, and so do its users.
func TestNobodyImportsTests(t *testing.T) {
	for _, p := range packages(t) {
		if isUnder(p.name(), "test") {
			continue
		}
		for _, path := range slices.Concat(p.Imports, p.TestImports, p.XTestImports) {
			if isUnder(path, module+"/test") {
				t.Errorf("%s imports %s", p.name(), path)
			}
		}
	}
}
