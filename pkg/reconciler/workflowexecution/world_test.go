// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package workflowexecution

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	tektonclient "github.com/tektoncd/pipeline/pkg/client/injection/client"
	faketektonclient "github.com/tektoncd/pipeline/pkg/client/injection/client/fake"
	"go.uber.org/zap"
	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clientgotesting "k8s.io/client-go/testing"
	"k8s.io/client-go/tools/record"
	clocktesting "k8s.io/utils/clock/testing"
	kubeclient "knative.dev/pkg/client/injection/kube/client"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/logging"
	"knative.dev/pkg/reconciler"

	"kubernaut.ai/workflowexecution/pkg/apis/config"
	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/pkg/audit"
	executionclient "kubernaut.ai/workflowexecution/pkg/client/injection/client"
	fakeexecutionclient "kubernaut.ai/workflowexecution/pkg/client/injection/client/fake"
	"kubernaut.ai/workflowexecution/pkg/reconciler/pipelinerun"
	"kubernaut.ai/workflowexecution/pkg/reconciler/takeover"
	given "kubernaut.ai/workflowexecution/pkg/reconciler/testing"
	"kubernaut.ai/workflowexecution/pkg/targetlock"
)

const (
	rivalKey = "billing/other"
	maxTurns = 40
	never    = -1
)

// life is what happens to an execution and to its rival, which wants the same target. Turns count from 0.
type life struct {
	// refused: the API server refuses the run of the first execution. fails: it ends badly.
	// prunes: somebody deletes each run that has ended as soon as its execution does not hold the target any more.
	refused, fails, prunes bool
	// deleted and removed are the turns in which the first execution is asked to go, or is gone with its
	// finalizer; never, if it is not.
	deleted, removed int
	// rival is the workflow of the other one, which comes in the turn arrives.
	rival   string
	arrives int
	// The controller dies at that write, which arrives nevertheless or not.
	crash   int
	applied bool
	// The clock jumps by that much in the turn jumps.
	jumps int
	jump  time.Duration
}

// world is an API server, a Tekton that does one thing each turn, and a controller whose every reconcile is
// the first one after its start, with caches that have just been filled.
type world struct {
	life
	t      *testing.T
	ctx    context.Context //nolint:containedctx // holds the clients
	clock  *clocktesting.FakePassiveClock
	writes int
	dead   bool
	// runs that were created and started, how often, by the names of their executions; and in which order.
	created, started map[string]int
	order            []string
	// freed is when executions gave their target back, by their names.
	freed map[string]time.Time
	// succeeded are the executions whose runs did.
	succeeded map[string]bool
	// audited are the events that the sink has stored.
	audited map[uuid.UUID]audit.Event
	// last is what became of executions, also of those that are gone by now.
	last map[string]*v1alpha1.WorkflowExecution
}

func newWorld(t *testing.T, l life) *world {
	t.Helper()
	server := given.NewListers([]runtime.Object{execution()})
	ctx := logging.WithLogger(context.Background(), zap.NewNop().Sugar())
	ctx, clients := given.WithClients(ctx, t, &server)
	w := &world{
		life: l, t: t, ctx: controller.WithEventRecorder(ctx, &record.FakeRecorder{}),
		clock:   clocktesting.NewFakePassiveClock(given.Now()),
		audited: map[uuid.UUID]audit.Event{},
		created: map[string]int{}, started: map[string]int{}, freed: map[string]time.Time{}, succeeded: map[string]bool{}, last: map[string]*v1alpha1.WorkflowExecution{},
	}
	for _, client := range clients {
		client.PrependReactor("create", "pipelineruns", w.refuse)
		client.PrependReactor("*", "*", w.die(client.Tracker()))
	}
	return w
}

func (w *world) refuse(action clientgotesting.Action) (bool, runtime.Object, error) {
	create, ok := action.(clientgotesting.CreateActionImpl)
	if !ok || !w.refused {
		return false, nil, nil
	}
	if run, ok := create.GetObject().(*tektonv1.PipelineRun); !ok || ownerOf(run) != "fix" {
		return false, nil, nil
	}
	return true, nil, apierrors.NewBadRequest("refused")
}

