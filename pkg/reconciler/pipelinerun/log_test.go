// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package pipelinerun

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"
	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	tektonv1beta1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"knative.dev/pkg/logging"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	given "kubernaut.ai/workflowexecution/pkg/reconciler/testing"
)

// What cannot be undone is told, with the execution that it was done for. What came too late is not.
func TestDeedsAreLogged(t *testing.T) {
	pending, running := given.Run(execution()), given.Run(execution(), given.Running(0))
	ended := given.Ago(straggling)
	taskRun, customRun, pod := given.TaskRun(running, "drain"), given.CustomRun(running, "approve"), given.Pod(running, "drain")
	for says, test := range map[string]struct {
		object metav1.Object
		live   *tektonv1.PipelineRun
		does   func(context.Context, *Runs) error
	}{
		"Cancelled a run": {running, running, func(ctx context.Context, r *Runs) error {
			return r.cancel(ctx, running, v1alpha1.FailureCancelled, tektonv1.PipelineRunSpecStatusCancelled)
		}},
		"Deleted a run that had not started":        {pending, pending, func(ctx context.Context, r *Runs) error { return r.DeleteUnstarted(ctx, pending) }},
		"Deleted a run":                             {running, running, func(ctx context.Context, r *Runs) error { return r.DeleteForeground(ctx, running) }},
		"Deleted a pod that its run has left":       {pod, running, deletes(Leftovers{pods: []*corev1.Pod{pod}})},
		"Deleted a TaskRun that its run has left":   {taskRun, running, deletes(Leftovers{ended: &ended, taskRuns: []*tektonv1.TaskRun{taskRun}})},
		"Deleted a CustomRun that its run has left": {customRun, running, deletes(Leftovers{ended: &ended, customRuns: []*tektonv1beta1.CustomRun{customRun}})},
	} {
		t.Run(says, func(t *testing.T) {
			want := []observer.LoggedEntry{{
				Entry:   zapcore.Entry{Level: zapcore.InfoLevel, Message: says},
				Context: []zap.Field{zap.String("object", given.RunNamespace+"/"+test.object.GetName()), zap.String("execution", "payments/fix")},
			}}
			if says == "Cancelled a run" {
				want[0].Context = append(want[0].Context, zap.Any("reason", v1alpha1.FailureCancelled))
			}
			got := logged(t, test.does, test.live, taskRun, customRun, pod)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error("Logged (-want, +got):", diff)
			}
			if got := logged(t, func(ctx context.Context, r *Runs) error { _ = test.does(ctx, r); return nil }); len(got) > 0 {
				t.Error("Logged of what is gone:", got)
			}
		})
	}
}

func deletes(left Leftovers) func(context.Context, *Runs) error {
	return func(ctx context.Context, r *Runs) error { return r.deleteLeftovers(ctx, left) }
}

// logged is what is told of a deed where there are these objects.
func logged(t *testing.T, does func(context.Context, *Runs) error, live ...runtime.Object) []observer.LoggedEntry {
	t.Helper()
	core, logs := observer.New(zapcore.InfoLevel)
	ctx, r := server(t, live)
	if err := does(logging.WithLogger(ctx, zap.New(core).Sugar()), r); err != nil {
		t.Fatal(err)
	}
	return logs.AllUntimed()
}
