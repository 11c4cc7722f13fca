// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

// Package examples_test checks that the examples are what Tekton and the API accept, that their steps do what their
// READMEs say, and that each folder has the form of the others.
package examples_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	"knative.dev/pkg/apis"
	"sigs.k8s.io/yaml"

	"kubernaut.ai/workflowexecution/pkg/apis/config"
	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
)

const (
	executionNamespace = "kubernaut-workflows"
	targetParameter    = "TARGET_RESOURCE"
)

// folders are the names of the examples.
func folders(t *testing.T) []string {
	t.Helper()
	found, err := filepath.Glob("*/pipeline.yaml")
	if err != nil || len(found) < 5 {
		t.Fatalf("Glob() = %v, %v", found, err)
	}
	for i := range found {
		found[i] = filepath.Dir(found[i])
	}
	return found
}

// forEach runs a test for every example.
func forEach(t *testing.T, test func(t *testing.T, folder string)) {
	t.Helper()
	for _, folder := range folders(t) {
		t.Run(folder, func(t *testing.T) { test(t, folder) })
	}
}

func TestPipelinesAreValid(t *testing.T) {
	forEach(t, func(t *testing.T, folder string) {
		pipeline := readPipeline(t, folder)
		ctx := apis.WithinCreate(t.Context())
		pipeline.SetDefaults(ctx)
		if err := pipeline.Validate(ctx); err != nil {
			t.Error("Validate() =", err)
		}
		if want := config.DefaultWorkflowExecution().PipelineName; pipeline.Name != want {
			t.Errorf("name = %q, want the default pipeline-name %q", pipeline.Name, want)
		}
	})
}

func TestWorkflowExecutionsAreValid(t *testing.T) {
	forEach(t, func(t *testing.T, folder string) {
		wfe := readExecution(t, folder)
		ctx := apis.WithinCreate(t.Context())
		wfe.SetDefaults(ctx)
		if err := wfe.Validate(ctx); err != nil {
			t.Error("Validate() =", err)
		}
		if got, want := wfe.GroupVersionKind(), wfe.GetGroupVersionKind(); got != want {
			t.Errorf("it is a %s, want %s", got, want)
		}
		if got, want := wfe.Spec.WorkflowRef.ContainerImage, registry+"/workflows/"+folder+":v1"; got != want {
			t.Errorf("its bundle is %s, want %s", got, want)
		}
		if got := wfe.Spec.WorkflowRef.WorkflowID; got != folder {
			t.Errorf("its workflow is %s, want %s", got, folder)
		}
	})
}

// TestExecutionsFitTheirPipelines wants every parameter to be one of the Pipeline, which has no others without default, and
// every time that a step may take to be less than the time of the execution.
func TestExecutionsFitTheirPipelines(t *testing.T) {
	forEach(t, func(t *testing.T, folder string) {
		wfe, pipeline := readExecution(t, folder), readPipeline(t, folder)
		declared := map[string]bool{}
		for _, param := range pipeline.Spec.Params {
			declared[param.Name] = true
			value, passed := wfe.Spec.Parameters[param.Name]
			if !passed && param.Default == nil && param.Name != targetParameter {
				t.Errorf("parameter %s has neither value nor default", param.Name)
			}
			if !passed && param.Default != nil {
				value = param.Default.StringVal
			}
			checkTimeout(t, wfe, param.Name, value)
		}
		for name := range wfe.Spec.Parameters {
			if !declared[name] {
				t.Errorf("the Pipeline has no parameter %s", name)
			}
		}
		if !declared[targetParameter] {
			t.Error("the Pipeline does not declare", targetParameter)
		}
	})
}

func checkTimeout(t *testing.T, wfe *v1alpha1.WorkflowExecution, parameter, value string) {
	t.Helper()
	if !strings.HasSuffix(parameter, "_TIMEOUT") {
		return
	}
	timeout, err := time.ParseDuration(value)
	if err != nil {
		t.Errorf("parameter %s: %v", parameter, err)
	}
	if whole := wfe.Spec.ExecutionConfig.Timeout.Duration; timeout >= whole {
		t.Errorf("%s is %s, not less than the execution's %s", parameter, timeout, whole)
	}
}

func readPipeline(t *testing.T, folder string) *tektonv1.Pipeline {
	t.Helper()
	pipeline := &tektonv1.Pipeline{}
	decode(t, readFile(t, folder, "pipeline.yaml"), pipeline)
	return pipeline
}

func readExecution(t *testing.T, folder string) *v1alpha1.WorkflowExecution {
	t.Helper()
	wfe := &v1alpha1.WorkflowExecution{}
	decode(t, readFile(t, folder, "workflowexecution.yaml"), wfe)
	if wfe.Spec.ExecutionConfig == nil || wfe.Spec.ExecutionConfig.Timeout == nil {
		t.Fatal("the execution has no timeout of its own")
	}
	return wfe
}

func readFile(t *testing.T, elements ...string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(elements...))
	if err != nil {
		t.Fatal("ReadFile() =", err)
	}
	return string(raw)
}

func decode(t *testing.T, document string, into any) {
	t.Helper()
	if err := yaml.UnmarshalStrict([]byte(document), into); err != nil {
		t.Fatalf("UnmarshalStrict() = %v in\n%s", err, document)
	}
}
