// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package workflowexecution

import (
	"errors"
	"fmt"
	"testing"
	"time"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clientgotesting "k8s.io/client-go/testing"
	rtesting "knative.dev/pkg/reconciler/testing"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	given "kubernaut.ai/workflowexecution/pkg/reconciler/testing"
	"kubernaut.ai/workflowexecution/pkg/targetlock"
)

const unreadableLedger = "Nothing may run on target payment/deployments.apps/api: the ledger cannot be read: unexpected end of JSON input. " +
	"Repair annotation kubernaut.ai/ledger of the lease " + given.LeaseName +
	" in the controller's namespace, or remove it, and with it the cooldowns and blocks of the target"

// The ledger says that this execution has had its run: a reconcile freed the target and could not store
// that. It gets no other run, but the end that it had.
func TestSpent(t *testing.T) {
	spent := func(name string, entry targetlock.Entry, end string, want *v1alpha1.WorkflowExecution) rtesting.TableRow {
		return rtesting.TableRow{
			Name: name, Objects: []runtime.Object{execution(), free(entry)},
			WantStatusUpdates: status(want), WantEvents: []string{lockAcquired, lockReleased, end},
		}
	}
	const message = "Failed to create the PipelineRun: exceeded quota"
	neverRan := &v1alpha1.FailureDetails{Reason: v1alpha1.FailureForbidden, Message: message, FailedAt: given.Ago(time.Second)}
	ran := &v1alpha1.FailureDetails{
		Reason: v1alpha1.FailureTaskFailed, Message: "Step evict ended", FailedAt: given.Ago(time.Minute), WasExecutionFailure: true,
	}
	run(t, rtesting.TableTest{
		// The one that a crash leaves: creation refused, target freed, nothing stored.
		spent("failed before anything ran", given.Entry(execution(), time.Second,
			given.NeverRan(2, v1alpha1.FailureForbidden, message), given.Until(2*time.Minute)), failed(neverRan.Reason, message),
			execution(given.Locked, given.EndedUnstarted(time.Second, neverRan), given.Failing(2, 2*time.Minute), given.Released, given.TargetFreed(time.Second))),
		spent("failed before anything ran, for the last time", given.Entry(execution(), time.Second,
			given.NeverRan(5, v1alpha1.FailureForbidden, message), given.Until(10*time.Minute), given.Blocks(v1alpha1.SkipExhaustedRetries)),
			failed(neverRan.Reason, message),
			execution(given.Locked, given.EndedUnstarted(time.Second, neverRan), given.Blocking(5), given.Released, given.TargetFreed(time.Second))),
		// The rest takes somebody who emptied the status.
		spent("ran and failed", given.Entry(execution(), time.Minute, given.FailedFor(ran.Reason, ran.Message),
			given.FreedAgo(seconds(37)), given.Until(4*time.Minute), given.Blocks(v1alpha1.SkipPreviousExecutionFailed)), failed(ran.Reason, ran.Message),
			execution(given.Locked, hadRun, given.Ended(time.Minute, ran), given.Blocking(0), given.Released, given.TargetFreed(seconds(37)))),
		spent("completed", given.Entry(execution(), time.Minute, given.Until(4*time.Minute)), completed,
			execution(given.Locked, hadRun, given.Ended(time.Minute, nil), given.NextIn(4*time.Minute), given.Released, given.TargetFreed(time.Minute))),
	})
}

// hadRun is an execution of whose run nothing is known but that there was one.
func hadRun(wfe *v1alpha1.WorkflowExecution) {
	wfe.GetConditionSet().Manage(&wfe.Status).MarkTrue(v1alpha1.ConditionPipelineRunCreated)
}

