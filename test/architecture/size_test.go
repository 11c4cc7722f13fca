// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package architecture

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const (
	root = "../.."

	maxFile      = 300
	maxTestFile  = 600
	maxReconcile = 60
)

type source struct {
	name  string
	file  *ast.File
	files *token.FileSet
}

func (s source) isTest() bool { return strings.HasSuffix(s.name, "_test.go") }

func (s source) lines(node ast.Node) int {
	return s.files.Position(node.End()).Line - s.files.Position(node.Pos()).Line + 1
}

func (s source) length() int { return s.files.File(s.file.Pos()).LineCount() }

func (s source) at(node ast.Node) string {
	return s.name + ":" + strconv.Itoa(s.files.Position(node.Pos()).Line)
}

// written are the Go files of this module that people write: generated ones are as long as they are.
func written(t *testing.T) []source {
	t.Helper()
	var sources []source
	for _, folder := range []string{"cmd", "config", "pkg", "test"} {
		err := filepath.WalkDir(filepath.Join(root, folder), func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || filepath.Ext(path) != ".go" {
				return err
			}
			files := token.NewFileSet()
			file, err := parser.ParseFile(files, path, nil, parser.ParseComments|parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			if name, err := filepath.Rel(root, path); err == nil && !ast.IsGenerated(file) {
				sources = append(sources, source{name: filepath.ToSlash(name), file: file, files: files})
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(sources) < 50 {
		t.Fatalf("found only %d files", len(sources))
	}
	return sources
}

func TestFilesAreShort(t *testing.T) {
	for _, s := range written(t) {
		limit := maxFile
		if s.isTest() {
			limit = maxTestFile
		}
		if got := s.length(); got > limit {
			t.Errorf("%s has %d lines, more than %d", s.name, got, limit)
		}
	}
}

// TestReconcileKindIsAShortStory covers FinalizeKind too, which is the story's other ending.
func TestReconcileKindIsAShortStory(t *testing.T) {
	found := 0
	for _, s := range written(t) {
		if !strings.HasPrefix(s.name, "pkg/reconciler/") || s.isTest() {
			continue
		}
		for _, declaration := range s.file.Decls {
			function, ok := declaration.(*ast.FuncDecl)
			if !ok || function.Recv == nil || function.Name.Name != "ReconcileKind" && function.Name.Name != "FinalizeKind" {
				continue
			}
			found++
			if got := s.lines(function); got > maxReconcile {
				t.Errorf("%s: %s has %d lines, more than %d", s.at(function), function.Name, got, maxReconcile)
			}
		}
	}
	if found == 0 {
		t.Error("there is no ReconcileKind")
	}
}

// TestNobodyLooksAtTheWallClock: time comes through a clock, or the tests of every deadline would
// have to wait for it.
func TestNobodyLooksAtTheWallClock(t *testing.T) {
	clockReaders := []string{"Now", "Since", "Until", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker", "Sleep"}
	for _, s := range written(t) {
		if !strings.HasPrefix(s.name, "pkg/") || s.isTest() {
			continue
		}
		name := importedAs(s.file, "time")
		ast.Inspect(s.file, func(node ast.Node) bool {
			selector, ok := node.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if of, ok := selector.X.(*ast.Ident); ok && name != "" && of.Name == name && slices.Contains(clockReaders, selector.Sel.Name) {
				t.Errorf("%s: time.%s; take the time from a clock", s.at(selector), selector.Sel.Name)
			}
			return true
		})
	}
}

// importedAs is the name of a package in a file, empty if the file does not import it.
func importedAs(file *ast.File, path string) string {
	for _, spec := range file.Imports {
		if spec.Path.Value != strconv.Quote(path) {
			continue
		}
		if spec.Name != nil {
			return spec.Name.Name
		}
		return path[strings.LastIndex(path, "/")+1:]
	}
	return ""
}

// TestTestsDoNotSleepOrSkip: one that sleeps is slow or flaky, one that skips proves nothing. What
// runs a real cluster has to wait for it.
func TestTestsDoNotSleepOrSkip(t *testing.T) {
	for _, s := range written(t) {
		if !s.isTest() || !strings.HasPrefix(s.name, "pkg/") {
			continue
		}
		ast.Inspect(s.file, func(node ast.Node) bool {
			selector, ok := node.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			of, _ := selector.X.(*ast.Ident)
			switch name := selector.Sel.Name; {
			case of == nil:
			case of.Name == "time" && name == "Sleep", of.Name == "t" && slices.Contains([]string{"Skip", "Skipf", "SkipNow"}, name):
				t.Errorf("%s: %s.%s", s.at(selector), of.Name, name)
			}
			return true
		})
	}
}

func TestEveryFileHasItsLicence(t *testing.T) {
	const want = "SPDX-License-Identifier: Apache-2.0"
	for _, s := range written(t) {
		if len(s.file.Comments) == 0 || !strings.Contains(s.file.Comments[0].Text(), want) {
			t.Errorf("%s does not begin with hack/boilerplate.go.txt", s.name)
		}
	}
}
