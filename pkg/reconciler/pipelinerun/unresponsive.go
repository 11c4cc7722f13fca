// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package pipelinerun

import (
	"fmt"
	"strings"
	"time"
)

// unresponsiveAfter is how long after the end of its grace a pod that was asked to end may go unheard of, before
// its node is taken for one that does not answer.
const unresponsiveAfter = 30 * time.Second

// Unresponsive names the pods that should have ended long ago, with their nodes, empty if there are none. The
// other ones will be overdue after the given time, which nothing announces; 0 if there are no others.
func (m Leftovers) Unresponsive(now time.Time) (overdue string, next time.Duration) {
	var names []string
	for _, pod := range m.pods {
		if pod.DeletionTimestamp == nil {
			continue
		}
		remaining := pod.DeletionTimestamp.Add(unresponsiveAfter).Sub(now)
		switch {
		case remaining <= 0:
			names = append(names, fmt.Sprintf("pod %s on node %s", pod.Name, pod.Spec.NodeName))
		case next == 0 || remaining < next:
			next = remaining
		}
	}
	return strings.Join(names, ", "), next
}
