// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package workflowexecution

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clientgotesting "k8s.io/client-go/testing"
	clocktesting "k8s.io/utils/clock/testing"
	"knative.dev/pkg/apis"
	"knative.dev/pkg/controller"
	rtesting "knative.dev/pkg/reconciler/testing"

	"kubernaut.ai/workflowexecution/pkg/apis/config"
	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution"
	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/pkg/reconciler/pipelinerun"
	given "kubernaut.ai/workflowexecution/pkg/reconciler/testing"
)

// evicted is how the pod of a step looks that Kubernetes has put out.
func evicted(pod *corev1.Pod) {
	pod.Status.Phase, pod.Status.Reason, pod.Status.Message = corev1.PodFailed, "Evicted", "The node was low on resource: memory."
}

func wasEvicted() *v1alpha1.FailureDetails {
	details := taskFailed()
	details.Reason, details.NaturalLanguageSummary = v1alpha1.FailureEvicted, ""
	details.Message = "Step evict of task drain (1 of 3) ended with exit code 3 when its pod ended with Evicted: The node was low on resource: memory."
	return details
}

// A failure is looked into once. What may not be read is said; what could not be read this time is tried again.
// The log is left to the tests of what reads it: Knative's tables know no such request.
func TestExplainFailure(t *testing.T) {
	lease := given.LockLease(execution(), time.Minute)
	broken := given.TaskRun(failedRun(), "drain", given.TaskFailed(3))
	pod := given.Pod(failedRun(), "drain", given.PodEnded, withStep)
	forbidden := func(resource string) error {
		return apierrors.NewForbidden(schema.GroupResource{Resource: resource}, "", errors.New("no"))
	}
	noPods, noTaskRuns := taskFailed(), taskFailed()
	noPods.Message += "; pods could not be read: failed to list the pods of the run: pods is forbidden: no"
	*noTaskRuns = v1alpha1.FailureDetails{
		Reason: v1alpha1.FailureUnknown, FailedAt: noTaskRuns.FailedAt, WasExecutionFailure: true,
		ExecutionTimeBeforeFailure: noTaskRuns.ExecutionTimeBeforeFailure,
		Message:                    "Tasks Completed: 1; taskruns could not be read: failed to list the TaskRuns of the run: taskruns is forbidden: no",
	}
	explains := func(name string, details *v1alpha1.FailureDetails, reactors []clientgotesting.ReactionFunc, objects ...runtime.Object) rtesting.TableRow {
		if details.Message != taskFailed().Message {
			details.NaturalLanguageSummary = ""
		}
		return rtesting.TableRow{
			Name: name, Objects: append(objects, running(), failedRun(withoutLog), lease), WithReactors: reactors,
			WantStatusUpdates: status(endedBadly(details)),
		}
	}
	run(t, rtesting.TableTest{
		explains("by its step", taskFailed(), nil, broken, pod),
		explains("by a pod that was evicted", wasEvicted(), nil, broken, given.Pod(failedRun(), "drain", evicted, withStep)),
		explains("without the pods, which may not be read", noPods, []clientgotesting.ReactionFunc{given.Refuse("list", "pods", forbidden("pods"))}, broken),
		explains("without the TaskRuns, which may not be read", noTaskRuns,
			[]clientgotesting.ReactionFunc{given.Refuse("list", "taskruns", forbidden("taskruns"))}, broken),
	})
}

// Somebody has removed the settings of the run, and the configuration would not allow it any more.
func TestExplainWithoutSettings(t *testing.T) {
	lost := failedRun(given.Without(workflowexecution.SettingsAnnotation))
	run(t, rtesting.TableTest{{
		Name: "of a run that would be refused now",
		Objects: []runtime.Object{
			execution(timeout(time.Hour), given.Started(time.Minute), given.Mirroring(working(0))), lost,
			given.TaskRun(lost, "drain", given.TaskFailed(3)), given.Pod(lost, "drain", given.PodEnded, withStep), given.LockLease(execution(), time.Minute),
		},
		OtherTestData: given.With(given.Configured(func(c *config.WorkflowExecution) { c.MaxTimeout, c.LogTailLines = time.Minute, 0 })),
		WantStatusUpdates: status(execution(timeout(time.Hour), given.Started(time.Minute),
			given.Mirroring(done(corev1.ConditionFalse, "Failed")), given.Ended(0, taskFailed()))),
	}})
}

