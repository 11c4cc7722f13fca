// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

// Package examples_test checks that the examples are what Tekton and the API accept.
package examples_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	"knative.dev/pkg/apis"
	"sigs.k8s.io/yaml"

	"kubernaut.ai/workflowexecution/pkg/apis/config"
	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
)

func TestPipelinesAreValid(t *testing.T) {
	for _, file := range files(t, "pipeline.yaml") {
		t.Run(file, func(t *testing.T) {
			pipeline := readPipeline(t, file)
			ctx := apis.WithinCreate(t.Context())
			pipeline.SetDefaults(ctx)
			if err := pipeline.Validate(ctx); err != nil {
				t.Error("Validate() =", err)
			}
			if want := config.DefaultWorkflowExecution().PipelineName; pipeline.Name != want {
				t.Errorf("name = %q, want the default pipeline-name %q", pipeline.Name, want)
			}
			for _, task := range append(pipeline.Spec.Tasks, pipeline.Spec.Finally...) {
				checkSteps(t, task)
			}
		})
	}
}

// checkSteps wants steps that name what they run: without a command Tekton asks the registry for the
// entrypoint of the image. A parameter inside a script would be code.
func checkSteps(t *testing.T, task tektonv1.PipelineTask) {
	t.Helper()
	for _, step := range task.TaskSpec.Steps {
		if step.Script == "" && len(step.Command) == 0 {
			t.Errorf("step %s of task %s has neither script nor command", step.Name, task.Name)
		}
		if strings.Contains(step.Script, "$(params.") {
			t.Errorf("step %s of task %s has a parameter in its script", step.Name, task.Name)
		}
	}
}

func TestWorkflowExecutionsAreValid(t *testing.T) {
	for _, file := range files(t, "workflowexecution.yaml") {
		t.Run(file, func(t *testing.T) {
			wfe := &v1alpha1.WorkflowExecution{}
			read(t, file, wfe)
			ctx := apis.WithinCreate(t.Context())
			wfe.SetDefaults(ctx)
			if err := wfe.Validate(ctx); err != nil {
				t.Error("Validate() =", err)
			}
			if got, want := wfe.GroupVersionKind(), wfe.GetGroupVersionKind(); got != want {
				t.Errorf("it is a %s, want %s", got, want)
			}
			checkParameters(t, wfe, readPipeline(t, filepath.Join(filepath.Dir(file), "pipeline.yaml")))
		})
	}
}

// checkParameters wants every parameter to be one of the Pipeline, which has no others without default.
func checkParameters(t *testing.T, wfe *v1alpha1.WorkflowExecution, pipeline *tektonv1.Pipeline) {
	t.Helper()
	declared := map[string]bool{}
	for _, param := range pipeline.Spec.Params {
		declared[param.Name] = true
		_, passed := wfe.Spec.Parameters[param.Name]
		if !passed && param.Default == nil && param.Name != "TARGET_RESOURCE" {
			t.Errorf("parameter %s has neither value nor default", param.Name)
		}
	}
	for name := range wfe.Spec.Parameters {
		if !declared[name] {
			t.Errorf("the Pipeline has no parameter %s", name)
		}
	}
	if !declared["TARGET_RESOURCE"] {
		t.Error("the Pipeline does not declare TARGET_RESOURCE")
	}
}

func files(t *testing.T, name string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join("*", name))
	if err != nil || len(found) < 3 {
		t.Fatalf("Glob() = %v, %v", found, err)
	}
	return found
}

func readPipeline(t *testing.T, file string) *tektonv1.Pipeline {
	t.Helper()
	pipeline := &tektonv1.Pipeline{}
	read(t, file, pipeline)
	return pipeline
}

func read(t *testing.T, file string, into any) {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal("ReadFile() =", err)
	}
	if err := yaml.UnmarshalStrict(raw, into); err != nil {
		t.Fatalf("%s: UnmarshalStrict() = %v", file, err)
	}
}
