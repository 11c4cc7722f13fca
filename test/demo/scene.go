// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	"sigs.k8s.io/yaml"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/pkg/client/clientset/versioned"
	"kubernaut.ai/workflowexecution/test/cluster"
)

const (
	namespace    = "default"
	sceneTimeout = 2 * time.Minute
	// exampleRegistry is where the examples say that their bundles are.
	exampleRegistry = "registry.example.com"
)

// scene is one execution of the demonstration, taken from a folder below examples/.
type scene struct {
	name     string
	story    string
	want     v1alpha1.Phase
	simulate map[string]string
}

var scenes = []scene{
	{
		name:  "restart-deployment",
		story: "A workflow that succeeds",
		want:  v1alpha1.PhaseCompleted,
	},
	{
		name:  "failing",
		story: "A workflow that fails in its second task",
		want:  v1alpha1.PhaseFailed,
		simulate: map[string]string{
			cluster.AnnotationFailTask:     "repair",
			cluster.AnnotationFailExitCode: "3",
		},
	},
}

// prepare gives the example's ServiceAccount its rights and pushes its bundle. The node is simulated, so the Pipeline
// is told there how its pods end.
func (s scene) prepare(ctx context.Context, c *cluster.Cluster, root string) error {
	if err := c.Apply(ctx, filepath.Join(root, "examples", s.name, "rbac.yaml")); err != nil {
		return err
	}
	data, err := os.ReadFile(filepath.Join(root, "examples", s.name, "pipeline.yaml"))
	if err != nil {
		return err
	}
	var pipeline tektonv1.Pipeline
	if err := yaml.UnmarshalStrict(data, &pipeline); err != nil {
		return err
	}
	pipeline.Annotations = map[string]string{cluster.AnnotationStepDuration: "1s"}
	maps.Copy(pipeline.Annotations, s.simulate)
	if data, err = yaml.Marshal(pipeline); err != nil {
		return err
	}
	_, err = c.PushBundle(ctx, "workflows/"+s.name+":v1", data)
	return err
}

// manifest is the example's WorkflowExecution, with the registry of this cluster.
func (s scene) manifest(registry, root string) ([]byte, error) {
	data, err := os.ReadFile(filepath.Join(root, "examples", s.name, "workflowexecution.yaml"))
	return bytes.ReplaceAll(data, []byte(exampleRegistry), []byte(registry)), err
}

func (s scene) execution(registry, root string) (*v1alpha1.WorkflowExecution, error) {
	data, err := s.manifest(registry, root)
	if err != nil {
		return nil, err
	}
	var wfe v1alpha1.WorkflowExecution
	if err := yaml.UnmarshalStrict(data, &wfe); err != nil {
		return nil, err
	}
	wfe.Namespace = namespace
	return &wfe, nil
}

// play submits the execution, shows what happens to it, and how kubectl sees it in the end.
func (s scene) play(ctx context.Context, c *cluster.Cluster, root string) error {
	ctx, cancel := context.WithTimeout(ctx, sceneTimeout)
	defer cancel()
	wfe, err := s.execution(c.Registry(), root)
	if err != nil {
		return err
	}
	client, err := versioned.NewForConfig(c.Config())
	if err != nil {
		return err
	}
	fmt.Printf("\n== %s: %s on %s\n\n", s.story, wfe.Spec.WorkflowRef.WorkflowID, wfe.Spec.TargetResource)
	v, err := newView(ctx, c, client, wfe.Name)
	if err != nil {
		return err
	}
	defer v.close()
	if err := v.submit(ctx, wfe); err != nil {
		return err
	}
	last, err := v.follow(ctx)
	if err != nil {
		return err
	}
	if err := kubectl(ctx, c, "get", "wfe", "-n", namespace, wfe.Name); err != nil {
		return err
	}
	if last.Status.Phase != s.want {
		return fmt.Errorf("ended as %s, expected %s", last.Status.Phase, s.want)
	}
	return showFailure(last)
}

func showFailure(wfe *v1alpha1.WorkflowExecution) error {
	if wfe.Status.FailureDetails == nil {
		return nil
	}
	details, err := yaml.Marshal(map[string]any{"failureDetails": wfe.Status.FailureDetails})
	if err == nil {
		fmt.Printf("\n%s", details)
	}
	return err
}

func kubectl(ctx context.Context, c *cluster.Cluster, args ...string) error {
	fmt.Printf("\n$ kubectl %s\n", strings.Join(args, " "))
	command := exec.CommandContext(ctx, c.Program("kubectl"), append([]string{"--kubeconfig", c.Kubeconfig()}, args...)...)
	command.Stdout, command.Stderr = os.Stdout, os.Stderr
	return command.Run()
}
