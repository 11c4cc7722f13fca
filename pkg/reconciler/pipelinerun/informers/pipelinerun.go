// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package informers

import (
	"context"

	"github.com/tektoncd/pipeline/pkg/client/informers/externalversions"
	tektonv1 "github.com/tektoncd/pipeline/pkg/client/informers/externalversions/pipeline/v1"
	tektonclient "github.com/tektoncd/pipeline/pkg/client/injection/client"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/injection"
)

type pipelineRunKey struct{}

func init() {
	injection.Default.RegisterInformer(withPipelineRunInformer)
}

// PipelineRuns is the informer of our PipelineRuns.
func PipelineRuns(ctx context.Context) tektonv1.PipelineRunInformer {
	informer, _ := ctx.Value(pipelineRunKey{}).(tektonv1.PipelineRunInformer)
	return informer
}

func withPipelineRunInformer(ctx context.Context) (context.Context, controller.Informer) {
	informer := externalversions.NewSharedInformerFactoryWithOptions(
		tektonclient.Get(ctx), controller.GetResyncPeriod(ctx),
		externalversions.WithNamespace(Namespace(ctx)),
		externalversions.WithTweakListOptions(onlyOurs),
		externalversions.WithTransform(DropManagedFields),
	).Tekton().V1().PipelineRuns()
	return context.WithValue(ctx, pipelineRunKey{}, informer), informer.Informer()
}
