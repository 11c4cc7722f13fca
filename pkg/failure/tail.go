// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package failure

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
)

// maxTailBytes of a log are kept (docs/design.md, "Limits").
const maxTailBytes = v1alpha1.MaxText

// tail is the end of a log as a status can hold it: valid UTF-8 without control characters, whole lines as far
// as they fit. Secrets have to be gone before: half of one is not recognized any more.
func tail(log string) string {
	log = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return -1
		}
		return r
	}, strings.ToValidUTF8(log, "�"))
	log = strings.Trim(log, "\n")
	if len(log) <= maxTailBytes {
		return log
	}
	log = log[len(log)-maxTailBytes:]
	if end := strings.IndexByte(log, '\n'); end >= 0 && end < len(log)-1 {
		return log[end+1:]
	}
	for !utf8.RuneStart(log[0]) {
		log = log[1:]
	}
	return log
}
