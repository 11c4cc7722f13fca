// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package workflowexecution

import (
	"strings"
	"testing"
	"time"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	"k8s.io/apimachinery/pkg/runtime"
	rtesting "knative.dev/pkg/reconciler/testing"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	given "kubernaut.ai/workflowexecution/pkg/reconciler/testing"
)

// Tekton repeats a whole parameter in the message of a run. What the API server would not store any more would
// never end.
func TestLongTexts(t *testing.T) {
	long := "invalid value: " + strings.Repeat("x", 250<<10)
	short := long[:4096-len("… (cut)")] + "… (cut)"
	says := func(message string) v1alpha1.PipelineRunStatusSummary {
		summary := working(0)
		summary.Message = message
		return summary
	}
	workflow := given.Run(execution(), given.Running(time.Minute), func(run *tektonv1.PipelineRun) {
		run.Status.Conditions[0].Message = long
	})
	over := func(message string) *v1alpha1.WorkflowExecution {
		details := taskFailed()
		details.Message, details.NaturalLanguageSummary = message, "Workflow restart failed"
		return endedBadly(details, given.Released, given.Audited)
	}
	run(t, rtesting.TableTest{{
		Name:              "of Tekton",
		Objects:           []runtime.Object{running(), workflow, given.LockLease(execution(), time.Minute)},
		OtherTestData:     given.With(given.Requeues(29 * time.Minute)),
		WantStatusUpdates: status(execution(given.Started(time.Minute), given.Mirroring(says(short)))),
	}, {
		// The same text is no change.
		Name: "of Tekton, stored",
		Objects: []runtime.Object{
			execution(given.Started(time.Minute), given.Mirroring(says(short))), workflow, given.LockLease(execution(), time.Minute),
		},
		OtherTestData: given.With(given.Requeues(29 * time.Minute)),
	}, {
		// An earlier version had no limits.
		Name:              "stored by an earlier version",
		Objects:           []runtime.Object{over(long)},
		WantStatusUpdates: status(over(short)),
	}})
}
