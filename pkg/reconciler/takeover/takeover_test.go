// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package takeover

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	tektonclient "github.com/tektoncd/pipeline/pkg/client/injection/client"
	"k8s.io/apimachinery/pkg/runtime"
	clientgotesting "k8s.io/client-go/testing"
	clocktesting "k8s.io/utils/clock/testing"
	kubeclient "knative.dev/pkg/client/injection/kube/client"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	executionclient "kubernaut.ai/workflowexecution/pkg/client/injection/client"
	"kubernaut.ai/workflowexecution/pkg/reconciler/pipelinerun"
	given "kubernaut.ai/workflowexecution/pkg/reconciler/testing"
	"kubernaut.ai/workflowexecution/pkg/targetlock"
)

var errRefused = errors.New("refused")

// writes are what a take-over did to locks, runs and pods, in their order. The one that is named fails.
type writes struct {
	t     *testing.T
	fails string
	done  []string
	// remembers is what the release was told of the holder, of which workflow.
	remembers  *targetlock.Outcome
	workflowID string
}

func (w *writes) write(what string) error {
	w.done = append(w.done, what)
	if what == w.fails {
		return errRefused
	}
	return nil
}

func (w *writes) lock(verb string, claim targetlock.Claim) error {
	w.t.Helper()
	if claim.Target != given.Target || claim.Holder != holder() || claim.RunNamespace != given.RunNamespace {
		w.t.Errorf("%s of %+v, which is not the claim of the dead holder", verb, claim)
	}
	return w.write(verb)
}

func (w *writes) Fence(_ context.Context, claim targetlock.Claim) error {
	w.t.Helper()
	return w.lock("fence", claim)
}

func (w *writes) Release(
	_ context.Context, claim targetlock.Claim, outcome *targetlock.Outcome, _ targetlock.Policy,
) (targetlock.Released, error) {
	w.t.Helper()
	w.remembers, w.workflowID = outcome, claim.WorkflowID
	return targetlock.Released{}, w.lock("release", claim)
}

func (w *writes) react(action clientgotesting.Action) (bool, runtime.Object, error) {
	switch action.GetVerb() {
	case "get", "list":
		return false, nil, nil
	}
	err := w.write(action.GetVerb() + " " + action.GetResource().Resource)
	return err != nil, nil, err
}

func dead(facts ...given.ExecutionOption) *v1alpha1.WorkflowExecution {
	return given.Execution("billing/other", facts...)
}

func holder() targetlock.Holder {
	return targetlock.Holder{Namespace: dead().Namespace, Name: dead().Name, UID: dead().UID}
}

func free(t *testing.T, w *writes, objects ...runtime.Object) (bool, error) {
	t.Helper()
	return freeOf(t, w, targetlock.Conflict{
		Holder: holder(), Target: given.Target, WorkflowID: given.WorkflowID, RunNamespace: given.RunNamespace, Since: given.Ago(time.Hour).Time,
	}, objects...)
}

func freeOf(t *testing.T, w *writes, conflict targetlock.Conflict, objects ...runtime.Object) (bool, error) {
	t.Helper()
	w.t = t
	server := given.NewListers(objects)
	ctx, clients := given.WithClients(t.Context(), t, &server)
	for _, client := range clients {
		client.PrependReactor("*", "*", w.react)
	}
	now := clocktesting.NewFakePassiveClock(given.Now())
	index, err := pipelinerun.NewIndex(server.Indexers())
	if err != nil {
		t.Fatal(err)
	}
	ours := pipelinerun.New(tektonclient.Get(ctx), kubeclient.Get(ctx), index, now)
	progress, err := New(executionclient.Get(ctx), ours, w, now, given.RunNamespace).Free(ctx, conflict, targetlock.Policy{})
	return progress.Ended, err
}

// The history of an execution that is gone is deleted while its target is still locked: once that is free,
// nobody comes back for it.
func TestFreeDeletesHistoryOfGone(t *testing.T) {
	done := given.Run(dead(), given.Running(time.Hour), given.Succeeded(time.Minute))
	over := dead(given.Started(time.Hour), given.Ended(time.Minute, nil), given.Released)
	const deleteRun = "delete pipelineruns"
	for _, test := range []struct {
		name    string
		objects []runtime.Object
		fails   string
		freed   bool
		want    []string
	}{
		{"gone", []runtime.Object{done}, "", true, []string{"fence", deleteRun, "release"}},
		{"gone, and another has its name", []runtime.Object{done, dead(given.WithUID("later"))}, "", true, []string{"fence", deleteRun, "release"}},
		{"gone, and its run cannot be deleted", []runtime.Object{done}, deleteRun, false, []string{"fence", deleteRun}},
		{"gone, and its run is going", []runtime.Object{given.Run(dead(), given.Running(0), given.Succeeded(0), given.RunDeleted)}, "", true, []string{"fence", "release"}},
		{"gone without a run", nil, "", true, []string{"fence", "release"}},
		{"gone, and another's run has the name", []runtime.Object{given.Run(dead(), given.Running(0), given.Succeeded(0), given.Foreign)}, "", true, []string{"fence", "release"}},
		{"gone, and its run never started", []runtime.Object{given.Run(dead())}, "", true, []string{"fence", deleteRun, "release"}},
		{"gone, and its pod works", []runtime.Object{done, given.Pod(done, "drain")}, "", false, []string{"fence", "delete pods"}},
		{"over, with its own finalizer", []runtime.Object{done, over}, "", true, []string{"fence", "release"}},
		{"alive", []runtime.Object{done, dead(given.Started(time.Hour))}, "", false, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := &writes{fails: test.fails}
			freed, err := free(t, w, test.objects...)
			if freed != test.freed || (err != nil) != (test.fails != "") {
				t.Errorf("Free() = %t, %v; want %t", freed, err, test.freed)
			}
			if !slices.Equal(w.done, test.want) {
				t.Errorf("Writes %q, want %q", w.done, test.want)
			}
		})
	}
}

