// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"bytes"
	"context"
	"embed"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	kwok           = "kwok"
	nodeName       = "simulated"
	nodeAnnotation = "kwok.x-k8s.io/node"
)

//go:embed stages/*.yaml
var stages embed.FS

// kwokConfiguration comes before the stages. The parallelisms have no default in kwok when a configuration is given.
const kwokConfiguration = `apiVersion: config.kwok.x-k8s.io/v1alpha1
kind: KwokConfiguration
options:
  cidr: 10.244.0.0/16
  nodeIP: 127.0.0.1
  manageNodesWithAnnotationSelector: ` + nodeAnnotation + `=fake
  nodeLeaseDurationSeconds: 40
  nodeLeaseParallelism: 1
  nodePlayStageParallelism: 1
  podPlayStageParallelism: 8
`

// startNode registers the simulated node and waits until pods can be scheduled to it.
func (c *Cluster) startNode(ctx context.Context) error {
	config := filepath.Join(c.dir, "kwok.yaml")
	if err := writeStages(config); err != nil {
		return err
	}
	kubeconfig, err := c.clientKubeconfig(kwok, "system:masters")
	if err != nil {
		return err
	}
	if _, err := c.client.CoreV1().Nodes().Create(ctx, c.node(), metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("registering the simulated node: %w", err)
	}
	// Home is where kwok would look for a configuration of the user.
	env := []string{"HOME=" + c.dir}
	if _, err := c.startProgram(kwok, env, "--kubeconfig="+kubeconfig, "--config="+config); err != nil {
		return err
	}
	return c.await(ctx, kwok, func(ctx context.Context) error { return c.isFree(ctx, nodeName) })
}

func (c *Cluster) node() *corev1.Node {
	return &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{
			Name:        nodeName,
			Annotations: map[string]string{nodeAnnotation: "fake"},
			Labels: map[string]string{
				corev1.LabelHostname: nodeName, corev1.LabelOSStable: "linux", corev1.LabelArchStable: "amd64",
			},
		},
		Status: corev1.NodeStatus{DaemonEndpoints: c.kubelet.endpoint()},
	}
}

func writeStages(path string) error {
	files, err := fs.Glob(stages, "stages/*.yaml")
	if err != nil {
		return err
	}
	var all bytes.Buffer
	all.WriteString(kwokConfiguration)
	for _, file := range files {
		content, err := stages.ReadFile(file)
		if err != nil {
			return err
		}
		all.WriteString("---\n")
		all.Write(content)
	}
	return os.WriteFile(path, all.Bytes(), 0o600)
}
