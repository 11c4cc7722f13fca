// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package workflowexecution

import (
	"context"

	"github.com/tektoncd/pipeline/pkg/apis/pipeline"
	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	tektonclient "github.com/tektoncd/pipeline/pkg/client/injection/client"
	"go.uber.org/zap"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"
	kubeclient "knative.dev/pkg/client/injection/kube/client"
	"knative.dev/pkg/configmap"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/logging"
	"knative.dev/pkg/logging/logkey"
	"knative.dev/pkg/reconciler"

	"kubernaut.ai/workflowexecution/pkg/apis/config"
	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution"
	executionclient "kubernaut.ai/workflowexecution/pkg/client/injection/client"
	executioninformer "kubernaut.ai/workflowexecution/pkg/client/injection/informers/workflowexecution/v1alpha1/workflowexecution"
	reconcilerv1alpha1 "kubernaut.ai/workflowexecution/pkg/client/injection/reconciler/workflowexecution/v1alpha1/workflowexecution"
	executionlisters "kubernaut.ai/workflowexecution/pkg/client/listers/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/pkg/reconciler/events"
	"kubernaut.ai/workflowexecution/pkg/reconciler/pipelinerun"
	runinformers "kubernaut.ai/workflowexecution/pkg/reconciler/pipelinerun/informers"
	"kubernaut.ai/workflowexecution/pkg/reconciler/retry"
	"kubernaut.ai/workflowexecution/pkg/reconciler/takeover"
	"kubernaut.ai/workflowexecution/pkg/targetlock"
)

// queueName is the one that the generated code would give. The Leases by which replicas elect leaders have it in their names.
const queueName = "kubernaut.ai.workflowexecution.pkg.reconciler.workflowexecution.Reconciler"

// NewController wires the reconciler to its clients and to the watches that wake it: its executions,
// and their PipelineRuns and pods in the execution namespace.
func NewController(ctx context.Context, cmw configmap.Watcher) *controller.Impl {
	executions := executioninformer.Get(ctx)
	pipelineRuns, pods := runinformers.PipelineRuns(ctx), runinformers.Pods(ctx)
	parts := takeover.NewParts(ctx)
	r := &Reconciler{
		executions:   parts.Executions,
		tekton:       tektonclient.Get(ctx),
		runLister:    pipelineRuns.Lister(),
		index:        parts.Index,
		deletedPods:  pipelinerun.NewDeletedPods(),
		deletedRuns:  pipelinerun.NewDeletedRuns(hasOutcomeIn(executions.Lister())),
		runNamespace: parts.RunNamespace,
		targets:      targets(ctx),
		locks:        parts.Locks,
		runs:         parts.Runs,
		takeover:     parts.Takeover,
		clock:        parts.Clock,
	}
	ctx = context.WithValue(ctx, executionclient.Key{}, noting{executionclient.Get(ctx)})
	var impl *controller.Impl
	recorder, follow := newRecorder(ctx, executions.Lister(), func(key types.NamespacedName) { impl.EnqueueKey(key) })
	r.audit = recorder
	// A change wakes no execution: one that runs keeps the settings it started with.
	store := config.NewStore(logging.FromContext(ctx).Named("config-store"), follow)
	store.WatchConfigs(cmw)
	impl = newImpl(ctx, r, store)
	r.tracker = impl.Tracker
	go recorder.Run(ctx)

	if err := executions.Informer().SetTransform(runinformers.DropManagedFields); err != nil {
		logging.FromContext(ctx).Warnw("The cache of executions keeps managed fields", "error", err)
	}
	handle(ctx, executions.Informer(), controller.HandleAll(impl.Enqueue))
	handle(ctx, executions.Informer(), cache.ResourceEventHandlerFuncs{DeleteFunc: impl.Tracker.OnDeletedObserver})
	handle(ctx, pipelineRuns.Informer(), rememberAndTell(r.deletedRuns.Remember,
		controller.EnsureTypeMeta(impl.Tracker.OnChanged, tektonv1.SchemeGroupVersion.WithKind("PipelineRun"))))
	handle(ctx, pods.Informer(), cache.ResourceEventHandlerFuncs{DeleteFunc: r.deletedPods.Remember})
	handle(ctx, pods.Informer(), controller.HandleAll(func(object any) {
		if run := runOf(object); run != nil {
			impl.Tracker.OnChanged(run)
		}
	}))
	return impl
}

// newImpl is what the generated NewImpl makes, with a work queue of ours.
func newImpl(ctx context.Context, r *Reconciler, store reconciler.ConfigStore) *controller.Impl {
	logger := logging.FromContext(ctx).With(
		zap.String(logkey.ControllerType, queueName), zap.String(logkey.Kind, "kubernaut.ai.WorkflowExecution"))
	executions := executioninformer.Get(ctx).Lister()
	recorder := events.NewRecorder(ctx, "workflowexecution-controller")
	generated := reconcilerv1alpha1.NewReconciler(ctx, logger, executionclient.Get(ctx), executions, recorder, r, options(store))
	guarded := guardOutdated(generated, executions)
	return retry.NewImpl(ctx, guarded, controller.ControllerOptions{WorkQueueName: queueName, Logger: logger})
}

// options of Knative's part of the reconciler.
func options(store reconciler.ConfigStore) controller.Options {
	return controller.Options{ConfigStore: store, FinalizerName: workflowexecution.FinalizerName}
}

func targets(ctx context.Context) Targets {
	return targetlock.NewResolver(kubeclient.Get(ctx).Discovery())
}

func handle(ctx context.Context, informer cache.SharedIndexInformer, handler cache.ResourceEventHandler) {
	if _, err := informer.AddEventHandler(handler); err != nil {
		logging.FromContext(ctx).Fatalw("Failed to watch", "error", err)
	}
}

// rememberAndTell tells of everything that happens to an object. What is deleted is remembered before anybody is told.
func rememberAndTell(remember, tell func(any)) cache.ResourceEventHandler {
	return cache.ResourceEventHandlerFuncs{
		AddFunc:    tell,
		UpdateFunc: controller.PassNew(tell),
		DeleteFunc: func(object any) {
			remember(object)
			tell(object)
		},
	}
}

// hasOutcomeIn tells whether the cache has an execution whose outcome is known.
func hasOutcomeIn(executions executionlisters.WorkflowExecutionLister) func(targetlock.Holder) bool {
	return func(holder targetlock.Holder) bool {
		wfe, err := executions.WorkflowExecutions(holder.Namespace).Get(holder.Name)
		return err == nil && wfe.UID == holder.UID && wfe.Status.HasOutcome()
	}
}

// runOf stands for the PipelineRun that a pod belongs to, so that a change of the pod wakes whoever
// tracks the run.
func runOf(object any) *tektonv1.PipelineRun {
	if gone, ok := object.(cache.DeletedFinalStateUnknown); ok {
		object = gone.Obj
	}
	pod, ok := object.(*corev1.Pod)
	if !ok || pod.Labels[pipeline.PipelineRunLabelKey] == "" {
		return nil
	}
	return &tektonv1.PipelineRun{
		TypeMeta:   metav1.TypeMeta{APIVersion: tektonv1.SchemeGroupVersion.String(), Kind: "PipelineRun"},
		ObjectMeta: metav1.ObjectMeta{Namespace: pod.Namespace, Name: pod.Labels[pipeline.PipelineRunLabelKey]},
	}
}