// Its pods are gone, and its TaskRuns tell what was done.
func TestProgressOfAFailure(t *testing.T) {
	twoTasks := func(run *tektonv1.PipelineRun) {
		run.Status.ChildReferences = append(run.Status.ChildReferences, tektonv1.ChildStatusReference{Name: run.Name + "-restart", PipelineTaskName: "restart"})
	}
	failed := failedRun(withoutLog, twoTasks)
	details, mirrored := taskFailed(), done(corev1.ConditionFalse, "Failed")
	details.FailedTaskName, details.FailedTaskIndex, details.FailedTaskRunName = "restart", new(int32(1)), runName+"-restart"
	details.Message, details.NaturalLanguageSummary = "Step evict of task restart (2 of 3) ended with exit code 3", ""
	mirrored.CompletedTasks, mirrored.Progress = 2, "2/3"
	run(t, rtesting.TableTest{{
		Name: "is what its TaskRuns say",
		Objects: []runtime.Object{
			running(), failed, given.TaskRun(failed, "drain", given.TaskSucceeded),
			given.TaskRun(failed, "restart", given.TaskFailed(3)), given.TaskRun(failed, "uncordon", given.TaskSucceeded), given.LockLease(execution(), time.Minute),
		},
		WantStatusUpdates: status(execution(given.Started(time.Minute), given.Mirroring(mirrored), given.Ended(0, details))),
	}})
}

func withoutLog(run *tektonv1.PipelineRun) {
	run.Annotations["kubernaut.ai/settings"] = strings.Replace(run.Annotations["kubernaut.ai/settings"], `"logTailLines":50`, `"logTailLines":0`, 1)
}

// withStep has the step of given.TaskFailed.
func withStep(pod *corev1.Pod) {
	pod.Spec.Containers = []corev1.Container{{Name: "step-evict"}}
	pod.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "step-evict", State: corev1.ContainerState{
		Terminated: &corev1.ContainerStateTerminated{ExitCode: 3, Reason: "Error", Message: `[{"key":"StartedAt","value":"x","type":3}]`},
	}}}
}

// The pod went in the second in which its run ended, and a watch told how it looked.
func TestExplainByAPodThatHasGone(t *testing.T) {
	deletedPods := pipelinerun.NewDeletedPods()
	deletedPods.Remember(given.Pod(failedRun(), "drain", evicted, withStep))
	details := wasEvicted()
	table := rtesting.TableTest{{
		Name: "is told", Key: key, SkipNamespaceValidation: true,
		Objects:           []runtime.Object{running(), failedRun(withoutLog), given.TaskRun(failedRun(), "drain", given.TaskFailed(3)), given.LockLease(execution(), 0)},
		WantStatusUpdates: status(endedBadly(details)),
	}}
	table.Test(t, given.MakeFactory(func(ctx context.Context, listers *given.Listers, c *given.Circumstances) controller.Reconciler {
		return constructAfter(ctx, listers, c, clocktesting.NewFakePassiveClock(given.Now()), deletedPods, nil)
	}))
}

// unschedulable waits for a node that has enough of everything.
func unschedulable(pod *corev1.Pod) {
	pod.Status = corev1.PodStatus{Phase: corev1.PodPending, Conditions: []corev1.PodCondition{{
		Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: corev1.PodReasonUnschedulable, Message: "0/1 nodes: Insufficient cpu",
	}}}
}

// withGate has Tekton's entrypoint wait for its pod.
func withGate(pod *corev1.Pod) {
	pod.Spec.Containers[0].Args = []string{"-wait_file", "/tekton/downward/ready"}
}

func creating(pod *corev1.Pod) {
	pod.Status = corev1.PodStatus{Phase: corev1.PodPending, ContainerStatuses: []corev1.ContainerStatus{{
		Name: "step-evict", State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ContainerCreating"}},
	}}}
}

func startedPod(pod *corev1.Pod) {
	pod.Annotations = map[string]string{"tekton.dev/ready": "READY"}
	pod.Status.Phase = corev1.PodRunning
}

const waitsForCPU = "Unschedulable: task drain: 0/1 nodes: Insufficient cpu"

func waiting(forWhat string) v1alpha1.PipelineRunStatusSummary {
	summary := working(0)
	summary.WaitingFor = forWhat
	return summary
}

