// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
)

// A step that ignores its termination works on when its run is over: the end of the run is one time, and that of the
// work another.
func TestReleasedTimeIsWhenNothingWorksAnyMore(t *testing.T) {
	t.Parallel()
	wfe := submit(t, newExecution(newNamespace(t), "api", pushStubborn(t, 0), withTimeout(3*time.Second)))
	status := awaitPhase(t, wfe, v1alpha1.PhaseFailed).Status
	expect(t, "end of the run", runOf(t, wfe).Status.CompletionTime.Time, status.CompletionTime.Time)
	expect(t, "duration", status.CompletionTime.Sub(status.StartTime.Time), status.Duration.Duration)
	if after := status.ReleasedTime.Sub(status.CompletionTime.Time); after < 2*time.Second {
		t.Errorf("The target was freed %s after the run ended, and its step worked for 4s more", after)
	}

	for name, change := range map[string]func(*v1alpha1.WorkflowExecutionStatus){
		"another": func(status *v1alpha1.WorkflowExecutionStatus) {
			status.ReleasedTime = &metav1.Time{Time: time.Unix(0, 0)}
		},
		"none": func(status *v1alpha1.WorkflowExecutionStatus) { status.ReleasedTime = nil },
	} {
		t.Run(name, func(t *testing.T) {
			_, err := writeStatus(t, world.Executions, wfe, change)
			expectRefusal(t, err, "a target is freed once")
		})
	}
}

// Whoever never had the target freed none.
func TestSkippedHasNoReleasedTime(t *testing.T) {
	t.Parallel()
	image, _ := workflow{}.push(t, bundle(t))
	namespace := newNamespace(t)
	first := awaitPhase(t, submit(t, newExecution(namespace, "api", image)), v1alpha1.PhaseCompleted)
	second := awaitPhase(t, submit(t, newExecution(namespace, "again", image, withTarget(first.Spec.TargetResource))), v1alpha1.PhaseSkipped)
	expect(t, "time of release", nil, second.Status.ReleasedTime)
	third := newExecution(namespace, "other", image, withTarget(first.Spec.TargetResource), withWorkflow("another"))
	next := awaitPhase(t, submit(t, third), v1alpha1.PhaseCompleted)
	if next.Status.StartTime.Before(first.Status.ReleasedTime) {
		t.Errorf("The next one started at %s, before the target was freed at %s", next.Status.StartTime, first.Status.ReleasedTime)
	}
}
