// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package architecture

import (
	"go/ast"
	"strings"
	"testing"
)

// TestGoneIsWhatTheAPIServerSaysOfAnObject: a 404 may also mean that the API is not served at the moment. What decides
// about targets must not take that for the end of a run.
func TestGoneIsWhatTheAPIServerSaysOfAnObject(t *testing.T) {
	const errorsPackage = "k8s.io/apimachinery/pkg/api/errors"
	looked := 0
	for _, s := range written(t) {
		decides := strings.HasPrefix(s.name, "pkg/reconciler/") || strings.HasPrefix(s.name, "pkg/targetlock/") || strings.HasPrefix(s.name, "pkg/failure/")
		if !decides || s.isTest() {
			continue
		}
		looked++
		name := importedAs(s.file, errorsPackage)
		ast.Inspect(s.file, func(node ast.Node) bool {
			selector, ok := node.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if of, ok := selector.X.(*ast.Ident); ok && name != "" && of.Name == name && selector.Sel.Name == "IsNotFound" {
				t.Errorf("%s: IsNotFound; ask apierror.IsGone", s.at(selector))
			}
			return true
		})
	}
	if looked == 0 {
		t.Error("nothing was looked at")
	}
}
