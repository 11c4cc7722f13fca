// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package pipelinerun

import (
	"context"
	"testing"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	tektonclient "github.com/tektoncd/pipeline/pkg/client/injection/client"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clientgotesting "k8s.io/client-go/testing"
	clocktesting "k8s.io/utils/clock/testing"
	kubeclient "knative.dev/pkg/client/injection/kube/client"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution"
	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	given "kubernaut.ai/workflowexecution/pkg/reconciler/testing"
)

// server has the objects, and answers first as the reactions say.
func server(t *testing.T, objects []runtime.Object, reactions ...clientgotesting.ReactionFunc) (context.Context, *Runs) {
	t.Helper()
	listers := given.NewListers(objects)
	ctx, clients := given.WithClients(t.Context(), t, &listers)
	for _, client := range clients {
		for _, reaction := range reactions {
			client.PrependReactor("*", "*", reaction)
		}
	}
	index, err := NewIndex(listers.Indexers())
	if err != nil {
		t.Fatal(err)
	}
	return ctx, New(tektonclient.Get(ctx), kubeclient.Get(ctx), index, clocktesting.NewFakePassiveClock(given.Now()))
}

func execution() *v1alpha1.WorkflowExecution {
	return given.Execution("payments/fix")
}

// refTo is what is known of a run.
func refTo(run *tektonv1.PipelineRun, stored types.UID) Ref {
	return Ref{Namespace: run.Namespace, Name: run.Name, UID: stored, Execution: execution().UID}
}

func TestGet(t *testing.T) {
	ours := given.Run(execution())
	for _, test := range []struct {
		name   string
		run    *tektonv1.PipelineRun
		stored types.UID
		found  bool
	}{
		{"by its UID", ours, ours.UID, true},
		{"by its UID, without its marks", given.Run(execution(), given.Unlabelled), ours.UID, true},
		{"not one that was made later, with our marks", given.Run(execution(), given.Again), ours.UID, false},
		{"by our marks", ours, "", true},
		{"not one of half our marks", given.Run(execution(), given.Unlabelled), "", false},
		{"not one of the other half", given.Run(execution(), given.Without(workflowexecution.ExecutionUIDAnnotation)), "", false},
		{"not one of another execution", given.Run(given.Execution("payments/fix", given.WithUID("later"))), "", false},
		{"not one that is gone", nil, "", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			var objects []runtime.Object
			if test.run != nil {
				test.run.Name = ours.Name
				objects = append(objects, test.run)
			}
			ctx, r := server(t, objects)
			run, err := r.Get(ctx, refTo(ours, test.stored))
			if err != nil || (run != nil) != test.found {
				t.Errorf("Get() = %v, %v; want it found: %t", run, err, test.found)
			}
		})
	}
}
