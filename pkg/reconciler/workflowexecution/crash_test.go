// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package workflowexecution

import (
	"context"
	"errors"
	"fmt"
	"testing"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	tektonclient "github.com/tektoncd/pipeline/pkg/client/injection/client"
	faketektonclient "github.com/tektoncd/pipeline/pkg/client/injection/client/fake"
	"go.uber.org/zap"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clientgotesting "k8s.io/client-go/testing"
	"k8s.io/client-go/tools/record"
	kubeclient "knative.dev/pkg/client/injection/kube/client"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/logging"
	"knative.dev/pkg/reconciler"

	"kubernaut.ai/workflowexecution/pkg/apis/config"
	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	executionclient "kubernaut.ai/workflowexecution/pkg/client/injection/client"
	fakeexecutionclient "kubernaut.ai/workflowexecution/pkg/client/injection/client/fake"
	given "kubernaut.ai/workflowexecution/pkg/reconciler/testing"
)

const (
	maxWrites = 12
	maxPasses = 40
	never     = -1
)

// The controller dies at each of its writes, before it or before the answer, with or without a
// deletion at each moment, while another execution wants the same target. Whatever happens: the two
// never work at the same time, no workflow starts twice, both end, and the target is free.
func TestCrashAnywhere(t *testing.T) {
	for deleteAt := never; deleteAt < 6; deleteAt++ {
		for write := range maxWrites {
			for _, applied := range []bool{false, true} {
				t.Run(fmt.Sprintf("deletion %d write %d applied %t", deleteAt, write, applied), func(t *testing.T) {
					w := newWorld(t)
					w.crashAt, w.applied = write, applied
					w.live(deleteAt)
				})
			}
		}
	}
}

// world is an API server with two executions, and a Tekton that does one thing after each pass.
type world struct {
	t       *testing.T
	ctx     context.Context //nolint:containedctx // holds the clients
	crashAt int
	applied bool
	writes  int
	dead    bool
	starts  map[string]int
}

func newWorld(t *testing.T) *world {
	t.Helper()
	server := given.NewListers([]runtime.Object{execution(), other()})
	ctx := logging.WithLogger(context.Background(), zap.NewNop().Sugar())
	ctx, clients := given.WithClients(ctx, t, &server)
	w := &world{t: t, ctx: controller.WithEventRecorder(ctx, &record.FakeRecorder{}), starts: map[string]int{}}
	for _, client := range clients {
		client.PrependReactor("*", "*", w.crash(client.Tracker()))
	}
	return w
}

// crash lets the write fail at which the controller dies, and everything after it in that pass.
func (w *world) crash(tracker clientgotesting.ObjectTracker) clientgotesting.ReactionFunc {
	return func(action clientgotesting.Action) (bool, runtime.Object, error) {
		if w.dead {
			return true, nil, errors.New("dead")
		}
		switch action.GetVerb() {
		case "create", "update", "patch", "delete":
		default:
			return false, nil, nil
		}
		w.writes++
		if w.writes-1 != w.crashAt {
			return false, nil, nil
		}
		w.dead = true
		if w.applied {
			_, _, _ = clientgotesting.ObjectReaction(tracker)(withUID(action))
		}
		return true, nil, errors.New("crash")
	}
}

// withUID gives a run that is created the UID that an API server would give it.
func withUID(action clientgotesting.Action) clientgotesting.Action {
	create, ok := action.(clientgotesting.CreateActionImpl)
	if !ok {
		return action
	}
	if run, ok := create.GetObject().(*tektonv1.PipelineRun); ok {
		run.UID = given.RunUID(types.UID(run.Annotations["kubernaut.ai/execution-uid"]))
	}
	return create
}

func (w *world) live(deleteAt int) {
	w.t.Helper()
	for n := range maxPasses {
		if n > deleteAt && w.rests() {
			break
		}
		if n == deleteAt {
			w.deleteExecution()
		}
		w.pass(key)
		w.pass("billing/other")
		w.tekton()
		w.collect()
	}
	w.checkEnd()
	if deleteAt == never && len(w.starts) == 0 {
		w.t.Error("No workflow was started")
	}
}

// rests tells whether nothing is going to happen any more.
func (w *world) rests() bool {
	for _, wfe := range w.executions() {
		if !wfe.Status.IsTerminal() || wfe.DeletionTimestamp != nil {
			return false
		}
	}
	return true
}

// pass is one of a controller that has just started, with caches that have just been filled.
func (w *world) pass(key string) {
	w.t.Helper()
	listers := given.NewListers(w.objects())
	r := construct(w.ctx, &listers, &given.Circumstances{Config: config.DefaultWorkflowExecution()})
	if aware, ok := r.(reconciler.LeaderAware); ok {
		_ = aware.Promote(reconciler.UniversalBucket(), func(reconciler.Bucket, types.NamespacedName) {})
	}
	pending := w.pending()
	_ = r.Reconcile(w.ctx, key)
	w.dead = false
	for _, name := range pending {
		if run := w.run(name); run != nil && !run.IsPending() {
			w.starts[name]++
		}
	}
	w.check()
}