// Nobody can tell what the ledger says: nothing new may run, and who holds the target keeps it.
func TestUnreadableLedger(t *testing.T) {
	broken := given.Ledger("{")
	run(t, rtesting.TableTest{{
		Name:    "on a free target",
		Objects: []runtime.Object{execution(), given.FreeLease(broken)},
		WantStatusUpdates: status(execution(given.Observed,
			given.FailedUnstarted(v1alpha1.FailureConfigurationError, unreadableLedger))),
		WantEvents: []string{failed(v1alpha1.FailureConfigurationError, unreadableLedger)},
	}, {
		Name:              "on a target that another holds",
		Objects:           []runtime.Object{execution(), other(given.Started(time.Minute)), given.LockLease(other(), time.Minute, broken)},
		WantStatusUpdates: status(execution(given.SkippedFor(other(), time.Minute))),
		WantEvents:        []string{skipped(other())},
	}, {
		Name:              "on a target that this execution holds",
		Objects:           []runtime.Object{execution(), given.LockLease(execution(), time.Minute, broken)},
		WantCreates:       []runtime.Object{newRun()},
		WantStatusUpdates: status(execution(given.RunCreated)),
		WantEvents:        []string{lockAcquired, runCreated},
	}, {
		// It is freed, and the text left for whoever repairs it.
		Name:              "when the target is freed",
		Objects:           []runtime.Object{endedWell(), succeeded(), given.LockLease(execution(), time.Minute, broken)},
		WantUpdates:       updates(given.FreeLease(broken)),
		WantStatusUpdates: status(endedWell(given.NextIn(5*time.Minute), given.Released)),
		WantEvents:        []string{lockReleased, completed},
	}, {
		Name:        "when the target is taken from a dead holder",
		Objects:     []runtime.Object{execution(), given.LockLease(other(), time.Minute, broken)},
		WantUpdates: updates(given.LockLease(other(), time.Minute, broken, given.Fenced), given.FreeLease(broken)),
		WantStatusUpdates: status(execution(given.Observed,
			given.FailedUnstarted(v1alpha1.FailureConfigurationError, unreadableLedger))),
		WantEvents: []string{failed(v1alpha1.FailureConfigurationError, unreadableLedger)},
	}})
}

const fullLedger = "Nothing new may run on target payment/deployments.apps/api: as many workflows as its ledger has room for " +
	"have failed there and block, and none of these blocks may be forgotten. Look at the target, then clear or delete failed executions " +
	"on it; annotation kubernaut.ai/ledger of the lease " + given.LeaseName + " in the controller's namespace names them"

// Invented workflows must neither push out a block nor let the ledger outgrow its Lease.
func TestFullLedger(t *testing.T) {
	var full []func(*coordinationv1.Lease)
	for i := range 64 {
		full = append(full, given.Remembers(fmt.Sprint("invented-", i), given.Entry(other(), time.Hour,
			given.FailedFor(v1alpha1.FailureTaskFailed, "exit code 1"), given.Blocks(v1alpha1.SkipPreviousExecutionFailed))))
	}
	run(t, rtesting.TableTest{{
		Name:    "a workflow that is not in it",
		Objects: []runtime.Object{execution(), given.FreeLease(full...)},
		WantStatusUpdates: status(execution(given.Observed,
			given.FailedUnstarted(v1alpha1.FailureResourceExhausted, fullLedger))),
		WantEvents: []string{failed(v1alpha1.FailureResourceExhausted, fullLedger)},
	}})
}

// Who edits Leases by hand must not make an execution believe that its target is free.
func TestLeaseHeldByGarbage(t *testing.T) {
	for name, identity := range map[string]string{"one word": "somebody", "half a holder": "billing//uid-other"} {
		t.Run(name, func(t *testing.T) {
			details := v1alpha1.SkipDetails{
				Reason: v1alpha1.SkipResourceBusy, SkippedAt: given.Ago(0),
				Message: `Target payment/deployments.apps/api is held by "` + identity + `", which names no execution: its lease was edited by hand; ` +
					"create a new execution once the controller has found out whether the target is free",
				ConflictingWorkflow: &v1alpha1.ConflictingWorkflow{
					WorkflowID: "drain", TargetResource: "payment/deployments.apps/api", StartedAt: given.Ago(time.Minute),
				},
			}
			run(t, rtesting.TableTest{{
				Name: "is held",
				Objects: []runtime.Object{execution(), given.LockLease(other(), time.Minute, func(lease *coordinationv1.Lease) {
					lease.Spec.HolderIdentity = &identity
				})},
				WantStatusUpdates: status(execution(given.SkippedWith(details))),
				WantEvents:        []string{skips(details)},
			}})
		})
	}
}

