// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package architecture

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func page(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "docs", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestEveryPackageIsDocumented compares the table of docs/development.md with what there is. An entry that ends in /...
// stands for all packages below it.
func TestEveryPackageIsDocumented(t *testing.T) {
	_, section, _ := strings.Cut(page(t, "development.md"), "\n## Packages\n")
	section, _, _ = strings.Cut(section, "\n## ")
	named := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| (`[^|]*) \\|").FindAllStringSubmatch(section, -1) {
		for name := range strings.SplitSeq(row[1], ", ") {
			named[strings.Trim(name, "`")] = false
		}
	}
	for _, p := range packages(t) {
		if covering := coveredBy(p.name(), named); covering == "" {
			t.Errorf("docs/development.md does not name the package %s", p.name())
		} else {
			named[covering] = true
		}
	}
	for name, exists := range named {
		if !exists {
			t.Errorf("docs/development.md names %s, which is no package", name)
		}
	}
}

func coveredBy(name string, named map[string]bool) string {
	if _, ok := named[name]; ok {
		return name
	}
	for pattern := range named {
		if folder, all := strings.CutSuffix(pattern, "/..."); all && isUnder(name, folder) {
			return pattern
		}
	}
	return ""
}

// TestCitationsOfTheDesign: what the code cites has to be there.
func TestCitationsOfTheDesign(t *testing.T) {
	headings := map[string]bool{}
	for _, heading := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(page(t, "design.md"), -1) {
		headings[heading[1]] = true
	}
	cites, found := regexp.MustCompile(`docs/design\.md(?:,\s+"([^"]*)")?`), 0
	for _, s := range written(t) {
		if strings.HasPrefix(s.name, "test/architecture/") {
			continue
		}
		for _, group := range s.file.Comments {
			for _, citation := range cites.FindAllStringSubmatch(group.Text(), -1) {
				found++
				if !headings[citation[1]] {
					t.Errorf("%s cites the heading %q, which docs/design.md does not have", s.at(group), citation[1])
				}
			}
		}
	}
	if found < 10 {
		t.Errorf("found only %d citations", found)
	}
}
