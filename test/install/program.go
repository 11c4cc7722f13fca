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
	"slices"
	"strconv"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/yaml"

	"kubernaut.ai/workflowexecution/test/cluster"
)

const (
	readyTimeout  = 60 * time.Second
	readyInterval = 50 * time.Millisecond
	logLines      = 20
)

// shipped says where a program of ours is, and what config/ makes of it.
type shipped struct {
	// name of its processes, and of the built file.
	name string
	// packagePath of its main, from the root.
	packagePath    string
	deploymentFile string
	serviceAccount string
}

// program is one of ours as config/ ships it. It can be started again and again.
type program struct {
	cluster    *cluster.Cluster
	name, path string
	container  corev1.Container
	kubeconfig string
	starts     int
}

// build builds the program and gets it the identity of its ServiceAccount.
func (s shipped) build(ctx context.Context, c *cluster.Cluster, root string) (*program, error) {
	p := &program{cluster: c, name: s.name, path: filepath.Join(c.Dir(), s.name)}
	build := exec.CommandContext(ctx, "go", "build", "-o", p.path, s.packagePath)
	build.Dir = root
	build.Env = append([]string{cluster.CompilerGC}, os.Environ()...)
	if output, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("failed to build %s: %w\n%s", s.packagePath, err, output)
	}
	var err error
	if p.container, err = s.container(root); err != nil {
		return nil, err
	}
	p.kubeconfig, err = c.ServiceAccountKubeconfig(ctx, SystemNamespace, s.serviceAccount)
	return p, err
}

func (s shipped) container(root string) (corev1.Container, error) {
	data, err := os.ReadFile(filepath.Join(root, configFolder, s.deploymentFile))
	if err != nil {
		return corev1.Container{}, err
	}
	var deployment appsv1.Deployment
	if err := yaml.UnmarshalStrict(data, &deployment); err != nil {
		return corev1.Container{}, err
	}
	return deployment.Spec.Template.Spec.Containers[0], nil
}

// Path is the built program.
func (p *program) Path() string { return p.path }

// launch starts a process and returns at once, with the address of its probes. The flags come after the
// shipped ones.
func (p *program) launch(flags ...string) (*cluster.Process, string, error) {
	probes, profiling, metrics, err := p.threePorts()
	if err != nil {
		return nil, "", err
	}
	p.starts++
	name := p.name + "-" + strconv.Itoa(p.starts)
	args := slices.Concat(p.container.Args, []string{
		"-probe-address=127.0.0.1:" + probes, "-profiling-address=127.0.0.1:" + profiling,
	}, flags)
	process, err := p.cluster.StartProcess(name, p.environment(name, metrics), p.path, args...)
	return process, "127.0.0.1:" + probes, err
}

func (p *program) threePorts() (probes, profiling, metrics string, err error) {
	var taken [3]string
	for i := range taken {
		port, err := p.cluster.Port()
		if err != nil {
			return "", "", "", err
		}
		taken[i] = strconv.Itoa(port)
	}
	return taken[0], taken[1], taken[2], nil
}

// environment is the shipped one, with what the kubelet would fill in.
func (p *program) environment(name, metricsPort string) []string {
	environment := []string{"KUBECONFIG=" + p.kubeconfig, "METRICS_PROMETHEUS_PORT=" + metricsPort}
	fields := map[string]string{"metadata.namespace": SystemNamespace, "metadata.name": name}
	for _, variable := range p.container.Env {
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
