// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package testing

import (
	"maps"
	"time"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	tektonv1beta1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"knative.dev/pkg/apis"

	"kubernaut.ai/workflowexecution/pkg/apis/config"
	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution"
	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/pkg/reconciler/pipelinerun/resources"
)

// RunOption is a fact about a PipelineRun.
type RunOption func(*tektonv1.PipelineRun)

// Run is the run of an execution as it was created: pending.
func Run(wfe *v1alpha1.WorkflowExecution, facts ...RunOption) *tektonv1.PipelineRun {
	run, err := resources.MakePipelineRun(wfe, Target, RunNamespace, config.DefaultWorkflowExecution())
	if err != nil {
		panic(err)
	}
	run.UID, run.ResourceVersion = RunUID(wfe.UID), "7"
	for _, fact := range facts {
		fact(run)
	}
	return run
}

// NotPending may be started by Tekton, which has not noticed yet.
func NotPending(run *tektonv1.PipelineRun) {
	run.Spec.Status = ""
}

// Running was started by Tekton that long ago; its pipeline has the tasks drain and restart, of which
// the first has been created, and the finally task uncordon.
func Running(ago time.Duration) RunOption {
	return func(run *tektonv1.PipelineRun) {
		NotPending(run)
		at := Ago(ago)
		run.Status.StartTime = &at
		run.Status.PipelineSpec = &tektonv1.PipelineSpec{
			Tasks:   []tektonv1.PipelineTask{{Name: "drain"}, {Name: "restart"}},
			Finally: []tektonv1.PipelineTask{{Name: "uncordon"}},
		}
		run.Status.ChildReferences = []tektonv1.ChildStatusReference{{Name: run.Name + "-drain", PipelineTaskName: "drain"}}
		run.Status.SetCondition(&apis.Condition{
			Type: apis.ConditionSucceeded, Status: corev1.ConditionUnknown, Reason: "Running", Message: "Tasks Completed: 0",
		})
	}
}

// Succeeded ended well, that long ago, after its finally task was created.
func Succeeded(ago time.Duration) RunOption {
	return ended(ago, corev1.ConditionTrue, tektonv1.PipelineRunReasonSuccessful)
}

// Failed ended badly, that long ago, after its finally task was created.
func Failed(ago time.Duration, reason tektonv1.PipelineRunReason) RunOption {
	return ended(ago, corev1.ConditionFalse, reason)
}

func ended(ago time.Duration, status corev1.ConditionStatus, reason tektonv1.PipelineRunReason) RunOption {
	return func(run *tektonv1.PipelineRun) {
		at := Ago(ago)
		run.Status.CompletionTime = &at
		run.Status.ChildReferences = append(run.Status.ChildReferences,
			tektonv1.ChildStatusReference{Name: run.Name + "-uncordon", PipelineTaskName: "uncordon"})
		run.Status.SetCondition(&apis.Condition{
			Type: apis.ConditionSucceeded, Status: status, Reason: reason.String(), Message: "Tasks Completed: 1",
		})
	}
}

// Cancelled was told to end by way of its finally tasks.
func Cancelled(reason v1alpha1.FailureReason) RunOption {
	return func(run *tektonv1.PipelineRun) {
		run.Spec.Status = tektonv1.PipelineRunSpecStatusCancelledRunFinally
		run.Annotations[workflowexecution.CancelReasonAnnotation] = string(reason)
	}
}

// CancelledAt was cancelled that long ago.
func CancelledAt(ago time.Duration) RunOption {
	return func(run *tektonv1.PipelineRun) {
		run.Annotations[workflowexecution.CancelledAtAnnotation] = Ago(ago).UTC().Format(time.RFC3339)
	}
}

// SetBack was made pending again by somebody after it was started, while its tasks run.
func SetBack(run *tektonv1.PipelineRun) {
	run.Spec.Status, run.Generation = tektonv1.PipelineRunSpecStatusPending, 3
}

// Foreign has the name of our run and was made by somebody else.
func Foreign(run *tektonv1.PipelineRun) {
	run.UID, run.Labels, run.Annotations = "foreign", nil, nil
}

// ManagedByAnother was handed to a queue, say, which Tekton leaves it to.
func ManagedByAnother(run *tektonv1.PipelineRun) {
	run.Spec.ManagedBy = new("kueue.x-k8s.io/multikueue")
}

// Again is a run of the same name that was made later, with the same labels.
func Again(run *tektonv1.PipelineRun) {
	run.UID = "another-run"
}

// Unlabelled lost its labels, and so is hidden from the informer.
func Unlabelled(run *tektonv1.PipelineRun) {
	run.Labels = nil
}

// RunDeleted was asked to go, and waits for its children.
func RunDeleted(run *tektonv1.PipelineRun) {
	at := Ago(time.Second)
	run.DeletionTimestamp, run.Finalizers = &at, []string{metav1.FinalizerDeleteDependents}
}

// TaskRun is one of a run, for that pipeline task: it runs.
func TaskRun(run *tektonv1.PipelineRun, task string, facts ...func(*tektonv1.TaskRun)) *tektonv1.TaskRun {
	taskRun := &tektonv1.TaskRun{ObjectMeta: child(run, run.Name+"-"+task, task)}
	for _, fact := range facts {
		fact(taskRun)
	}
	return taskRun
}

