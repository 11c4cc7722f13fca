// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package resources

import (
	"fmt"
	"time"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution"
)

// tektonManager as spec.managedBy of a run means the same as none: Tekton.
const tektonManager = "tekton.dev/pipeline"

// IsUnstarted tells whether a run is pending and has never been anything else. One that somebody has set back to pending
// looks like it, but for the generation, which counts the changes of its spec: its tasks run on.
func IsUnstarted(run *tektonv1.PipelineRun) bool {
	return run.IsPending() && run.Generation <= 1 && run.Status.StartTime == nil && len(run.Status.ChildReferences) == 0
}

// Altered says in which field a run that was just created differs from what MakePipelineRun makes of it, as far as that
// decides who starts it; empty if in none.
func Altered(run *tektonv1.PipelineRun) string {
	switch manager := run.Spec.ManagedBy; {
	case manager != nil && *manager != tektonManager:
		return fmt.Sprintf("spec.managedBy is %q instead of unset", *manager)
	case !run.IsPending():
		return fmt.Sprintf("spec.status is %q instead of %q", run.Spec.Status, tektonv1.PipelineRunSpecStatusPending)
	}
	return ""
}

// IsCancelled tells whether somebody has asked the run to end. One that is only stopped lets its running tasks end, which
// may take any time.
func IsCancelled(run *tektonv1.PipelineRun) bool {
	return run.Spec.Status == tektonv1.PipelineRunSpecStatusCancelled || run.Spec.Status == tektonv1.PipelineRunSpecStatusCancelledRunFinally
}

// CancelledAt is when this controller cancelled the run, zero if it did not.
func CancelledAt(run metav1.Object) time.Time {
	at, err := time.Parse(time.RFC3339, run.GetAnnotations()[workflowexecution.CancelledAtAnnotation])
	if err != nil {
		return time.Time{}
	}
	return at
}