func (w *world) objects() []runtime.Object {
	var objects []runtime.Object
	runs := w.runs()
	for i := range runs {
		objects = append(objects, &runs[i])
	}
	executions := w.executions()
	for i := range executions {
		objects = append(objects, &executions[i])
	}
	return objects
}

func (w *world) runs() []tektonv1.PipelineRun {
	w.t.Helper()
	list, err := tektonclient.Get(w.ctx).TektonV1().PipelineRuns(given.RunNamespace).List(w.ctx, metav1.ListOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	return list.Items
}

func (w *world) executions() []v1alpha1.WorkflowExecution {
	w.t.Helper()
	list, err := executionclient.Get(w.ctx).KubernautV1alpha1().WorkflowExecutions("").List(w.ctx, metav1.ListOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	return list.Items
}

func (w *world) run(name string) *tektonv1.PipelineRun {
	for _, run := range w.runs() {
		if run.Name == name {
			return &run
		}
	}
	return nil
}

func (w *world) pending() []string {
	var names []string
	for _, run := range w.runs() {
		if run.IsPending() {
			names = append(names, run.Name)
		}
	}
	return names
}

// holder of the target, empty if it is free.
func (w *world) holder() string {
	w.t.Helper()
	lease, err := kubeclient.Get(w.ctx).CoordinationV1().Leases(given.SystemNamespace).Get(w.ctx, given.LeaseName, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return ""
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return *lease.Spec.HolderIdentity
}

// check is what holds at every instant.
func (w *world) check() {
	w.t.Helper()
	for _, run := range w.runs() {
		if run.IsPending() || run.IsDone() {
			continue
		}
		a := run.Annotations
		owner := a["kubernaut.ai/execution-namespace"] + "/" + a["kubernaut.ai/execution-name"] + "/" + a["kubernaut.ai/execution-uid"]
		if holder := w.holder(); holder != owner {
			w.t.Fatalf("The run of %s works while the target is held by %q", owner, holder)
		}
	}
	for name, starts := range w.starts {
		if starts > 1 {
			w.t.Fatalf("Run %s was started %d times", name, starts)
		}
	}
}

// checkEnd is what holds when everything has come to rest.
func (w *world) checkEnd() {
	w.t.Helper()
	if holder := w.holder(); holder != "" {
		w.t.Errorf("The target is still held by %s", holder)
	}
	for _, wfe := range w.executions() {
		if !wfe.Status.IsTerminal() {
			w.t.Errorf("%s/%s ended as %q", wfe.Namespace, wfe.Name, wfe.Status.Phase)
		}
	}
	if names := w.pending(); len(names) > 0 {
		w.t.Errorf("Runs %v wait for a start that never comes", names)
	}
}

// tekton starts what may be started, and ends what works.
func (w *world) tekton() {
	w.t.Helper()
	for _, run := range w.runs() {
		switch {
		case run.IsPending() || run.IsDone():
			continue
		case run.Status.StartTime == nil:
			status := run.Spec.Status
			given.Works(0)(&run)
			run.Spec.Status = status
		case run.Spec.Status != "":
			given.Failed(0, tektonv1.PipelineRunReasonCancelled)(&run)
		default:
			given.Succeeded(0)(&run)
		}
		tracker := faketektonclient.Get(w.ctx).Tracker()
		if err := tracker.Update(tektonv1.SchemeGroupVersion.WithResource("pipelineruns"), &run, run.Namespace); err != nil {
			w.t.Fatal(err)
		}
	}
}

var executionResource = v1alpha1.SchemeGroupVersion.WithResource("workflowexecutions")

// deleteExecution asks the first execution to go.
func (w *world) deleteExecution() {
	w.t.Helper()
	for _, wfe := range w.executions() {
		if wfe.Name != "fix" {
			continue
		}
		given.Deleted(0)(&wfe)
		if err := fakeexecutionclient.Get(w.ctx).Tracker().Update(executionResource, &wfe, wfe.Namespace); err != nil {
			w.t.Fatal(err)
		}
	}
}

// collect removes what was asked to go and has no finalizer left.
func (w *world) collect() {
	w.t.Helper()
	for _, wfe := range w.executions() {
		if wfe.DeletionTimestamp == nil || len(wfe.Finalizers) > 0 {
			continue
		}
		if err := fakeexecutionclient.Get(w.ctx).Tracker().Delete(executionResource, wfe.Namespace, wfe.Name); err != nil {
			w.t.Fatal(err)
		}
	}
}
