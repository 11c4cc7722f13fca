// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package testing

import (
	"context"
	"fmt"
	"net/http"
	"testing"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	faketektonclient "github.com/tektoncd/pipeline/pkg/client/injection/client/fake"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	clientgotesting "k8s.io/client-go/testing"
	"k8s.io/client-go/tools/record"
	fakekubeclient "knative.dev/pkg/client/injection/kube/client/fake"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/logging"
	logtesting "knative.dev/pkg/logging/testing"
	"knative.dev/pkg/reconciler"
	rtesting "knative.dev/pkg/reconciler/testing"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution"
	fakeexecutionclient "kubernaut.ai/workflowexecution/pkg/client/injection/client/fake"
)

const maxEvents = 20

// Constructor makes the reconciler under test from the fake clients in the context and the listers.
type Constructor func(context.Context, *Listers, *Circumstances) controller.Reconciler

// FakeClient is what all fake clientsets have.
type FakeClient interface {
	rtesting.ActionRecorder
	PrependReactor(verb, resource string, reaction clientgotesting.ReactionFunc)
	Tracker() clientgotesting.ObjectTracker
}

// MakeFactory makes the factory of a table.
func MakeFactory(construct Constructor) rtesting.Factory {
	return func(t *testing.T, row *rtesting.TableRow) (controller.Reconciler, rtesting.ActionRecorderList, rtesting.EventList) {
		t.Helper()
		circumstances := circumstances(row)
		cached, server := NewListers(row.Objects), NewListers(circumstances.server(row.Objects))

		ctx := logging.WithLogger(context.Background(), logtesting.TestLogger(t))
		ctx, clients := WithClients(ctx, t, &server)
		recorder := record.NewFakeRecorder(maxEvents)
		ctx = controller.WithEventRecorder(ctx, recorder)
		row.Ctx = ctx

		inner := construct(ctx, &cached, circumstances)
		if aware, ok := inner.(reconciler.LeaderAware); ok {
			_ = aware.Promote(reconciler.UniversalBucket(), func(reconciler.Bucket, types.NamespacedName) {})
		}
		var actions rtesting.ActionRecorderList
		for _, client := range clients {
			actions = append(actions, client)
			for _, reactor := range row.WithReactors {
				client.PrependReactor("*", "*", reactor)
			}
			client.PrependReactor("*", "*", circumstances.log)
		}
		return &checked{t: t, inner: inner, circumstances: circumstances}, actions, rtesting.EventList{Recorder: recorder}
	}
}

// WithClients makes fake clients that have the objects. Leases come before runs and runs before
// executions, which is the order of what a row expects.
func WithClients(ctx context.Context, t *testing.T, server *Listers) (context.Context, []FakeClient) {
	t.Helper()
	ctx, kube := fakekubeclient.With(ctx, server.kubeObjects()...)
	ctx, tekton := faketektonclient.With(ctx, server.tektonObjects()...)
	ctx, executions := fakeexecutionclient.With(ctx, server.executionObjects()...)
	tekton.PrependReactor("create", "pipelineruns", assignUID(tekton.Tracker()))
	clients := []FakeClient{kube, tekton, executions}
	for _, client := range clients {
		client.PrependReactor("delete", "*", honourPreconditions(t, client.Tracker()))
	}
	return ctx, clients
}

// checked checks what a table cannot: the wish for another reconcile, and the text of the error.
type checked struct {
	t             *testing.T
	inner         controller.Reconciler
	circumstances *Circumstances
}

// Reconcile implements controller.Reconciler. Asking for another reconcile is no error.
func (c *checked) Reconcile(ctx context.Context, key string) error {
	err := c.inner.Reconcile(ctx, key)
	if requeue, after := controller.IsRequeueKey(err); requeue {
		c.circumstances.requeued, err = &after, nil
	}
	if controller.IsSkipKey(err) {
		err = nil
	}
	c.circumstances.check(c.t, err)
	return err
}

// log notes the requests of all clients in one order, and the writes among them.
func (c *Circumstances) log(action clientgotesting.Action) (bool, runtime.Object, error) {
	c.requests = append(c.requests, action.GetVerb()+" "+action.GetResource().Resource)
	var name string
	switch action := action.(type) {
	case clientgotesting.CreateActionImpl:
		accessor, _ := meta.Accessor(action.GetObject())
		name = accessor.GetName()
	case clientgotesting.UpdateActionImpl:
		accessor, _ := meta.Accessor(action.GetObject())
		name = accessor.GetName()
	case clientgotesting.PatchActionImpl:
		name = action.GetName()
	case clientgotesting.DeleteActionImpl:
		name = action.GetName()
	default:
		return false, nil, nil
	}
	resource := action.GetResource().Resource
	if action.GetSubresource() != "" {
		resource += "/" + action.GetSubresource()
	}
	c.writes = append(c.writes, fmt.Sprintf("%s %s %s/%s", action.GetVerb(), resource, action.GetNamespace(), name))
	return false, nil, nil
}

// assignUID does what the API server does when a run is created.
func assignUID(tracker clientgotesting.ObjectTracker) clientgotesting.ReactionFunc {
	return func(action clientgotesting.Action) (bool, runtime.Object, error) {
		create, _ := action.(clientgotesting.CreateAction)
		run, ok := create.GetObject().DeepCopyObject().(*tektonv1.PipelineRun)
		if !ok {
			return false, nil, nil
		}
		run.UID = RunUID(types.UID(run.Labels[workflowexecution.ExecutionUIDLabel]))
		if err := tracker.Create(action.GetResource(), run, action.GetNamespace()); err != nil {
			return true, nil, err
		}
		return true, run, nil
	}
}

// honourPreconditions does what the API server does when an object is deleted. It insists on a UID:
// nothing may be deleted by its name alone.
func honourPreconditions(t *testing.T, tracker clientgotesting.ObjectTracker) clientgotesting.ReactionFunc {
	t.Helper()
	return func(action clientgotesting.Action) (bool, runtime.Object, error) {
		deletion, _ := action.(clientgotesting.DeleteActionImpl)
		preconditions := deletion.DeleteOptions.Preconditions
		if preconditions == nil || preconditions.UID == nil {
			t.Errorf("%s %s is deleted by its name alone", action.GetResource().Resource, deletion.Name)
			return false, nil, nil
		}
		object, err := tracker.Get(action.GetResource(), action.GetNamespace(), deletion.Name)
		if err != nil {
			return true, nil, err
		}
		accessor, err := meta.Accessor(object)
		if err != nil {
			return true, nil, err
		}
		version := preconditions.ResourceVersion
		if *preconditions.UID != accessor.GetUID() || version != nil && *version != accessor.GetResourceVersion() {
			return true, nil, apierrors.NewConflict(action.GetResource().GroupResource(), deletion.Name,
				fmt.Errorf("%s: the preconditions do not hold", http.StatusText(http.StatusConflict)))
		}
		return false, nil, nil
	}
}

// Refuse makes the API server answer an action with that error.
func Refuse(verb, resource string, err error) clientgotesting.ReactionFunc {
	return func(action clientgotesting.Action) (bool, runtime.Object, error) {
		if !action.Matches(verb, resource) {
			return false, nil, nil
		}
		return true, nil, err
	}
}

// NotServed is the error of a request for an object while the API server does not serve its API.
func NotServed(resource schema.GroupResource, name string) error {
	return apierrors.NewGenericServerResponse(http.StatusNotFound, "get", resource, name, "404 page not found", 0, true)
}