// TaskRunDeleted was asked to go, and waits for its pod.
func TaskRunDeleted(taskRun *tektonv1.TaskRun) {
	at := Ago(time.Second)
	taskRun.DeletionTimestamp, taskRun.Finalizers = &at, []string{metav1.FinalizerDeleteDependents}
}

// TaskSucceeded ended well.
func TaskSucceeded(taskRun *tektonv1.TaskRun) {
	at := Ago(time.Second)
	taskRun.Status.CompletionTime = &at
	taskRun.Status.SetCondition(&apis.Condition{Type: apis.ConditionSucceeded, Status: corev1.ConditionTrue, Reason: "Succeeded"})
}

// TaskFailed ended by its step "evict", which exited with that code.
func TaskFailed(code int32) func(*tektonv1.TaskRun) {
	return func(taskRun *tektonv1.TaskRun) {
		at := Ago(time.Second)
		taskRun.Status.CompletionTime = &at
		taskRun.Status.SetCondition(&apis.Condition{Type: apis.ConditionSucceeded, Status: corev1.ConditionFalse, Reason: "Failed"})
		taskRun.Status.Steps = []tektonv1.StepState{{Name: "evict", ContainerState: corev1.ContainerState{
			Terminated: &corev1.ContainerStateTerminated{ExitCode: code, Reason: "Error"},
		}}}
	}
}

// CustomRun is one of a run: it runs.
func CustomRun(run *tektonv1.PipelineRun, task string) *tektonv1beta1.CustomRun {
	return &tektonv1beta1.CustomRun{ObjectMeta: child(run, run.Name+"-"+task, task)}
}

// Pod is one of a run, for that pipeline task: its container runs.
func Pod(run *tektonv1.PipelineRun, task string, facts ...func(*corev1.Pod)) *corev1.Pod {
	pod := &corev1.Pod{
		ObjectMeta: child(run, run.Name+"-"+task+"-pod", task),
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "step-evict"}}},
		Status: corev1.PodStatus{Phase: corev1.PodRunning, ContainerStatuses: []corev1.ContainerStatus{{
			Name: "step-evict", State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}},
		}}},
	}
	pod.Labels["tekton.dev/taskRun"] = run.Name + "-" + task
	for _, fact := range facts {
		fact(pod)
	}
	return pod
}

// AffinityAssistant is what Tekton runs for as long as a run, to have all its pods on one node (coschedule: pipelineruns).
func AffinityAssistant(run *tektonv1.PipelineRun) *corev1.Pod {
	pod := Pod(run, "affinity-assistant")
	for _, label := range []string{"tekton.dev/pipelineRunUID", "tekton.dev/pipelineTask", "tekton.dev/taskRun"} {
		delete(pod.Labels, label)
	}
	pod.Annotations, pod.Labels["app.kubernetes.io/component"] = nil, "affinity-assistant"
	pod.OwnerReferences = []metav1.OwnerReference{{
		APIVersion: "apps/v1", Kind: "StatefulSet", Name: "affinity-assistant", Controller: new(true),
	}}
	return pod
}

// PodEnded has no container left that runs, though its phase does not say so yet.
func PodEnded(pod *corev1.Pod) {
	pod.Status.ContainerStatuses[0].State = corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{}}
}

// NeverStarted waits for ever for a ConfigMap.
func NeverStarted(pod *corev1.Pod) {
	pod.Status.Phase = corev1.PodPending
	pod.Status.ContainerStatuses[0].State = corev1.ContainerState{
		Waiting: &corev1.ContainerStateWaiting{Reason: "CreateContainerConfigError"},
	}
}

// PodCreated was made that long ago.
func PodCreated(ago time.Duration) func(*corev1.Pod) {
	return func(pod *corev1.Pod) { pod.CreationTimestamp = Ago(ago) }
}

// PodDeleted was asked to end.
func PodDeleted(pod *corev1.Pod) {
	at := Ago(time.Second)
	pod.DeletionTimestamp, pod.Finalizers = &at, []string{"test/kubelet"}
}

// PodDeletedAgo should have ended that long ago.
func PodDeletedAgo(ago time.Duration) func(*corev1.Pod) {
	return func(pod *corev1.Pod) {
		PodDeleted(pod)
		pod.DeletionTimestamp = new(Ago(ago))
	}
}

// PodUnlabelled was made while the run had lost our label.
func PodUnlabelled(pod *corev1.Pod) {
	delete(pod.Labels, workflowexecution.ExecutionUIDLabel)
}

// child has the labels and annotations that Tekton copies from the run, and its own.
func child(run *tektonv1.PipelineRun, name, task string) metav1.ObjectMeta {
	labels := maps.Clone(run.Labels)
	if labels == nil {
		labels = map[string]string{}
	}
	maps.Copy(labels, map[string]string{
		"tekton.dev/pipelineRun": run.Name, "tekton.dev/pipelineRunUID": string(run.UID), "tekton.dev/pipelineTask": task,
	})
	return metav1.ObjectMeta{
		Namespace: run.Namespace, Name: name, UID: types.UID("uid-" + name), Labels: labels, Annotations: maps.Clone(run.Annotations),
	}
}

// Without an annotation that the run was made with.
func Without(annotation string) RunOption {
	return func(run *tektonv1.PipelineRun) { delete(run.Annotations, annotation) }
}
