// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package failure

import (
	"encoding/json"

	corev1 "k8s.io/api/core/v1"
)

// mark is what Tekton's entrypoint says in a container's termination message of the step that it was to
// execute.
type mark int

const (
	// markNone proves nothing: an entrypoint that was killed could not write.
	markNone mark = iota
	markStarted
	// markSkipped comes with a start as well: the entrypoint's own, not that of the step.
	markSkipped
)

// Reasons that the entrypoint gives for the end of a step, beside those of the kubelet.
const (
	skippedStep     = "Skipped"
	continuedStep   = "Continued"
	timeoutExceeded = "TimeoutExceeded"
	cancelledStep   = "Cancelled"
)

func markOf(end *corev1.ContainerStateTerminated) mark {
	if end == nil {
		return markNone
	}
	var results []struct{ Key, Value string }
	if json.Unmarshal([]byte(end.Message), &results) != nil {
		return markNone
	}
	found := markNone
	for _, result := range results {
		switch {
		case result.Key == "Reason" && result.Value == skippedStep:
			return markSkipped
		case result.Key == "StartedAt":
			found = markStarted
		}
	}
	return found
}

// terminationReason is the entrypoint's reason for the end of a step, empty if it gave none.
func terminationReason(end *corev1.ContainerStateTerminated) string {
	if end == nil {
		return ""
	}
	var results []struct{ Key, Value string }
	if json.Unmarshal([]byte(end.Message), &results) != nil {
		return ""
	}
	for _, result := range results {
		if result.Key == "Reason" {
			return result.Value
		}
	}
	return ""
}
