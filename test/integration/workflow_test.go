// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/pkg/reconciler/pipelinerun/resources"
	"kubernaut.ai/workflowexecution/pkg/targetlock"
	"kubernaut.ai/workflowexecution/test/install"
)

// workflow describes a Pipeline whose steps are simulated.
type workflow struct {
	tasks    []string
	finally  []string
	simulate map[string]string
	// change makes the Pipeline a special one.
	change func(*tektonv1.PipelineSpec)
}

// push makes a bundle of the workflow and returns its reference and digest.
func (w workflow) push(t *testing.T, repositoryAndTag string) (image, digest string) {
	t.Helper()
	data, err := yaml.Marshal(w.pipeline())
	must(t, err)
	digest, err = world.Cluster.PushBundle(t.Context(), repositoryAndTag, data)
	must(t, err)
	return world.Cluster.Registry() + "/" + repositoryAndTag, digest
}

func (w workflow) pipeline() *tektonv1.Pipeline {
	if len(w.tasks) == 0 {
		w.tasks = []string{"prepare", "repair"}
	}
	pipeline := &tektonv1.Pipeline{
		TypeMeta:   metav1.TypeMeta{APIVersion: "tekton.dev/v1", Kind: "Pipeline"},
		ObjectMeta: metav1.ObjectMeta{Name: "workflow", Annotations: w.simulate},
	}
	for i, name := range w.tasks {
		task := pipelineTask(name)
		if i > 0 {
			task.RunAfter = []string{w.tasks[i-1]}
		}
		pipeline.Spec.Tasks = append(pipeline.Spec.Tasks, task)
	}
	for _, name := range w.finally {
		pipeline.Spec.Finally = append(pipeline.Spec.Finally, pipelineTask(name))
	}
	if w.change != nil {
		w.change(&pipeline.Spec)
	}
	return pipeline
}

func pipelineTask(name string) tektonv1.PipelineTask {
	return tektonv1.PipelineTask{Name: name, TaskSpec: &tektonv1.EmbeddedTask{TaskSpec: tektonv1.TaskSpec{
		Steps: []tektonv1.Step{{Name: "main", Image: "example.com/step:v1", Command: []string{"/bin/true"}}},
	}}}
}

// bundle is the tag under which a test keeps its workflow, or one of several by its name. No other test
// has it: they run side by side.
func bundle(t *testing.T, name ...string) string {
	t.Helper()
	words := strings.ToLower(strings.Join(append([]string{t.Name()}, name...), "-"))
	return "tests/" + strings.Trim(noWord.ReplaceAllString(words, "-"), "-") + ":v1"
}

// noWord is what the name of a test may have in it and that of a repository may not.
var noWord = regexp.MustCompile(`[^a-z0-9]+`)

func runOf(t *testing.T, wfe *v1alpha1.WorkflowExecution) *tektonv1.PipelineRun {
	t.Helper()
	runs := runsOf(t, wfe)
	if len(runs) != 1 {
		t.Fatalf("%s has %d PipelineRuns, expected one", wfe.Name, len(runs))
	}
	return &runs[0]
}

func runsOf(t *testing.T, wfe *v1alpha1.WorkflowExecution) []tektonv1.PipelineRun {
	t.Helper()
	list, err := world.Tekton.TektonV1().PipelineRuns(install.ExecutionNamespace).List(t.Context(), childrenOf(wfe))
	must(t, err)
	return list.Items
}

func taskRunOf(t *testing.T, wfe *v1alpha1.WorkflowExecution, task string) *tektonv1.TaskRun {
	t.Helper()
	list, err := world.Tekton.TektonV1().TaskRuns(install.ExecutionNamespace).List(t.Context(), metav1.ListOptions{
		LabelSelector: resources.SelectChildren(wfe.UID) + ",tekton.dev/pipelineTask=" + task,
	})
	must(t, err)
	if len(list.Items) != 1 {
		t.Fatalf("%s has %d TaskRuns of task %s, expected one", wfe.Name, len(list.Items), task)
	}
	return &list.Items[0]
}

func leaseName(wfe *v1alpha1.WorkflowExecution) string {
	canonical := strings.Replace(wfe.Spec.TargetResource, "/deployment/", "/deployments.apps/", 1)
	return targetlock.LeaseName(canonical)
}

func isLocked(t *testing.T, wfe *v1alpha1.WorkflowExecution) bool {
	t.Helper()
	return holderOf(t, wfe) != ""
}

func expect[T any](t *testing.T, what string, want, got T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func numbered(count int) map[string]string {
	parameters := map[string]string{}
	for i := range count {
		parameters[fmt.Sprintf("KEY_%03d", i)] = fmt.Sprintf("value %d", i)
	}
	return parameters
}

func childrenOf(wfe *v1alpha1.WorkflowExecution) metav1.ListOptions {
	return metav1.ListOptions{LabelSelector: resources.SelectChildren(wfe.UID)}
}