// What is remembered of a dead holder: its own words if it has any. One that is gone leaves its cooldown,
// unless it is known that its run never started.
func TestFreeRemembers(t *testing.T) {
	completed := &targetlock.Outcome{Phase: v1alpha1.PhaseCompleted, Ran: true, CompletedAt: given.Ago(time.Minute).Time}
	removed := &targetlock.Outcome{
		Phase: v1alpha1.PhaseFailed, Reason: v1alpha1.FailureCancelled, Message: "The execution was removed while it held its target",
		Ran: true, CompletedAt: given.Now(), Deleted: true,
	}
	failed := &targetlock.Outcome{
		Phase: v1alpha1.PhaseFailed, Reason: v1alpha1.FailureTaskFailed, Message: "no", Ran: true, CompletedAt: given.Ago(time.Minute).Time,
	}
	refused := &targetlock.Outcome{Phase: v1alpha1.PhaseFailed, Reason: v1alpha1.FailureForbidden, Message: "no", CompletedAt: given.Now()}
	deleted := *failed
	deleted.Deleted = true
	details := &v1alpha1.FailureDetails{
		Reason: v1alpha1.FailureTaskFailed, Message: "no", FailedAt: given.Ago(time.Minute), WasExecutionFailure: true,
	}
	failedOver := []given.ExecutionOption{given.Started(time.Hour), given.Ended(time.Minute, details), given.Released}
	done := given.Run(dead(), given.Running(time.Hour), given.Succeeded(time.Minute))
	for _, test := range []struct {
		name    string
		want    *targetlock.Outcome
		objects []runtime.Object
	}{
		{"over, completed", completed, []runtime.Object{done, dead(given.Started(time.Hour), given.Ended(time.Minute, nil), given.Released)}},
		{"over, failed", failed, []runtime.Object{done, dead(failedOver...)}},
		{"over, failed, and being deleted", &deleted, []runtime.Object{done, dead(append(failedOver, given.Deleted(0))...)}},
		{"over, and its run is gone", failed, []runtime.Object{dead(failedOver...)}},
		{"over, refused before anything ran", refused, []runtime.Object{dead(given.Locked, given.FailedUnstarted(v1alpha1.FailureForbidden, "no"))}},
		{"over, skipped", nil, []runtime.Object{dead(given.SkippedFor(given.Execution("a/b"), 0))}},
		{"over, and deleted before it started", nil, []runtime.Object{
			given.Run(dead()), dead(given.RunCreated, given.FailedUnstarted(v1alpha1.FailureCancelled, "no"), given.Deleted(0)),
		}},
		{"gone, with a run that ended", removed, []runtime.Object{done}},
		// It may have been created, started and deleted.
		{"gone, without a run", removed, nil},
		{"gone, with a run that never started", nil, []runtime.Object{given.Run(dead())}},
		{"gone, and another has its name", removed, []runtime.Object{dead(given.Locked, given.WithUID("later"))}},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := &writes{}
			if freed, err := free(t, w, test.objects...); !freed || err != nil {
				t.Fatalf("Free() = %t, %v", freed, err)
			}
			if diff := cmp.Diff(test.want, w.remembers); diff != "" {
				t.Errorf("Remembers (-want, +got):\n%s", diff)
			}
		})
	}
}

func TestFreeStopsAtFailure(t *testing.T) {
	for fails, want := range map[string][]string{"fence": {"fence"}, "release": {"fence", "release"}} {
		t.Run(fails, func(t *testing.T) {
			w := &writes{fails: fails}
			if freed, err := free(t, w); freed || !errors.Is(err, errRefused) {
				t.Errorf("Free() = %t, %v; want the failure", freed, err)
			}
			if !slices.Equal(w.done, want) {
				t.Errorf("Writes %q, want %q", w.done, want)
			}
		})
	}
}

// Somebody has removed or edited what the Lease says of its holder.
func TestFreeOfEditedLease(t *testing.T) {
	done := given.Run(dead(), given.Running(time.Hour), given.Succeeded(time.Minute))
	over := dead(given.Started(time.Hour), given.Ended(time.Minute, nil), given.Released)
	for _, test := range []struct {
		name                     string
		workflowID, runNamespace string
		objects                  []runtime.Object
		want                     string
	}{
		{"the workflow is removed, the holder knows it", "", given.RunNamespace, []runtime.Object{done, over}, given.WorkflowID},
		{"the workflow is another, the holder knows it", "other", given.RunNamespace, []runtime.Object{done, over}, given.WorkflowID},
		{"the workflow is removed, the run knows it", "", given.RunNamespace, []runtime.Object{done}, given.WorkflowID},
		{"the workflow is removed, and nobody knows it", "", given.RunNamespace, nil, ""},
		{"the namespace is removed, the holder knows it", given.WorkflowID, "", []runtime.Object{done, over}, given.WorkflowID},
		{"the namespace is another, the holder knows it", given.WorkflowID, "nowhere", []runtime.Object{done, over}, given.WorkflowID},
		{"the namespace is removed, and the holder gone", given.WorkflowID, "", []runtime.Object{done}, given.WorkflowID},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := &writes{}
			freed, err := freeOf(t, w, targetlock.Conflict{
				Holder: holder(), Target: given.Target, WorkflowID: test.workflowID, RunNamespace: test.runNamespace,
			}, test.objects...)
			if !freed || err != nil || w.workflowID != test.want {
				t.Errorf("Free() = %t, %v, of workflow %q; want it freed of %q", freed, err, w.workflowID, test.want)
			}
		})
	}
}
