// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package targetlease

import (
	"context"
	"errors"
	"testing"
	"time"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clientgotesting "k8s.io/client-go/testing"
	"k8s.io/client-go/tools/record"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/reconciler"

	"kubernaut.ai/workflowexecution/pkg/apis/config"
	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution"
	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	given "kubernaut.ai/workflowexecution/pkg/reconciler/testing"
)

// seen is what one reconcile of the Lease did.
type seen struct {
	patches, deletes []string
	leaseWrites      int
	lease            *coordinationv1.Lease
	events           []string
	again            time.Duration
	err              error
}

func look(t *testing.T, objects ...runtime.Object) seen {
	t.Helper()
	return lookWith(t, nil, objects...)
}

func lookWith(t *testing.T, reactor clientgotesting.ReactionFunc, objects ...runtime.Object) seen {
	t.Helper()
	cached, server := given.NewListers(objects), given.NewListers(objects)
	ctx, clients := given.WithClients(context.Background(), t, &server)
	for _, client := range clients {
		if reactor != nil {
			client.PrependReactor("*", "*", reactor)
		}
	}
	recorder := record.NewFakeRecorder(20)
	ctx = controller.WithEventRecorder(ctx, recorder)
	r := construct(ctx, &cached, &given.Circumstances{Config: config.DefaultWorkflowExecution()})
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
			switch action := action.(type) {
			case clientgotesting.PatchActionImpl:
				s.patches = append(s.patches, action.Name+" "+string(action.Patch))
			case clientgotesting.DeleteActionImpl:
				s.deletes = append(s.deletes, action.GetResource().Resource+" "+action.Name)
			case clientgotesting.UpdateActionImpl:
				s.leaseWrites++
				s.lease, _ = action.Object.(*coordinationv1.Lease)
			case clientgotesting.CreateActionImpl:
				s.leaseWrites++
			}
		}
	}
	close(recorder.Events)
	for event := range recorder.Events {
		s.events = append(s.events, event)
	}
	return s
}

// Somebody has removed one annotation of the one run of a live execution, which holds its target and whose status refers
// to that run by its UID.
func TestRunThatLostAnAnnotationIsNoStray(t *testing.T) {
	for _, annotation := range []string{
		workflowexecution.ExecutionNameAnnotation, workflowexecution.ExecutionUIDAnnotation,
	} {
		alive := execution(given.Started(minutes(1)))
		own := given.Run(alive, given.Running(minutes(1)), given.Without(annotation))
		if s := look(t, alive, own, lease()); len(s.patches) > 0 {
			t.Errorf("without %s: the legitimate run is cancelled: %q, and a person is told: %q", annotation, s.patches, s.events)
		}
	}
}

// A custom task (pipelines-in-pipelines, pipeline-loop) makes a PipelineRun with the labels and annotations of its CustomRun,
// and that is its controller.
func TestRunMadeByACustomRunIsNoStray(t *testing.T) {
	alive := execution(given.Started(minutes(1)))
	own := given.Run(alive, given.Running(minutes(1)))
	custom := given.CustomRun(own, "loop")
	child := rerun(alive, given.Running(0), func(run *tektonv1.PipelineRun) {
		run.OwnerReferences = []metav1.OwnerReference{{
			APIVersion: "tekton.dev/v1beta1", Kind: "CustomRun", Name: custom.Name, UID: custom.UID, Controller: new(true),
		}}
	})
	if s := look(t, alive, own, custom, child, lease()); len(s.patches) > 0 {
		t.Errorf("a part of a live execution is cancelled: %q, and a person is told: %q", s.patches, s.events)
	}
}

// A stray has ended, and has left a pod that can never start, or one on a node that does not answer. For every execution
// that comes the target is busy ("it is being ended").
func TestPodLeftByAStrayIsEnded(t *testing.T) {
	stray := rerun(execution(), given.Running(minutes(60)), given.Succeeded(minutes(30)))
	silent := given.Pod(stray, "drain", given.PodDeletedAgo(minutes(20)))
	silent.Spec.NodeName = "worker-1"
	for name, pod := range map[string]*corev1.Pod{"never starts": given.Pod(stray, "drain", given.NeverStarted), "silent node": silent} {
		s := look(t, over(), stray, pod, given.FreeLease(cooldown("restart", minutes(4))))
		if len(s.deletes) == 0 && len(s.events) == 0 {
			t.Errorf("%s: the pod is not deleted, and nobody is told (%+v)", name, s)
		}
		s = look(t, over(), pod, given.FreeLease(cooldown("restart", minutes(4))))
		if len(s.deletes) == 0 && len(s.events) == 0 {
			t.Errorf("%s, and the stray is gone: the pod is not deleted, and nobody is told (%+v)", name, s)
		}
	}
}

// A pending run that was never started, and whose spec somebody's update has changed (the defaults of a newer Tekton with
// it): generation 2. Its execution is over. The Lease has a dead holder beside.
func TestChangedPendingRunStopsNothing(t *testing.T) {
	orphan := given.Run(over(), func(run *tektonv1.PipelineRun) { run.Generation = 2 })
	dead := given.Execution("billing/other", given.Started(minutes(60)), given.Ended(minutes(1), nil), given.Released)
	deadRun := given.Run(dead, given.Running(minutes(60)), given.Succeeded(minutes(1)))
	s := look(t, over(), orphan, dead, deadRun, given.LockLease(dead, minutes(60)))
	if s.err != nil {
		t.Errorf("each attempt fails alike, every 5 s for ever: %v", s.err)
	}
	if len(s.events) == 0 && len(s.deletes)+len(s.patches) == 0 {
		t.Error("the run is not ended, and nobody is told")
	}
	if s.leaseWrites == 0 {
		t.Error("the dead holder beside it is never ended: its target stays locked")
	}
}

