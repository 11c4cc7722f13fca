// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package targetlease

import (
	"errors"
	"fmt"
	"testing"
	"time"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clientgotesting "k8s.io/client-go/testing"
	rtesting "knative.dev/pkg/reconciler/testing"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	given "kubernaut.ai/workflowexecution/pkg/reconciler/testing"
)

// rerun is a copy of the run of an execution, with all its marks, that somebody has made of it.
func rerun(of *v1alpha1.WorkflowExecution, facts ...given.RunOption) *tektonv1.PipelineRun {
	run := given.Run(of, facts...)
	run.Name, run.UID = run.Name+"-rerun", "rerun"
	return run
}

func cancels(run *tektonv1.PipelineRun) []clientgotesting.PatchActionImpl {
	return endsBy(tektonv1.PipelineRunSpecStatusCancelledRunFinally, run)
}

func endsBy(how tektonv1.PipelineRunSpecStatus, run *tektonv1.PipelineRun) []clientgotesting.PatchActionImpl {
	return []clientgotesting.PatchActionImpl{{
		Name: run.Name, Patch: fmt.Appendf(nil, `{"metadata":{"annotations":{"kubernaut.ai/cancel-reason":"Cancelled",`+
			`"kubernaut.ai/cancelled-at":"2026-03-01T12:00:00Z"},"uid":%q},"spec":{"status":%q}}`, run.UID, how),
	}}
}

// A run that no execution has made is ended, and a person is told, whoever has the target. Nothing flaps.
func TestStrays(t *testing.T) {
	runs := rerun(execution(), given.Running(minutes(1)))
	ending := rerun(execution(), given.Running(minutes(1)), given.Cancelled(v1alpha1.FailureCancelled), given.CancelledAt(20*time.Second))
	overdue := rerun(execution(), given.Running(minutes(60)), given.Cancelled(v1alpha1.FailureCancelled), given.CancelledAt(minutes(10)))
	nameless := rerun(execution(), given.Running(minutes(1)))
	nameless.Annotations = nil
	other := given.Execution("billing/other", given.Started(minutes(1)))
	othersRun := given.Run(other, given.Running(minutes(1)))
	told := func(target string) []string {
		return []string{"Warning StrayRun PipelineRun kubernaut-workflows/" + runs.Name + " is on target " + target + " without its lock: it is of no " +
			"execution that is still on its way, somebody has made it. It is ended; to repeat a workflow, create a WorkflowExecution"}
	}
	child := rerun(other, given.Running(minutes(1)), func(run *tektonv1.PipelineRun) {
		run.OwnerReferences = []metav1.OwnerReference{{APIVersion: "tekton.dev/v1", Kind: "PipelineRun", Name: othersRun.Name, UID: othersRun.UID, Controller: new(true)}}
	})
	run(t, rtesting.TableTest{{
		Name: "of an execution that is over, on a free target", Objects: []runtime.Object{over(), runs},
		WantPatches: cancels(runs), WantEvents: told(given.Target), OtherTestData: given.With(given.Requeues(minutes(1))),
	}, {
		Name: "while another execution has the target", Objects: []runtime.Object{over(), runs, other, othersRun, given.LockLease(other, minutes(1))},
		WantPatches: endsBy(tektonv1.PipelineRunSpecStatusCancelled, runs), WantEvents: told(given.Target), OtherTestData: given.With(given.Requeues(minutes(1))),
	}, {
		Name: "of the execution that has the target", Objects: []runtime.Object{
			execution(given.Started(minutes(1))), given.Run(execution(), given.Running(minutes(1))), runs, lease(),
		},
		WantPatches: endsBy(tektonv1.PipelineRunSpecStatusCancelled, runs), WantEvents: told(given.Target), OtherTestData: given.With(given.Requeues(minutes(1))),
	}, {
		Name: "of nobody", Objects: []runtime.Object{nameless},
		WantPatches: cancels(nameless), WantEvents: told(""), OtherTestData: given.With(given.Requeues(2 * time.Second)),
	}, {
		// A person has told it to end, by way of its finally tasks.
		Name: "that a person has cancelled", Objects: []runtime.Object{over(), rerun(execution(), given.Running(minutes(1)), given.Cancelled(v1alpha1.FailureCancelled))},
		WantPatches: cancels(runs), OtherTestData: given.With(given.Requeues(minutes(1))),
	}, {
		Name: "that is ending", Objects: []runtime.Object{over(), ending}, OtherTestData: given.With(given.Requeues(40 * time.Second)),
	}, {
		Name: "whose time is up", Objects: []runtime.Object{over(), overdue},
		WantDeletes: deletions(runDeletion(overdue)), OtherTestData: given.With(given.Requeues(135 * time.Second)),
	}, {
		Name: "that is pending", Objects: []runtime.Object{execution(given.Started(0)), given.Run(execution(), given.Running(0)), rerun(execution()), lease()},
		WantDeletes: deletions(runDeletion(rerun(execution()))), WantEvents: told(given.Target),
	}, {
		Name: "that has ended", Objects: []runtime.Object{over(), rerun(execution(), given.Running(minutes(1)), given.Succeeded(0))},
	}, {
		Name: "that has ended, which the cache does not know", Objects: []runtime.Object{over(), runs},
		OtherTestData: given.With(given.Live(rerun(execution(), given.Running(minutes(1)), given.Succeeded(0)))),
	}, {
		// It ends with the run that has made it.
		Name: "made by the pipeline of an execution that lives", Objects: []runtime.Object{other, othersRun, child, given.LockLease(other, minutes(1))},
	}, {
		Name: "made by the pipeline of an execution that is gone", Objects: []runtime.Object{child, given.FreeLease(cooldown("drain", minutes(3)))},
		WantPatches: cancels(child), OtherTestData: given.With(given.Requeues(minutes(1))),
		WantEvents: []string{"Warning StrayRun PipelineRun kubernaut-workflows/" + child.Name + " is on target " + given.Target + " without its lock: " +
			"it is of no execution that is still on its way, somebody has made it. It is ended; to repeat a workflow, create a WorkflowExecution"},
	}})
}

