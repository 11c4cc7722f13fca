// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package install

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/yaml"

	"kubernaut.ai/workflowexecution/test/cluster"
)

const (
	controllerPackage = "./cmd/workflowexecution"
	readyTimeout      = 60 * time.Second
	readyInterval     = 50 * time.Millisecond
	logLines          = 20
)

// Controller is the controller as config/ ships it, as a program that can be started again and again.
type Controller struct {
	cluster    *cluster.Cluster
	path       string
	container  corev1.Container
	kubeconfig string
	starts     int
}

// NewController builds the controller and gets it the identity of its ServiceAccount.
func NewController(ctx context.Context, c *cluster.Cluster, root string) (*Controller, error) {
	c.Printf("building the controller")
	path := filepath.Join(c.Dir(), "workflow-execution")
	build := exec.CommandContext(ctx, "go", "build", "-o", path, controllerPackage)
	build.Dir = root
	build.Env = append([]string{cluster.CompilerGC}, os.Environ()...)
	if output, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("failed to build the controller: %w\n%s", err, output)
	}
	container, err := shippedContainer(root)
	if err != nil {
		return nil, err
	}
	kubeconfig, err := c.ServiceAccountKubeconfig(ctx, SystemNamespace, serviceAccount)
	if err != nil {
		return nil, err
	}
	return &Controller{cluster: c, path: path, container: container, kubeconfig: kubeconfig}, nil
}

// Path is the built program.
func (c *Controller) Path() string { return c.path }

// Start starts a replica and returns when it is ready. Further flags come after the shipped ones.
func (c *Controller) Start(ctx context.Context, flags ...string) (*cluster.Process, error) {
	process, probes, err := c.Launch(flags...)
	if err != nil {
		return nil, err
	}
	return process, AwaitReady(ctx, process, probes)
}

// Launch starts a replica and returns at once, with the address of its probes.
func (c *Controller) Launch(flags ...string) (*cluster.Process, string, error) {
	probes, profiling, metrics, err := c.threePorts()
	if err != nil {
		return nil, "", err
	}
	c.starts++
	name := "workflow-execution-" + strconv.Itoa(c.starts)
	args := append([]string{}, c.container.Args...)
	args = append(args, "-probe-address=127.0.0.1:"+probes, "-profiling-address=127.0.0.1:"+profiling)
	process, err := c.cluster.StartProcess(name, c.environment(name, metrics), c.path, append(args, flags...)...)
	return process, "127.0.0.1:" + probes, err
}

func (c *Controller) threePorts() (probes, profiling, metrics string, err error) {
	var taken [3]string
	for i := range taken {
		port, err := c.cluster.Port()
		if err != nil {
			return "", "", "", err
		}
		taken[i] = strconv.Itoa(port)
	}
	return taken[0], taken[1], taken[2], nil
}

// environment is the shipped one, with what the kubelet would fill in.
func (c *Controller) environment(name, metricsPort string) []string {
	environment := []string{"KUBECONFIG=" + c.kubeconfig, "METRICS_PROMETHEUS_PORT=" + metricsPort}
	fields := map[string]string{"metadata.namespace": SystemNamespace, "metadata.name": name}
	for _, variable := range c.container.Env {
		value := variable.Value
		if variable.ValueFrom != nil && variable.ValueFrom.FieldRef != nil {
			value = fields[variable.ValueFrom.FieldRef.FieldPath]
		}
		environment = append(environment, variable.Name+"="+value)
	}
	return environment
}

// AwaitReady returns when the replica's /ready says so, or with the end of its log if it ends first.
func AwaitReady(ctx context.Context, process *cluster.Process, probes string) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	err := wait.PollUntilContextCancel(ctx, readyInterval, true, func(ctx context.Context) (bool, error) {
		if !process.Running() {
			return false, errors.New("it ended")
		}
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+probes+"/ready", http.NoBody)
		if err != nil {
			return false, err
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return false, nil
		}
		defer response.Body.Close()
		return response.StatusCode == http.StatusOK, nil
	})
	if err != nil {
		return fmt.Errorf("%s did not become ready: %w; %s ends with:\n%s", process.Name(), err, process.Log(), process.Tail(logLines))
	}
	return nil
}

func shippedContainer(root string) (corev1.Container, error) {
	data, err := os.ReadFile(filepath.Join(root, configFolder, deploymentFile))
	if err != nil {
		return corev1.Container{}, err
	}
	var deployment appsv1.Deployment
	if err := yaml.UnmarshalStrict(data, &deployment); err != nil {
		return corev1.Container{}, err
	}
	return deployment.Spec.Template.Spec.Containers[0], nil
}