// Somebody deleted the Lease, or edited it, while an execution runs on the target. The cache says
// where to look; the API server says what is so.
func TestLeaseGoneWhileAnotherWorks(t *testing.T) {
	works := given.Run(other(), given.Running(time.Minute))
	ended := given.Run(other(), given.Running(time.Hour), given.Failed(0, tektonv1.PipelineRunReasonFailed))
	pod := given.Pod(ended, "drain", given.PodCreated(time.Minute))
	pending := given.Run(other(), createdAMinuteAgo)
	runs := func(name string, circumstance func(*given.Circumstances), objects ...runtime.Object) rtesting.TableRow {
		return rtesting.TableRow{
			Name: name, Objects: append(objects, execution()), OtherTestData: given.With(circumstance),
			WantCreates:       []runtime.Object{newLease(execution()), newRun()},
			WantStatusUpdates: status(execution(given.RunCreated)),
			WantEvents:        []string{lockAcquired, runCreated},
		}
	}
	busy := func(name string, objects ...runtime.Object) rtesting.TableRow {
		return rtesting.TableRow{
			Name: name, Objects: append(objects, execution()),
			WantStatusUpdates: status(execution(given.SkippedFor(other(), time.Minute))),
			WantEvents:        []string{skipped(other())},
		}
	}
	run(t, rtesting.TableTest{
		busy("its run works", works),
		busy("its run works, and the Lease is free", works, given.FreeLease()),
		busy("its run works, and the Lease was edited to name this one", works, given.LockLease(execution(), 0)),
		busy("its pod outlives its run", ended, pod),
		// A replica that was held up since it read the Lease may still start it.
		busy("its run is pending", pending),
		busy("its run is pending, and the Lease was edited to name this one", pending, given.LockLease(execution(), 0)),
		busy("its run is pending, and that of a third works", given.Run(given.Execution("a/first")), works),
		runs("its run has ended, which the cache does not know", given.Live(ended), works),
		runs("its run is gone, which the cache does not know", given.Gone(works), works),
		runs("its run is another one by now", given.Live(given.Run(other(), given.Again, given.Running(0))), works),
		runs("its run was pending, and is gone, which the cache does not know", given.Gone(pending), pending),
		runs("its pod has ended, which the cache does not know", given.Live(given.Pod(ended, "drain", given.PodEnded)), ended, pod),
		runs("its pod is gone, which the cache does not know", given.Gone(pod), ended, pod),
		// With "coschedule: pipelineruns" Tekton leaves it there for some moments, under the name "//".
		runs("its affinity assistant outlives its run", given.Live(), ended, given.AffinityAssistant(ended)),
		runs("a pod of this execution's own works", given.Live(), given.Pod(given.Run(execution()), "drain")),
	})
}

func createdAMinuteAgo(run *tektonv1.PipelineRun) {
	run.CreationTimestamp = given.Ago(time.Minute)
}

// Somebody edited the Lease so that it names an execution that never was.
func TestLeaseEditedWhileAnotherWorks(t *testing.T) {
	ghost := given.Execution("nowhere/ghost", given.WithWorkflow("drain"))
	remembers := given.Remembers("drain", given.Entry(ghost, 0,
		given.FailedFor(v1alpha1.FailureCancelled, "The execution was removed while it held its target"), given.Until(5*time.Minute)))
	run(t, rtesting.TableTest{{
		Name:              "the true holder is named",
		Objects:           []runtime.Object{execution(), given.Run(other(), given.Running(time.Minute)), given.LockLease(ghost, 0)},
		WantUpdates:       updates(given.LockLease(ghost, 0, given.Fenced), given.FreeLease(remembers)),
		WantStatusUpdates: status(execution(given.SkippedFor(other(), time.Minute))),
		WantEvents:        []string{skipped(other())},
	}})
}