// die lets the write fail at which the controller dies, and everything after it in that reconcile.
func (w *world) die(tracker clientgotesting.ObjectTracker) clientgotesting.ReactionFunc {
	return func(action clientgotesting.Action) (bool, runtime.Object, error) {
		if w.dead {
			return true, nil, errors.New("dead")
		}
		if !slices.Contains([]string{"create", "update", "patch", "delete"}, action.GetVerb()) {
			return false, nil, nil
		}
		w.writes++
		if w.writes-1 != w.crash {
			w.noteFreed(tracker, action)
			return false, nil, nil
		}
		w.dead = true
		if refused, _, _ := w.refuse(action); w.applied && !refused {
			w.noteFreed(tracker, action)
			_, _, _ = clientgotesting.ObjectReaction(tracker)(withUID(action))
		}
		return true, nil, errors.New("crash")
	}
}

// noteFreed sees who has its target until a write that comes now.
func (w *world) noteFreed(tracker clientgotesting.ObjectTracker, action clientgotesting.Action) {
	if action.GetResource().Resource != "leases" || action.GetVerb() == "create" {
		return
	}
	stored, err := tracker.Get(action.GetResource(), given.SystemNamespace, given.LeaseName)
	before, isLease := stored.(*coordinationv1.Lease)
	if err != nil || !isLease || before.Spec.HolderIdentity == nil {
		return
	}
	if update, ok := action.(clientgotesting.UpdateAction); ok {
		if after, isLease := update.GetObject().(*coordinationv1.Lease); isLease && after.Spec.HolderIdentity != nil {
			return
		}
	}
	w.freed[targetlock.LockOf(before).Holder.Holder.Name] = w.clock.Now()
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

// live goes on until nothing is going to happen any more.
func (w *world) live() {
	w.t.Helper()
	ahead := max(w.deleted, w.removed, w.arrives, w.jumps)
	for n := range maxTurns {
		if n > ahead && w.rests() {
			break
		}
		w.clock.SetTime(w.clock.Now().Add(time.Second))
		w.happen(n)
		w.reconcile(key)
		w.reconcile(rivalKey)
		w.lookAfterLease()
		w.tekton()
		w.collect()
	}
}

// happen is what others do in a turn.
func (w *world) happen(n int) {
	w.t.Helper()
	if n == w.jumps {
		w.clock.SetTime(w.clock.Now().Add(w.jump))
	}
	if n == w.arrives {
		w.must(fakeexecutionclient.Get(w.ctx).Tracker().Add(given.Execution(rivalKey, given.WithWorkflow(w.rival))))
	}
	for _, wfe := range w.executions() {
		if wfe.Name != "fix" {
			continue
		}
		if n == w.deleted {
			given.Deleted(w.ago())(&wfe)
			w.must(fakeexecutionclient.Get(w.ctx).Tracker().Update(executionResource, &wfe, wfe.Namespace))
		}
		if n == w.removed {
			w.must(fakeexecutionclient.Get(w.ctx).Tracker().Delete(executionResource, wfe.Namespace, wfe.Name))
		}
	}
}

// ago is the distance of the clock from the time at which every test takes place.
func (w *world) ago() time.Duration {
	return given.Now().Sub(w.clock.Now())
}

// rests tells whether nothing is going to happen any more.
func (w *world) rests() bool {
	for _, wfe := range w.executions() {
		if !wfe.Status.IsTerminal() || wfe.DeletionTimestamp != nil || len(audit.Outstanding(&wfe)) > 0 {
			return false
		}
	}
	return w.lock().Holder == nil
}

func (w *world) reconcile(key string) {
	w.t.Helper()
	listers := given.NewListers(w.objects())
	r := constructAt(w.ctx, &listers, &given.Circumstances{Config: config.DefaultWorkflowExecution(), AuditSink: w.audited}, w.clock)
	if aware, ok := r.(reconciler.LeaderAware); ok {
		_ = aware.Promote(reconciler.UniversalBucket(), func(reconciler.Bucket, types.NamespacedName) {})
	}
	w.act(func() { _ = r.Reconcile(w.ctx, key) })
}

// lookAfterLease does what the reconciler of Leases does about a dead holder.
func (w *world) lookAfterLease() {
	w.t.Helper()
	kube := kubeclient.Get(w.ctx)
	locks := targetlock.NewStore(kube.CoordinationV1(), given.SystemNamespace, w.clock)
	listers := given.NewListers(w.objects())
	index, err := pipelinerun.NewIndex(listers.Indexers())
	if err != nil {
		w.t.Fatal(err)
	}
	ours := pipelinerun.New(tektonclient.Get(w.ctx), kube, index, w.clock)
	if holder := w.lock().Holder; holder != nil {
		policy := targetlock.PolicyOf(config.DefaultWorkflowExecution())
		w.act(func() {
			_, _ = takeover.New(executionclient.Get(w.ctx), ours, locks, w.clock, given.RunNamespace).Free(w.ctx, *holder, policy)
		})
	}
}

// act lets a controller act that may die meanwhile, and sees what has come of it.
func (w *world) act(act func()) {
	w.t.Helper()
	before := w.runs()
	act()
	w.dead = false
	for _, run := range w.runs() {
		i := slices.IndexFunc(before, func(other tektonv1.PipelineRun) bool { return other.Name == run.Name })
		if i < 0 {
			w.created[ownerOf(&run)]++
		}
		if !run.IsPending() && (i < 0 || before[i].IsPending()) {
			w.started[ownerOf(&run)]++
			w.order = append(w.order, ownerOf(&run))
		}
	}
	w.check()
}

func ownerOf(run *tektonv1.PipelineRun) string {
	return run.Annotations["kubernaut.ai/execution-name"]
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
	w.must(err)
	return list.Items
}

func (w *world) executions() []v1alpha1.WorkflowExecution {
	w.t.Helper()
	list, err := executionclient.Get(w.ctx).KubernautV1alpha1().WorkflowExecutions("").List(w.ctx, metav1.ListOptions{})
	w.must(err)
	return list.Items
}

// lock of the target as it is now.
func (w *world) lock() *targetlock.Lock {
	w.t.Helper()
	lease, err := kubeclient.Get(w.ctx).CoordinationV1().Leases(given.SystemNamespace).Get(w.ctx, given.LeaseName, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return targetlock.LockOf(nil)
	}
	w.must(err)
	return targetlock.LockOf(lease)
}

// tekton starts what may be started, and ends what works.
func (w *world) tekton() {
	w.t.Helper()
	for _, run := range w.runs() {
		switch {
		case run.IsDone() && w.prunes && !w.isHolder(ownerOf(&run)):
			w.must(faketektonclient.Get(w.ctx).Tracker().Delete(runResource, run.Namespace, run.Name))
			continue
		case run.IsPending() || run.IsDone():
			continue
		case run.Status.StartTime == nil:
			status := run.Spec.Status
			given.Running(w.ago())(&run)
			run.Spec.Status = status
		case run.Spec.Status != "":
			given.Failed(w.ago(), tektonv1.PipelineRunReasonCancelled)(&run)
		case w.fails && ownerOf(&run) == "fix":
			given.Failed(w.ago(), tektonv1.PipelineRunReasonFailed)(&run)
		default:
			given.Succeeded(w.ago())(&run)
			w.succeeded[ownerOf(&run)] = true
		}
		tracker := faketektonclient.Get(w.ctx).Tracker()
		w.must(tracker.Update(runResource, &run, run.Namespace))
	}
}

func (w *world) isHolder(name string) bool {
	holder := w.lock().Holder
	return holder != nil && holder.Holder.Name == name
}

var (
	runResource       = tektonv1.SchemeGroupVersion.WithResource("pipelineruns")
	executionResource = v1alpha1.SchemeGroupVersion.WithResource("workflowexecutions")
)

// collect removes what was asked to go and has no finalizer left, and keeps in mind what became of it.
func (w *world) collect() {
	w.t.Helper()
	for _, wfe := range w.executions() {
		w.last[wfe.Name] = wfe.DeepCopy()
		if wfe.DeletionTimestamp != nil && len(wfe.Finalizers) == 0 {
			w.must(fakeexecutionclient.Get(w.ctx).Tracker().Delete(executionResource, wfe.Namespace, wfe.Name))
		}
	}
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}