// What a pod waits for is noted as long as it can be seen, and kept once it cannot.
func TestWaitingFor(t *testing.T) {
	lease, works := given.LockLease(execution(), time.Minute), given.Run(execution(), given.Running(time.Minute))
	waits := func(name, noted, want string, pods ...runtime.Object) rtesting.TableRow {
		row := rtesting.TableRow{
			Name:          name,
			Objects:       append(pods, execution(given.Started(time.Minute), given.Mirroring(waiting(noted))), works, lease),
			OtherTestData: given.With(given.Requeues(29 * time.Minute)),
		}
		if noted != want {
			row.WantStatusUpdates = status(execution(given.Started(time.Minute), given.Mirroring(waiting(want))))
		}
		return row
	}
	run(t, rtesting.TableTest{
		waits("nothing", "", ""),
		waits("a node", "", waitsForCPU, given.Pod(works, "drain", unschedulable)),
		waits("a node, as is known", waitsForCPU, waitsForCPU, given.Pod(works, "drain", unschedulable)),
		waits("a node, in the words that came first", "Unschedulable: task drain: 0/2 nodes", "Unschedulable: task drain: 0/2 nodes",
			given.Pod(works, "drain", unschedulable)),
		waits("a node, and another task for something else before", "ImagePullBackOff: task restart: no", waitsForCPU,
			given.Pod(works, "drain", unschedulable)),
		waits("a node, whose pod is gone", waitsForCPU, waitsForCPU),
		waits("nothing any more", waitsForCPU, "", given.Pod(works, "drain", startedPod)),
		waits("a node, while another task works", waitsForCPU, waitsForCPU, given.Pod(works, "restart", startedPod)),
	})
}

// A TaskRun without a pod is not watched. What it waits for is looked for while the run is cancelled: neither waits for the
// other.
func TestWaitingAtTheDeadline(t *testing.T) {
	lease, works := given.LockLease(execution(), time.Minute), given.Run(execution(), given.Running(time.Hour))
	quota := given.TaskRun(works, "drain", func(taskRun *tektonv1.TaskRun) {
		taskRun.Status.SetCondition(&apis.Condition{
			Type: apis.ConditionSucceeded, Status: corev1.ConditionUnknown, Reason: "ExceededResourceQuota", Message: "TaskRun Pod exceeded quota",
		})
	})
	late := func(noted string) *v1alpha1.WorkflowExecution {
		return execution(given.Started(time.Hour), given.Mirroring(waiting(noted)))
	}
	const noted, volume = "ExceededResourceQuota: task drain: TaskRun Pod exceeded quota", "ContainerCreating: task drain, container step-evict: "
	cancels := []clientgotesting.PatchActionImpl{cancelPatch(v1alpha1.FailureDeadlineExceeded)}
	again := given.With(given.Requeues(5 * time.Minute))
	run(t, rtesting.TableTest{{
		Name: "is noted", Objects: []runtime.Object{late(""), works, quota, lease},
		WantStatusUpdates: status(late(noted)), WantPatches: cancels, OtherTestData: again,
	}, {
		// A volume that is never mounted: it may still come, as far as anybody can see, until the time is up.
		Name: "is a volume", Objects: []runtime.Object{late(""), works, given.Pod(works, "drain", creating), lease},
		WantStatusUpdates: status(late(volume)), WantPatches: cancels, OtherTestData: again,
	}, {
		// Of a matrix one pod waits and another has started. The cancellation is not the time to forget what the first has waited for.
		Name: "is a volume of one pod of two, and stays", Objects: []runtime.Object{
			late(volume), given.Run(execution(), given.Running(time.Hour), given.Cancelled(v1alpha1.FailureDeadlineExceeded), given.CancelledAt(0)),
			given.Pod(works, "drain", startedPod), given.Pod(works, "drain", creating, func(pod *corev1.Pod) { pod.Name, pod.UID = pod.Name+"-1", "second" }), lease,
		}, OtherTestData: again,
	}, {
		Name: "was stored", Objects: []runtime.Object{late(noted), works, quota, lease}, WantPatches: cancels, OtherTestData: again,
	}, {
		Name: "is nothing", Objects: []runtime.Object{late(""), works, given.TaskRun(works, "drain"), lease}, WantPatches: cancels, OtherTestData: again,
	}, {
		// To look must not keep the run from its end.
		Name: "cannot be read", Objects: []runtime.Object{late(""), works, quota, lease}, WantPatches: cancels, OtherTestData: again,
		WithReactors: []clientgotesting.ReactionFunc{rtesting.InduceFailure("list", "taskruns")},
	}})
}
