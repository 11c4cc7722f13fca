// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package targetlease

import (
	"context"
	"time"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"
	"knative.dev/pkg/configmap"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/kmeta"
	"knative.dev/pkg/logging"
	"knative.dev/pkg/reconciler"
	"knative.dev/pkg/system"

	"kubernaut.ai/workflowexecution/pkg/apis/config"
	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution"
	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	executioninformer "kubernaut.ai/workflowexecution/pkg/client/injection/informers/workflowexecution/v1alpha1/workflowexecution"
	"kubernaut.ai/workflowexecution/pkg/reconciler/events"
	"kubernaut.ai/workflowexecution/pkg/reconciler/pipelinerun"
	runinformers "kubernaut.ai/workflowexecution/pkg/reconciler/pipelinerun/informers"
	"kubernaut.ai/workflowexecution/pkg/reconciler/retry"
	"kubernaut.ai/workflowexecution/pkg/reconciler/takeover"
	"kubernaut.ai/workflowexecution/pkg/targetlock"
)

// settleTime passes before a Lease is looked at after something has changed. One fact shows in several
// caches, and not in all of them at once; what is in order once they agree costs no request.
const settleTime = time.Second

// NewController wires the reconciler to what wakes it: Leases of targets, runs that appear, and
// executions that are over or gone.
func NewController(ctx context.Context, cmw configmap.Watcher) *controller.Impl {
	logger := logging.FromContext(ctx).Named("targetlease")
	store := config.NewStore(logger.Named("config-store"))
	store.WatchConfigs(cmw)

	parts := takeover.NewParts(ctx)
	r := &Reconciler{
		leases:     leases(ctx).Lister().Leases(system.Namespace()),
		executions: executioninformer.Get(ctx).Lister(),
		index:      parts.Index,
		client:     parts.Executions,
		runs:       parts.Runs,
		locks:      parts.Locks,
		takeover:   parts.Takeover,
		config:     store,
		events:     events.NewRecorder(ctx, "targetlease-controller"),
		clock:      parts.Clock,
	}
	r.PromoteFunc = r.promote
	impl := retry.NewImpl(ctx, r, controller.ControllerOptions{WorkQueueName: "targetlease", Logger: logger})
	r.watch(ctx, impl)
	return impl
}

func (r *Reconciler) watch(ctx context.Context, impl *controller.Impl) {
	wake := func(name string) {
		impl.EnqueueKeyAfter(types.NamespacedName{Namespace: system.Namespace(), Name: name}, settleTime)
	}
	for informer, handler := range map[cache.SharedIndexInformer]cache.ResourceEventHandler{
		leases(ctx).Informer():                    controller.HandleAll(func(object any) { wake(nameOf(object)) }),
		runinformers.PipelineRuns(ctx).Informer(): onRun(func(hash string) { wake(targetlock.LeaseNameOfHash(hash)) }),
		executioninformer.Get(ctx).Informer(): onEnd(func(wfe *v1alpha1.WorkflowExecution) {
			if target := wfe.Status.Annotations[workflowexecution.CanonicalTargetAnnotation]; target != "" {
				wake(targetlock.LeaseName(target))
			}
		}),
	} {
		if _, err := informer.AddEventHandler(handler); err != nil {
			logging.FromContext(ctx).Fatalw("Failed to watch", "error", err)
		}
	}
}

// onRun tells of runs that appear, end or are deleted, and of every change of one that is not ours, by the hash of the
// target. Other changes of our own are the business of its execution.
func onRun(tell func(hash string)) cache.ResourceEventHandler {
	return cache.ResourceEventHandlerFuncs{
		AddFunc: func(object any) {
			if hash := hashOf(object); hash != "" {
				tell(hash)
			}
		},
		UpdateFunc: func(_, object any) {
			run, isRun := object.(*tektonv1.PipelineRun)
			if hash := hashOf(object); isRun && hash != "" && (run.IsDone() || !pipelinerun.IsOwn(run)) {
				tell(hash)
			}
		},
		DeleteFunc: func(object any) {
			if gone, ok := object.(cache.DeletedFinalStateUnknown); ok {
				object = gone.Obj
			}
			if hash := hashOf(object); hash != "" {
				tell(hash)
			}
		},
	}
}

// onEnd tells of executions that are over from now on, or gone. What was over before is known to the
// Leases.
func onEnd(tell func(*v1alpha1.WorkflowExecution)) cache.ResourceEventHandler {
	return cache.ResourceEventHandlerFuncs{
		UpdateFunc: func(before, after any) {
			old, _ := before.(*v1alpha1.WorkflowExecution)
			wfe, ok := after.(*v1alpha1.WorkflowExecution)
			if ok && old != nil && wfe.Status.IsTerminal() && !old.Status.IsTerminal() {
				tell(wfe)
			}
		},
		DeleteFunc: func(object any) {
			if gone, ok := object.(cache.DeletedFinalStateUnknown); ok {
				object = gone.Obj
			}
			if wfe, ok := object.(*v1alpha1.WorkflowExecution); ok {
				tell(wfe)
			}
		},
	}
}

// promote looks at every target of a bucket that this replica leads from now on: at those that have a
// Lease, and at those that have a run, whose Lease may have been deleted while nobody led.
func (r *Reconciler) promote(bucket reconciler.Bucket, enqueue func(reconciler.Bucket, types.NamespacedName)) error {
	all, err := r.leases.List(labels.Everything())
	if err != nil {
		return err
	}
	for _, lease := range all {
		enqueue(bucket, types.NamespacedName{Namespace: lease.Namespace, Name: lease.Name})
	}
	for _, hash := range r.index.Targets() {
		enqueue(bucket, types.NamespacedName{Namespace: system.Namespace(), Name: targetlock.LeaseNameOfHash(hash)})
	}
	return nil
}

func nameOf(object any) string {
	accessor, err := kmeta.DeletionHandlingAccessor(object)
	if err != nil {
		return ""
	}
	return accessor.GetName()
}

func hashOf(object any) string {
	labelled, ok := object.(metav1.Object)
	if !ok {
		return ""
	}
	return labelled.GetLabels()[workflowexecution.TargetHashLabel]
}
