// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package failure

import corev1 "k8s.io/api/core/v1"

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
	found := markNone
	for _, result := range entrypointSays(end) {
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
	for _, result := range entrypointSays(end) {
		if result.Key == "Reason" {
			return result.Value
		}
	}
	return ""
}
