// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package workflowexecution

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clientgotesting "k8s.io/client-go/testing"
	"k8s.io/client-go/tools/record"
	clocktesting "k8s.io/utils/clock/testing"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/reconciler"

	"kubernaut.ai/workflowexecution/pkg/apis/config"
	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	given "kubernaut.ai/workflowexecution/pkg/reconciler/testing"
)

// scene is what there is before one reconcile.
type scene struct {
	cached, live []runtime.Object
	reactors     []clientgotesting.ReactionFunc
	at           time.Time
}

// seen is what the reconcile did.
type seen struct {
	patches, deletes []string
	leases           []string
	status           *v1alpha1.WorkflowExecution
	events           []string
	again            time.Duration
	err              error
}

func (c scene) play(t *testing.T) seen {
	t.Helper()
	cached, server := given.NewListers(c.cached), given.NewListers(append(append([]runtime.Object{}, c.cached...), c.live...))
	ctx, clients := given.WithClients(context.Background(), t, &server)
	recorder := record.NewFakeRecorder(20)
	ctx = controller.WithEventRecorder(ctx, recorder)
	for _, client := range clients {
		for _, reactor := range c.reactors {
			client.PrependReactor("*", "*", reactor)
		}
	}
	at := given.Now()
	if !c.at.IsZero() {
		at = c.at
	}
	r := constructAt(ctx, &cached, &given.Circumstances{Config: config.DefaultWorkflowExecution()}, clocktesting.NewFakePassiveClock(at))
	_ = r.(reconciler.LeaderAware).Promote(reconciler.UniversalBucket(), func(reconciler.Bucket, types.NamespacedName) {})
	err := r.Reconcile(ctx, key)
	s := seen{err: err}
	if later, after := controller.IsRequeueKey(err); later {
		s.again, s.err = after, nil
	}
	if controller.IsSkipKey(err) {
		s.err = nil
	}
	for _, client := range clients {
		for _, action := range client.Actions() {
			resource := action.GetResource().Resource
			switch action := action.(type) {
			case clientgotesting.PatchActionImpl:
				s.patches = append(s.patches, action.Name+" "+string(action.Patch))
			case clientgotesting.DeleteActionImpl:
				s.deletes = append(s.deletes, resource+" "+action.Name)
			case clientgotesting.UpdateActionImpl:
				if wfe, ok := action.Object.(*v1alpha1.WorkflowExecution); ok {
					s.status = wfe
				} else {
					s.leases = append(s.leases, fmt.Sprintf("update %+v", action.Object))
				}
			case clientgotesting.CreateActionImpl:
				s.leases = append(s.leases, "create "+resource)
			}
		}
	}
	close(recorder.Events)
	for event := range recorder.Events {
		s.events = append(s.events, event)
	}
	return s
}

func (s seen) starts() bool {
	for _, patch := range s.patches {
		if strings.Contains(patch, `"op":"remove","path":"/spec/status"`) {
			return true
		}
	}
	return false
}

func stray(of *v1alpha1.WorkflowExecution, facts ...given.RunOption) *tektonv1.PipelineRun {
	run := given.Run(of, facts...)
	run.Name, run.UID = run.Name+"-rerun", "rerun"
	return run
}
