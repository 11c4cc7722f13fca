// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package takeover

import (
	"context"

	tektonclient "github.com/tektoncd/pipeline/pkg/client/injection/client"
	"k8s.io/utils/clock"
	kubeclient "knative.dev/pkg/client/injection/kube/client"
	"knative.dev/pkg/system"

	"kubernaut.ai/workflowexecution/pkg/client/clientset/versioned"
	executionclient "kubernaut.ai/workflowexecution/pkg/client/injection/client"
	executioninformer "kubernaut.ai/workflowexecution/pkg/client/injection/informers/workflowexecution/v1alpha1/workflowexecution"
	"kubernaut.ai/workflowexecution/pkg/reconciler/pipelinerun"
	runinformers "kubernaut.ai/workflowexecution/pkg/reconciler/pipelinerun/informers"
	"kubernaut.ai/workflowexecution/pkg/targetlock"
)

// Parts are what every controller of ours is made of.
type Parts struct {
	Executions versioned.Interface
	Runs       *pipelinerun.Runs
	// Index has to be made before the informers are started.
	Index    *pipelinerun.Index
	Locks    *targetlock.Store
	Takeover *Takeover
	Clock    clock.PassiveClock
	// RunNamespace is the execution namespace.
	RunNamespace string
}

// NewParts takes the clients and informers of the context.
func NewParts(ctx context.Context) Parts {
	now, index := clock.RealClock{}, pipelinerun.WatchedIndex(ctx, executioninformer.Get(ctx).Informer().GetIndexer())
	p := Parts{
		Executions:   executionclient.Get(ctx),
		Runs:         pipelinerun.New(tektonclient.Get(ctx), kubeclient.Get(ctx), index, now),
		Index:        index,
		Locks:        targetlock.NewStore(kubeclient.Get(ctx).CoordinationV1(), system.Namespace(), now),
		Clock:        now,
		RunNamespace: runinformers.Namespace(ctx),
	}
	p.Takeover = New(p.Executions, p.Runs, p.Locks, p.Clock, p.RunNamespace)
	return p
}