// Somebody has removed the finalizer of a holder whose node does not answer, or whose CustomRun its controller keeps.
func TestHolderDoesNotEnd(t *testing.T) {
	done := given.Run(execution(), given.Running(minutes(60)), given.Succeeded(minutes(20)))
	name := done.Name
	silent := given.Pod(done, "drain", given.PodDeletedAgo(minutes(10)))
	silent.Spec.NodeName = "worker-1"
	held := given.CustomRun(done, "approve")
	held.DeletionTimestamp, held.Finalizers = new(given.Ago(minutes(10))), []string{"example.com/approvals"}
	kept := given.TaskRun(done, "drain")
	kept.DeletionTimestamp, kept.Finalizers = new(given.Ago(minutes(10))), []string{"example.com/results"}
	unheard := given.CustomRun(done, "approve")
	run(t, rtesting.TableTest{{
		Name: "a pod on a node that does not answer", Objects: []runtime.Object{done, silent, fenced()},
		WantEvents: []string{"Warning TargetStaysLocked The target stays locked until these have ended: pod " + name + "-drain-pod. Nothing is heard of pod " +
			name + "-drain-pod on node worker-1: make sure that nothing works there any more, then delete it by force"},
		OtherTestData: given.With(given.Requeues(minutes(1))),
	}, {
		Name: "a CustomRun that its finalizer keeps", Objects: []runtime.Object{done, held, fenced()},
		WantEvents: []string{"Warning TargetStaysLocked The target stays locked until these have ended: CustomRun " + name + "-approve. CustomRun " + name +
			"-approve was deleted and does not go (finalizers example.com/approvals): make sure that nothing of it runs any more, then remove them"},
		OtherTestData: given.With(given.Requeues(minutes(5))),
	}, {
		Name: "a CustomRun without a controller", Objects: []runtime.Object{done, unheard, fenced()},
		WantDeletes: deletions(deletion("customruns", given.RunNamespace, unheard.Name)), OtherTestData: given.With(given.Requeues(minutes(5))),
	}, {
		// Tekton makes nothing of it any more, and of what it has made nothing runs.
		Name: "a TaskRun that only its finalizer keeps", Objects: []runtime.Object{done, kept, fenced()},
		WantDeletes: deletions(runDeletion(done)),
		WantUpdates: updates(given.FreeLease(given.Remembers("restart", removed()))),
	}})
}

// The pod of a part, and the run of a part of a part, may be known before the part itself.
func TestPartsThatAreNotKnownYet(t *testing.T) {
	alive := execution(given.Started(minutes(1)))
	own := given.Run(alive, given.Running(minutes(1)))
	partOf := func(whole *tektonv1.PipelineRun, name string) *tektonv1.PipelineRun {
		return given.Run(alive, given.Running(0), func(run *tektonv1.PipelineRun) {
			run.Name, run.UID = name, types.UID(name)
			run.OwnerReferences = []metav1.OwnerReference{{APIVersion: "tekton.dev/v1", Kind: "PipelineRun", Name: whole.Name, UID: whole.UID, Controller: new(true)}}
		})
	}
	child := partOf(own, "sub")
	run(t, rtesting.TableTest{{
		Name: "pod", Objects: []runtime.Object{alive, own, given.Pod(child, "drain"), lease()}, OtherTestData: given.With(given.Live(child)),
	}, {
		Name: "grandchild", Objects: []runtime.Object{alive, own, partOf(child, "sub-sub"), lease()}, OtherTestData: given.With(given.Live(child)),
	}})
}

// One stray that cannot be ended keeps no other from its end.
func TestStrayThatCannotBeCancelledShieldsNoOther(t *testing.T) {
	first, second := rerun(execution(), given.Running(minutes(1))), rerun(execution(), given.Running(minutes(1)))
	second.Name, second.UID = first.Name+"-2", "rerun-2"
	refuse := func(action clientgotesting.Action) (bool, runtime.Object, error) {
		patch, isPatch := action.(clientgotesting.PatchAction)
		return isPatch && patch.GetName() == first.Name, nil, errors.New("refused")
	}
	if s := lookWith(t, refuse, over(), first, second); len(s.patches) != 2 || s.err == nil {
		t.Errorf("%+v, want both asked to end and an error", s)
	}
}
