// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build unix

package examples_test

import (
	"testing"
)

const (
	namespaceIsThere = "*namespace/shop*) echo shop ;;\n"
	// deletedByUID answers as the API server does: only to a request for the UID that the pod has.
	deletedByUID = "delete\\ --raw=/api/v1/namespaces/shop/pods/web-[12]\\ --filename=-)\n" +
		`  number="${2##*/web-}"; grep -qx '{"kind":"DeleteOptions","apiVersion":"v1","preconditions":{"uid":"uid-'"$number"'"}}' ;;`
	evictedPods = "*get\\ pods*) printf 'web-1/uid-1 web-2/uid-2 ' ;;\n"
)

func TestEvictedPodsAreDeletedByUID(t *testing.T) {
	for _, row := range []struct {
		name, answers string
		code          int
		verbs, says   string
	}{
		{
			name: "two", answers: namespaceIsThere + evictedPods + deletedByUID,
			verbs: "delete delete", says: "deleted 2 evicted pods of namespace shop",
		},
		{name: "none", answers: namespaceIsThere, says: "deleted 0 evicted pods of namespace shop"},
		{name: "no such namespace", answers: "*namespace/shop*) exit 1 ;;\n" + evictedPods, code: 1},
		{name: "a list that is refused", answers: namespaceIsThere + "*get\\ pods*) exit 1 ;;", code: 1},
		{
			name: "one is gone, or there is another of its name", verbs: "delete delete",
			answers: namespaceIsThere + evictedPods + "*get*pod\\ --\\ web-1) echo uid-9 ;;\ndelete*web-1*) exit 1 ;;",
			says:    "pod web-1 is gone already\ndeleted 1 evicted pods of namespace shop",
		},
		{
			name: "a deletion that is refused", code: 1, verbs: "delete",
			answers: namespaceIsThere + evictedPods + "*get*pod\\ --\\ web-1) echo uid-1 ;;\ndelete*) exit 1 ;;",
			says:    "pod web-1 of shop cannot be deleted",
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			inEachShell(t, func(t *testing.T, shell []string) {
				s := step{folder: "delete-evicted-pods", task: "delete", answers: row.answers, env: map[string]string{targetParameter: "namespace/shop"}}
				s.run(t, shell).want(t, row.code, row.verbs, row.says)
			})
		})
	}
}