func TestLeaseGoneAndNobodyKnows(t *testing.T) {
	works := given.Run(other(), given.Running(time.Minute))
	ended := given.Run(other(), given.Running(time.Hour), given.Failed(0, tektonv1.PipelineRunReasonFailed))
	run(t, rtesting.TableTest{{
		Name:         "whether the run works",
		Objects:      []runtime.Object{execution(), works},
		WithReactors: []clientgotesting.ReactionFunc{rtesting.InduceFailure("get", "pipelineruns")},
		WantErr:      true, WantStatusUpdates: status(execution(unnoticed)),
		WantEvents: []string{internalError("failed to read PipelineRun kubernaut-workflows/" + works.Name + ": inducing failure for get pipelineruns")},
	}, {
		Name:         "whether the pod works",
		Objects:      []runtime.Object{execution(), ended, given.Pod(ended, "drain")},
		WithReactors: []clientgotesting.ReactionFunc{rtesting.InduceFailure("get", "pods")},
		WantErr:      true, WantStatusUpdates: status(execution(unnoticed)),
		WantEvents: []string{internalError("failed to read pod kubernaut-workflows/" + works.Name +
			"-drain-pod, which may work on the target: inducing failure for get pods")},
	}, {
		Name:         "whether the block still holds",
		Objects:      []runtime.Object{execution(), failedEarlier(), given.FreeLease(given.Remembers("restart", blocks()))},
		WithReactors: []clientgotesting.ReactionFunc{cannotRead("earlier")},
		WantErr:      true, WantStatusUpdates: status(execution(unnoticed)),
		WantEvents: []string{internalError("failed to read the execution billing/earlier, which blocks the workflow: down")},
	}, {
		Name:         "whether the holder lives",
		Objects:      []runtime.Object{execution(), other(given.Started(0)), given.LockLease(other(), 0)},
		WithReactors: []clientgotesting.ReactionFunc{cannotRead("other")},
		WantErr:      true, WantStatusUpdates: status(execution(unnoticed)),
		WantEvents: []string{internalError("failed to read the execution billing/other, which holds the target: down")},
	}})
}

func cannotRead(execution string) clientgotesting.ReactionFunc {
	return func(action clientgotesting.Action) (bool, runtime.Object, error) {
		get, ok := action.(clientgotesting.GetAction)
		if !ok || !action.Matches("get", "workflowexecutions") || get.GetName() != execution {
			return false, nil, nil
		}
		return true, nil, errors.New("down")
	}
}

// takenMeanwhile lets the lock be another's after the first look: the write finds a conflict.
func takenMeanwhile(write string, by *coordinationv1.Lease, conflict error) clientgotesting.ReactionFunc {
	taken := false
	return func(action clientgotesting.Action) (bool, runtime.Object, error) {
		if action.Matches(write, "leases") {
			taken = true
			return true, nil, conflict
		}
		if taken && action.Matches("get", "leases") {
			return true, by.DeepCopy(), nil
		}
		return false, nil, nil
	}
}

func TestLockChangesBetweenLookAndTake(t *testing.T) {
	leases := schema.GroupResource{Group: "coordination.k8s.io", Resource: "leases"}
	busy := rtesting.TableRow{
		WantStatusUpdates: status(execution(given.SkippedFor(other(), 0))),
		WantEvents:        []string{skips(*execution(given.SkippedFor(other(), 0)).Status.SkipDetails)},
	}
	row := func(name string, change func(*rtesting.TableRow)) rtesting.TableRow {
		row := busy
		row.Name = name
		change(&row)
		return row
	}
	lease := given.LockLease(other(), 0)
	run(t, rtesting.TableTest{
		row("nobody had ever held it", func(row *rtesting.TableRow) {
			row.Objects = []runtime.Object{execution(), other(given.Started(0))}
			row.WithReactors = []clientgotesting.ReactionFunc{takenMeanwhile("create", lease, alreadyExists("leases"))}
			row.WantCreates = []runtime.Object{newLease(execution())}
		}),
		row("it was free", func(row *rtesting.TableRow) {
			row.Objects = []runtime.Object{execution(), other(given.Started(0)), given.FreeLease()}
			row.WithReactors = []clientgotesting.ReactionFunc{
				takenMeanwhile("update", lease, apierrors.NewConflict(leases, given.LeaseName, errors.New("modified"))),
			}
			row.WantUpdates = updates(given.LockLease(execution(), 0))
		}),
		row("it was free, and was deleted between", func(row *rtesting.TableRow) {
			row.Objects = []runtime.Object{execution(), other(given.Started(0)), given.FreeLease()}
			row.WithReactors = []clientgotesting.ReactionFunc{takenMeanwhile("update", lease, apierrors.NewNotFound(leases, given.LeaseName))}
			row.WantUpdates = updates(given.LockLease(execution(), 0))
		}),
	})
}