// The run of a dead holder was deleted with --cascade=orphan. Its CustomRun, or a TaskRun that Tekton has forgotten, stays.
func TestStragglerOfADeletedRunIsEnded(t *testing.T) {
	gone := given.Run(execution(), given.Running(minutes(600)))
	for name, straggler := range map[string]runtime.Object{
		"CustomRun": given.CustomRun(gone, "approve"), "TaskRun": given.TaskRun(gone, "drain"),
	} {
		s := look(t, straggler, fenced())
		if len(s.deletes) == 0 && len(s.events) == 0 {
			t.Errorf("%s: not deleted, nobody told, looked at again after %s, for ever", name, s.again)
		}
	}
}

// The own run of an execution that is over works (it was created late by a stalled replica, and a queue, or somebody, has started it)
// while another has the target.
func TestRunOfAnExecutionThatIsOverIsEnded(t *testing.T) {
	works := given.Run(execution(), given.Running(minutes(1)))
	other := given.Execution("billing/other", given.Started(minutes(1)))
	skipped := execution(given.SkippedFor(other, minutes(1)))
	s := look(t, skipped, works, other, given.Run(other, given.Running(minutes(1))), given.LockLease(other, minutes(1)))
	if len(s.patches)+len(s.deletes)+len(s.events) == 0 {
		t.Errorf("two runs on one target, nothing is done and nobody is told: %+v", s)
	}
}

// A stray cannot be cancelled, for whatever reason. The dead holder beside it has nothing to do with it.
func TestStrayThatCannotBeCancelledShieldsNoHolder(t *testing.T) {
	stray := rerun(execution(), given.Running(minutes(1)))
	dead := given.Execution("billing/other", given.Started(minutes(60)), given.Ended(minutes(1), nil), given.Released)
	deadRun := given.Run(dead, given.Running(minutes(60)), given.Succeeded(minutes(1)))
	refuse := given.Refuse("patch", "pipelineruns", errors.New("webhook is away"))
	if s := lookWith(t, refuse, over(), stray, dead, deadRun, given.LockLease(dead, minutes(60))); s.leaseWrites == 0 {
		t.Errorf("the dead holder is not even fenced: %v", s.err)
	}
}

// The run of an execution that is over was deleted, and is restored from a backup, or from a file: of the same name. A newer
// execution of the workflow has failed since and blocks. Whether the older one is still there or not, it takes no target.
func TestRestoredRunLeavesTheBlockOfANewerExecution(t *testing.T) {
	copied := given.Run(execution(), given.Running(minutes(1)))
	copied.UID = "restored-from-backup"
	newer := given.Execution("payments/newer", given.Started(minutes(1)), given.Ended(30*time.Second, &v1alpha1.FailureDetails{
		Reason: v1alpha1.FailureTaskFailed, WasExecutionFailure: true, FailedAt: given.Ago(30 * time.Second),
	}), given.Released)
	block := given.Remembers("restart", given.Entry(newer, 30*time.Second, given.FailedFor(v1alpha1.FailureTaskFailed, "no"),
		given.Blocks(v1alpha1.SkipPreviousExecutionFailed), given.Until(minutes(5))))
	for name, objects := range map[string][]runtime.Object{
		"over": {over(), newer, copied, given.FreeLease(block)},
		"gone": {newer, copied, given.FreeLease(block)},
	} {
		if s := look(t, objects...); s.leaseWrites > 0 || len(s.patches) != 1 || len(s.events) != 1 {
			t.Errorf("%s: %+v; want the run cancelled, a person told, and the Lease as it was", name, s)
		}
	}
}

// The same while another has the target: two executions' pods on one target, for as long as the copy works.
func TestRestoredRunBesideTheHolderIsEnded(t *testing.T) {
	copied := given.Run(execution(), given.Running(minutes(1)))
	copied.UID = "restored-from-backup"
	other := given.Execution("billing/other", given.Started(minutes(2)))
	s := look(t, over(), copied, other, given.Run(other, given.Running(minutes(2))), given.LockLease(other, minutes(2)))
	if len(s.patches)+len(s.deletes)+len(s.events) == 0 {
		t.Errorf("nothing is done, nobody is told: %+v", s)
	}
}

// What a dead holder left is in a former namespace where the controller has no rights any more.
func TestUnreachableHolderIsAskedForRarely(t *testing.T) {
	lease := given.LockLease(execution(), minutes(1), given.Fenced)
	lease.Annotations[workflowexecution.RunNamespaceAnnotation] = "former-workflows"
	forbidden := apierrors.NewForbidden(tektonv1.SchemeGroupVersion.WithResource("pipelineruns").GroupResource(), "fix", errors.New("RBAC"))
	s := lookWith(t, given.Refuse("get", "pipelineruns", forbidden), lease)
	if s.again < time.Minute {
		t.Errorf("an error, so again after 5 s at most and with an event each time, instead of after minutes: %v; %d events", s.err, len(s.events))
	}
}
