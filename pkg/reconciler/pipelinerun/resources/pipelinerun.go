// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

// Package resources makes the objects a WorkflowExecution needs, from nothing but values.
package resources

import (
	"fmt"
	"maps"
	"slices"

	"github.com/google/go-containerregistry/pkg/name"
	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubernaut.ai/workflowexecution/pkg/apis/config"
	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution"
	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/pkg/reconciler/pipelinerun/resources/names"
)

const bundlesResolver = "bundles"

// MakePipelineRun makes the PipelineRun of an execution: pending, so that nothing runs before its
// reference is stored and the lock of its target, which is named by its canonical form, was checked
// once more (docs/design.md, "The write protocol").
func MakePipelineRun(
	wfe *v1alpha1.WorkflowExecution, target, namespace string, cfg *config.WorkflowExecution,
) (*tektonv1.PipelineRun, error) {
	settings, err := MakeSettings(&wfe.Spec, cfg)
	if err != nil {
		return nil, err
	}
	bundle, err := BundleReference(wfe.Spec.WorkflowRef)
	if err != nil {
		return nil, err
	}
	account := ServiceAccount(&wfe.Spec, cfg)
	annotations := runAnnotations(wfe, target)
	if annotations[workflowexecution.SettingsAnnotation], err = settings.encode(); err != nil {
		return nil, err
	}
	return &tektonv1.PipelineRun{
		ObjectMeta: metav1.ObjectMeta{
			Namespace:   namespace,
			Name:        names.PipelineRun(wfe),
			Labels:      runLabels(wfe, target),
			Annotations: annotations,
		},
		Spec: tektonv1.PipelineRunSpec{
			Status:      tektonv1.PipelineRunSpecStatusPending,
			PipelineRef: pipelineRef(bundle, cfg.PipelineName, account),
			Params:      parameters(&wfe.Spec),
			// A backstop for the time when no controller is up: Tekton's own timeouts skip the
			// finally tasks, so the controller cancels the run before this one strikes.
			Timeouts: &tektonv1.TimeoutFields{
				Pipeline: &metav1.Duration{Duration: settings.Timeout.Duration + settings.FinallyTimeout.Duration},
			},
			TaskRunTemplate: tektonv1.PipelineTaskRunTemplate{
				ServiceAccountName: account,
				PodTemplate:        cfg.PodTemplate.DeepCopy(),
			},
		},
	}, nil
}

// BundleReference is where the workflow's bundle is resolved from: by its digest if that is pinned,
// never by the tag then.
func BundleReference(ref v1alpha1.WorkflowRef) (string, error) {
	if ref.ContainerDigest == "" {
		return ref.ContainerImage, nil
	}
	image, err := name.ParseReference(ref.ContainerImage)
	if err != nil {
		return "", fmt.Errorf("spec.workflowRef.containerImage %q: %w", ref.ContainerImage, err)
	}
	return image.Context().Name() + "@" + ref.ContainerDigest, nil
}

// ServiceAccount is what the workflow's pods run as.
func ServiceAccount(spec *v1alpha1.WorkflowExecutionSpec, cfg *config.WorkflowExecution) string {
	if spec.ExecutionConfig != nil && spec.ExecutionConfig.ServiceAccountName != "" {
		return spec.ExecutionConfig.ServiceAccountName
	}
	return cfg.DefaultServiceAccount
}

// pipelineRef has the bundle fetched with the pull secrets of the workflow's own ServiceAccount, as its images are.
func pipelineRef(bundle, pipeline, account string) *tektonv1.PipelineRef {
	return &tektonv1.PipelineRef{ResolverRef: tektonv1.ResolverRef{
		Resolver: bundlesResolver,
		Params: tektonv1.Params{
			stringParam("bundle", bundle), stringParam("name", pipeline), stringParam("kind", "pipeline"),
			stringParam("serviceAccount", account),
		},
	}}
}

func parameters(spec *v1alpha1.WorkflowExecutionSpec) tektonv1.Params {
	values := map[string]string{}
	maps.Copy(values, spec.Parameters)
	values[v1alpha1.TargetResourceParameter] = spec.TargetResource

	params := make(tektonv1.Params, 0, len(values))
	for _, key := range slices.Sorted(maps.Keys(values)) {
		params = append(params, stringParam(key, values[key]))
	}
	return params
}

func stringParam(key, value string) tektonv1.Param {
	return tektonv1.Param{Name: key, Value: *tektonv1.NewStructuredValues(value)}
}
